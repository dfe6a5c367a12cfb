// The configuration as the program sees it: one plain struct, a member per section, defaults in
// place.
//
// What each option means, its bounds and whether it can change while the server runs is its row in
// config/option_table.cc; server/ copies the fields into each room's Options. Plain values: copy
// it, compare it with DiffReloadable.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/log.h"

namespace neurallog::config {

using Duration = std::chrono::nanoseconds;

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;
inline constexpr Duration kDay = std::chrono::hours(24);

enum class IoBackend { kAuto, kEpoll, kIoUring };
enum class AuthRequired { kAuto, kAlways };

struct HttpConfig {
  IoBackend io_backend = IoBackend::kAuto;
  int threads = 0;
  int connections_max = 10'000;
  uint64_t head_bytes_max = 16 * kKiB;
  uint64_t body_bytes_max = 64 * kMiB;
  uint64_t body_bytes_total_max = 0;  // this and other zeros: a share of memory_limit
  Duration header_timeout = std::chrono::seconds(10);
  Duration body_timeout = std::chrono::seconds(60);
  Duration idle_timeout = std::chrono::seconds(75);
  Duration write_timeout = std::chrono::seconds(60);
};

struct TlsConfig {
  std::string certificate_file;
  std::string key_file;
};

struct IngestConfig {
  uint64_t record_bytes_max = 2 * kMiB;
  int record_fields_max = 1'000;
  uint64_t field_name_bytes_max = 512;
  Duration queue_wait = std::chrono::seconds(2);
  int requests_in_flight_max = 10'000;
  uint64_t bytes_in_flight_max = 0;
  Duration idempotency_window = std::chrono::minutes(10);
  int idempotency_keys_max = 1'000'000;
};

struct RingConfig {
  int slots = 4'096;
};

struct WalConfig {
  uint64_t segment_bytes = 64 * kMiB;
  uint64_t group_bytes_max = 1 * kMiB;
  bool direct_io = true;
  bool accept_damage = false;
  uint64_t retained_bytes_max = 1 * kGiB;
  int recycle_segments_max = 2;
};

struct StorageConfig {
  int block_rows = 16'384;
  uint64_t block_bytes_max = 8 * kMiB;
  Duration seal_age = std::chrono::seconds(30);
  int seal_threads = 1;
  uint64_t row_buffer_bytes_max = 0;
  uint64_t block_cache_bytes = 0;
  uint64_t memtable_bytes_total = 0;
  uint64_t directory_bytes_max = 0;
  uint64_t index_cache_bytes = 0;
  uint64_t column_cache_bytes = 0;
  uint64_t rewrite_bytes_max = 0;
  uint64_t rewrite_bytes_per_second = 32 * kMiB;
  Duration warm_after = 2 * kDay;
  int warm_zstd_level = 9;
  int warm_idle_rate = 10'000;
  Duration retention = Duration::zero();  // zero: for ever
  uint64_t disk_quota_bytes = 0;          // zero: none
  Duration future_max = 2 * kDay;
};

struct QueryConfig {
  int threads = 0;
  int concurrency_max = 64;
  int tenant_concurrency_max = 48;
  int exports_max = 8;
  int queue_max = 256;
  int tenant_queue_max = 192;
  Duration timeout = std::chrono::seconds(30);
  uint64_t memory_bytes_max = 0;
  uint64_t memory_bytes_total_max = 0;
  bool partials = true;
  uint64_t partials_bytes_max = 0;
  uint64_t scan_bytes_max = 0;
  Duration slow_threshold = std::chrono::seconds(10);
  int rows_limit_default = 1'000;
};

struct TailConfig {
  int viewers_max = 4'096;
  int viewers_per_tenant_max = 1'024;
  uint64_t viewer_bytes_max = 1 * kMiB;
  int viewer_events_max = 10'000;
  Duration heartbeat = std::chrono::seconds(15);
};

// Of a tenant, but the first three.
struct RulesConfig {
  uint64_t queue_bytes_max = 0;
  uint64_t state_bytes_max = 0;
  uint64_t compiled_bytes_max = 0;
  Duration idle_timeout = std::chrono::minutes(10);
  int rule_ns_max = 50'000;
  int rules_max = 20'000;
  uint64_t document_bytes_max = 1 * kMiB;
  int lists_max = 1'000;
  int list_values_max = 100'000;
  uint64_t list_bytes_max = 4 * kMiB;
  int matches_max = 100'000;
  uint64_t match_bytes_max = 256 * kMiB;
  int alerts_max = 10'000;
  int alerts_per_rule_max = 1'000;
  int alerts_resolved_max = 20'000;
  Duration alert_retention = std::chrono::hours(30 * 24);
};

struct ActionsConfig {
  std::string allow_cidr;
  std::string ca_file;
  bool https_only = false;
  std::string proxy;
  std::string exec_programs;
  int pending_max = 2'000'000;
  int tenant_pending_max = 1'000'000;
  int history_max = 100'000;
  Duration history = std::chrono::hours(7 * 24);
  int dead_letters_max = 100'000;
  uint64_t dead_letter_bytes_max = 256 * kMiB;
  Duration dead_letter_retention = std::chrono::hours(30 * 24);
  Duration disable_after = std::chrono::hours(120);
};

struct AuthConfig {
  AuthRequired required = AuthRequired::kAuto;
};

struct LogConfig {
  base::LogLevel level = base::LogLevel::kInfo;
  base::LogFormat format = base::LogFormat::kText;
};

struct ShutdownConfig {
  Duration timeout = std::chrono::seconds(20);
};

struct Config {
  std::string listen = "127.0.0.1:8080";
  std::string data_dir = "./data";
  uint64_t memory_limit = 0;  // zero: see memory_plan.h
  HttpConfig http;
  TlsConfig tls;
  IngestConfig ingest;
  RingConfig ring;
  WalConfig wal;
  StorageConfig storage;
  QueryConfig query;
  TailConfig tail;
  RulesConfig rules;
  ActionsConfig actions;
  AuthConfig auth;
  LogConfig log;
  ShutdownConfig shutdown;
};

}  // namespace neurallog::config
