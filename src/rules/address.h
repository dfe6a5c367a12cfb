// IP addresses and networks, of both versions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace neurallog::rules {

struct Address {
  std::array<unsigned char, 16> bytes{};  // of version 4: the first four
  uint8_t bits = 0;                       // 32 or 128

  bool operator==(const Address&) const = default;
};

struct Network {
  Address address;  // bits past `prefix` are zero
  uint8_t prefix = 0;

  bool Contains(const Address& other) const;
};

std::optional<Address> ParseAddress(std::string_view text);
// "10.0.0.0/8", "2001:db8::/32"; without a slash, one address. Bits behind the prefix are dropped.
std::optional<Network> ParseNetwork(std::string_view text);

// Sets bits past `prefix` to zero.
Address Truncate(Address address, uint8_t prefix);

}  // namespace neurallog::rules
