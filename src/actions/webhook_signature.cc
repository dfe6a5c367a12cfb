#include "actions/webhook_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"

namespace neurallog::actions {
namespace {

std::string Hmac(const EVP_MD* kind, std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned bytes = 0;
  HMAC(kind, key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &bytes);
  return std::string(reinterpret_cast<const char*>(digest), bytes);
}

std::string HmacSha256(std::string_view key, std::string_view text) {
  return Hmac(EVP_sha256(), key, text);
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
  return hex;
}

const EVP_MD* DigestOf(const SignatureScheme& scheme) {
  switch (scheme.digest) {
    case SignatureScheme::Digest::kSha256: return EVP_sha256();
    case SignatureScheme::Digest::kSha1: return EVP_sha1();
    case SignatureScheme::Digest::kSha512: return EVP_sha512();
  }
  return nullptr;
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
  return std::string("sha256=").append(Hex(HmacSha256(key, body)));
}

std::string SchemeSignature(const SignatureScheme& scheme, std::string_view key,
                            int64_t unix_seconds, std::string_view body) {
  std::string text;
  if (scheme.has_time) text.append(std::to_string(unix_seconds)).append(".");
  const std::string digest = Hmac(DigestOf(scheme), key, text.append(body));
  return std::string(scheme.prefix).append(scheme.is_base64 ? base::Base64(digest) : Hex(digest));
}

}  // namespace neurallog::actions
