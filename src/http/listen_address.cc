#include "http/listen_address.h"

#include <charconv>

namespace neurallog::http {
namespace {

Status Invalid(std::string_view text) {
  return InvalidArgument("address " + std::string(text) + " is not HOST:PORT or [IPv6]:PORT");
}

}  // namespace

Result<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Invalid(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']') return Invalid(text);
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Invalid(text);
  }
  HostPort address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return Invalid(text);
  address.host = host;
  return address;
}

}  // namespace neurallog::http
