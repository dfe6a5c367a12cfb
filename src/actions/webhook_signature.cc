#include "actions/webhook_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"

namespace neurallog::actions {
namespace {

std::string HmacSha256(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned bytes = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &bytes);
  return std::string(reinterpret_cast<const char*>(digest), bytes);
}

}  // namespace

Result<std::string> ParseWebhookSecret(std::string_view secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (!secret.starts_with(kPrefix)) return InvalidArgument("does not begin with whsec_");
  auto key = base::DecodeBase64(secret.substr(kPrefix.size()));
  if (!key || key->size() < 24 || key->size() > 64)
    return InvalidArgument("is not base64 of 24 to 64 bytes behind whsec_");
  return *key;
}

std::string StandardWebhookSignature(const std::vector<std::string>& keys, std::string_view id,
                                     int64_t unix_seconds, std::string_view body) {
  std::string text(id);
  text.append(".").append(std::to_string(unix_seconds)).append(".").append(body);
  std::string signatures;
  for (const std::string& key : keys)
    signatures.append(signatures.empty() ? "v1," : " v1,")
        .append(base::Base64(HmacSha256(key, text)));
  return signatures;
}

std::string HubSignature(std::string_view key, std::string_view body) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string signature = "sha256=";
  for (const char c : HmacSha256(key, body)) {
    signature.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
    signature.push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
  return signature;
}

}  // namespace neurallog::actions
