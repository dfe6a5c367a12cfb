// "HOST:PORT" and "[v6]:PORT" taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::http {

struct HostPort {
  std::string host;  // without brackets; empty means every address
  uint16_t port = 0;
};

Result<HostPort> ParseHostPort(std::string_view text);

}  // namespace neurallog::http
