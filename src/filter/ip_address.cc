#include "filter/ip_address.h"

#include <arpa/inet.h>

#include <charconv>

#include "block/typed_text.h"

namespace neurallog::filter {
namespace {

// The number behind '/', or `bits_max` without one; nothing when it is none or larger.
std::optional<int> ParsePrefixBits(std::string_view text, int bits_max) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return bits_max;
  int bits;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + slash + 1, end, bits);
  if (error != std::errc() || at != end || bits < 0 || bits > bits_max) return std::nullopt;
  return bits;
}

}  // namespace

std::optional<Ipv6> ParseIpv6(std::string_view text) {
  if (text.size() < 2 || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated(text);
  Ipv6 address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

std::string PrintIpv6(const Ipv6& address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, address.data(), text, sizeof(text));
}

std::optional<uint32_t> ParseIpv4(std::string_view text) {
  uint32_t address;
  if (!block::ParseIpv4(text, &address)) return std::nullopt;
  return address;
}

std::string PrintIpv4(uint32_t address) {
  char text[16];
  return std::string(text, block::PrintIpv4(text, address));
}

std::optional<Ipv4Network> ParseIpv4Network(std::string_view text) {
  const auto address = ParseIpv4(text.substr(0, text.find('/')));
  const auto bits = ParsePrefixBits(text, 32);
  if (!address || !bits) return std::nullopt;
  const auto hosts = static_cast<uint32_t>((uint64_t{1} << (32 - *bits)) - 1);
  return Ipv4Network{*address & ~hosts, *address | hosts};
}

std::optional<Ipv6Network> ParseIpv6Network(std::string_view text) {
  const auto address = ParseIpv6(text.substr(0, text.find('/')));
  const auto bits = ParsePrefixBits(text, 128);
  if (!address || !bits) return std::nullopt;
  Ipv6Network network{*address, *address};
  for (int i = 0; i < 16; ++i) {
    const int fixed = *bits - i * 8;  // bits of this byte that belong to the network
    const auto hosts = static_cast<uint8_t>(fixed >= 8 ? 0 : fixed <= 0 ? 0xff : 0xff >> fixed);
    network.first[static_cast<size_t>(i)] &= static_cast<uint8_t>(~hosts);
    network.last[static_cast<size_t>(i)] |= hosts;
  }
  return network;
}

}  // namespace neurallog::filter
