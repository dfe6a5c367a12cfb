// Addresses as text, as networks and in order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace neurallog::filter {

// 16 bytes in network order, so that addresses compare as arrays do.
using Ipv6 = std::array<uint8_t, 16>;

// "2001:db8::1", "::ffff:10.0.0.1"; nothing for other texts.
std::optional<Ipv6> ParseIpv6(std::string_view text);
std::string PrintIpv6(const Ipv6& address);

std::optional<uint32_t> ParseIpv4(std::string_view text);
std::string PrintIpv4(uint32_t address);

// The addresses of "10.0.0.0/8" or of a single address, both ends included.
struct Ipv4Network {
  uint32_t first;
  uint32_t last;
};
std::optional<Ipv4Network> ParseIpv4Network(std::string_view text);
struct Ipv6Network {
  Ipv6 first;
  Ipv6 last;
};
std::optional<Ipv6Network> ParseIpv6Network(std::string_view text);

}  // namespace neurallog::filter
