// Host names to addresses, without the C library's resolver: a static binary must not load NSS
// modules of the host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::http {

// Numeric addresses of `host`, which may be numeric already. "localhost" needs neither a file nor a
// server; every other name is looked up in /etc/hosts and DNS by c-ares. Blocks for at most 5
// seconds. Never empty.
Result<std::vector<std::string>> ResolveHost(std::string_view host);

}  // namespace neurallog::http
