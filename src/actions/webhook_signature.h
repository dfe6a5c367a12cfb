// How a receiver can tell that a message is ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::actions {

// The key inside of "whsec_<base64 of 24 to 64 bytes>".
Result<std::string> ParseWebhookSecret(std::string_view secret);

// The value of the header `webhook-signature` of Standard Webhooks: one "v1,<base64>" per key, so
// that a receiver accepts the message while keys change.
std::string StandardWebhookSignature(const std::vector<std::string>& keys, std::string_view id,
                                     int64_t unix_seconds, std::string_view body);

// How a receiver wants it that follows no standard: an HMAC of the body, or of "<seconds>.<body>", in a header.
struct SignatureScheme {
  enum class Digest : uint8_t { kSha256, kSha1, kSha512 };
  std::string header;
  std::string prefix;  // before the value
  Digest digest = Digest::kSha256;
  bool is_base64 = false;  // else hexadecimal digits
  bool has_time = false;
};
std::string SchemeSignature(const SignatureScheme& scheme, std::string_view key,
                            int64_t unix_seconds, std::string_view body);

// The value of X-Hub-Signature-256, as GitHub signs.
std::string HubSignature(std::string_view key, std::string_view body);

}  // namespace neurallog::actions
