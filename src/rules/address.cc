#include "rules/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace neurallog::rules {

bool Network::Contains(const Address& other) const {
  return other.bits == address.bits && Truncate(other, prefix) == address;
}

std::optional<Address> ParseAddress(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() < 2 || text.size() >= sizeof terminated) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  Address address;
  const bool is_v6 = std::memchr(terminated, ':', text.size()) != nullptr;
  address.bits = is_v6 ? 128 : 32;
  if (inet_pton(is_v6 ? AF_INET6 : AF_INET, terminated, address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

std::optional<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = ParseAddress(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network network{*address, address->bits};
  if (slash != std::string_view::npos) {
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + slash + 1, end, network.prefix);
    if (error != std::errc() || at != end || network.prefix > address->bits) return std::nullopt;
  }
  network.address = Truncate(*address, network.prefix);
  return network;
}

Address Truncate(Address address, uint8_t prefix) {
  for (size_t i = 0; i < address.bytes.size(); ++i) {
    const int kept = prefix - static_cast<int>(i) * 8;
    if (kept >= 8) continue;
    address.bytes[i] &= static_cast<unsigned char>(kept <= 0 ? 0 : 0xff << (8 - kept));
  }
  return address;
}

}  // namespace neurallog::rules
