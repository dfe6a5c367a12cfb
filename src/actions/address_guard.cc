// The networks are those of the IANA special-purpose registries.
#include "actions/address_guard.h"

#include <algorithm>

namespace neurallog::actions {
namespace {

using rules::Address;
using rules::Network;

constexpr std::string_view kRefused[] = {
    "0.0.0.0/8",        // this network
    "10.0.0.0/8",       // private
    "100.64.0.0/10",    // shared by carriers
    "127.0.0.0/8",      // loopback
    "169.254.0.0/16",   // link-local, metadata services of clouds
    "172.16.0.0/12",    // private
    "192.0.0.0/24",     // protocol assignments
    "192.0.2.0/24",     // documentation
    "192.88.99.0/24",   // 6to4 relays
    "192.168.0.0/16",   // private
    "198.18.0.0/15",    // benchmarks
    "198.51.100.0/24",  // documentation
    "203.0.113.0/24",   // documentation
    "224.0.0.0/4",      // multicast
    "240.0.0.0/4",      // reserved, broadcast
    "::/96",            // unspecified, loopback, version 4 of old
    "64:ff9b::/96",     // NAT64
    "64:ff9b:1::/48",   // NAT64
    "100::/64",         // discard
    "2001::/32",        // Teredo
    "2001:2::/48",      // benchmarks
    "2001:db8::/32",    // documentation
    "2002::/16",        // 6to4
    "3fff::/20",        // documentation
    "5f00::/16",        // segment routing
    "fc00::/7",         // private
    "fe80::/10",        // link-local
    "fec0::/10",        // site-local of old
    "ff00::/8",         // multicast
};

const std::vector<Network>& RefusedNetworks() {
  static const std::vector<Network> networks = [] {
    std::vector<Network> parsed;
    for (const std::string_view text : kRefused) parsed.push_back(*rules::ParseNetwork(text));
    return parsed;
  }();
  return networks;
}

bool IsIn(const std::vector<Network>& networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.Contains(address); });
}

// ::ffff:a.b.c.d as a.b.c.d.
Address Unmapped(const Address& address) {
  static const Network mapped = *rules::ParseNetwork("::ffff:0:0/96");
  if (!mapped.Contains(address)) return address;
  Address v4;
  v4.bits = 32;
  std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
  return v4;
}

bool IsHostCharacter(unsigned char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
         c == '.' || c == '_';
}

// "2130706433", "0x7f.1", "127.1.": some resolvers read these as addresses.
bool EndsInNumber(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return last.empty() || last.starts_with("0x") || last.starts_with("0X") ||
         last.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Result<AddressGuard> AddressGuard::Make(const std::vector<std::string>& allowed_cidrs) {
  AddressGuard guard;
  for (const std::string& text : allowed_cidrs) {
    const auto network = rules::ParseNetwork(text);
    if (!network) return InvalidArgument("network " + text + " is not ADDRESS/BITS");
    guard.allowed_.push_back(*network);
  }
  return guard;
}

Status AddressGuard::CheckAddress(std::string_view text) const {
  const auto parsed = rules::ParseAddress(text);
  if (!parsed) return PermissionDenied("address " + std::string(text) + " is not one");
  const Address address = Unmapped(*parsed);
  if (IsIn(allowed_, address) || !IsIn(RefusedNetworks(), address)) return Status::Ok();
  return PermissionDenied("address " + std::string(text) + " is not of the open internet");
}

Status AddressGuard::CheckHost(std::string_view host) const {
  if (rules::ParseAddress(host)) return CheckAddress(host);
  if (host.empty() || !std::all_of(host.begin(), host.end(), IsHostCharacter) || EndsInNumber(host))
    return PermissionDenied("host " + std::string(host) + " is neither a name nor an address");
  return Status::Ok();
}

Status AddressGuard::CheckUrl(const http::Url& url) const {
  if (url.port != 80 && url.port != 443 && url.port < 1024)
    return PermissionDenied("port " + std::to_string(url.port) + " is not for HTTP");
  return CheckHost(url.host);
}

}  // namespace neurallog::actions
