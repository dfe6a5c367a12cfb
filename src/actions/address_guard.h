// Which receivers tenants may have the server talk to: no address of the inside.
//
//   NL_TRY(const AddressGuard guard, AddressGuard::Make({"10.1.0.0/16"}));
//   NL_RETURN_IF_ERROR(guard.CheckUrl(url));          // when an action is made
//   NL_RETURN_IF_ERROR(guard.CheckAddress("10.1.2.3"));  // of every address, before connecting
//
// Immutable, so thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/url.h"
#include "neurallog/status.h"
#include "rules/address.h"

namespace neurallog::actions {

class AddressGuard {
 public:
  AddressGuard() = default;
  // `allowed_cidrs`: networks that are allowed although they are of the inside.
  static Result<AddressGuard> Make(const std::vector<std::string>& allowed_cidrs);

  // PermissionDenied unless the numeric address is of the open internet, or allowed. Addresses that
  // carry one of version 4 (mapped, NAT64, 6to4, Teredo) count as what they carry or are refused.
  Status CheckAddress(std::string_view address) const;
  // A numeric host must pass CheckAddress; a name must be one that nobody reads as a number.
  Status CheckHost(std::string_view host) const;
  // CheckHost, and a port that is 80, 443 or at least 1024: others are not for HTTP.
  Status CheckUrl(const http::Url& url) const;

 private:
  std::vector<rules::Network> allowed_;
};

}  // namespace neurallog::actions
