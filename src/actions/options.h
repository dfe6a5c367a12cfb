// The bounds of actions. Beyond one a change is refused, unless it says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace neurallog::actions {

struct Options {
  // The file with the key of secrets, made when missing. It is not in backups.
  std::string key_file;
  size_t actions_max = 1'000;  // of a tenant
  // Deliveries that wait, of all tenants and of one; past it they go to the dead letters at once.
  size_t pending_max = 2'000'000;
  size_t pending_per_tenant_max = 1'000'000;
  size_t flights_max = 1'024;             // attempts at a time
  size_t flights_per_tenant_max = 256;    // of one tenant
  size_t flights_per_endpoint_max = 128;  // to one receiver
  // Of a tenant: deliveries that have ended; past it the oldest go.
  size_t history_max = 100'000;
  int64_t history_ns = int64_t{7} * 86'400 * 1'000'000'000;
  // Of a tenant; past it the oldest go, which is counted.
  size_t dead_letters_max = 100'000;
  size_t dead_letter_bytes_max = 256u << 20;
  int64_t dead_letter_ns = int64_t{30} * 86'400 * 1'000'000'000;
  // An action that has only failed for so long is disabled.
  int64_t failing_ns_max = int64_t{120} * 3'600 * 1'000'000'000;
};

}  // namespace neurallog::actions
