#include "auth/api_key.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstring>

#include "base/base64.h"
#include "base/bytes.h"

namespace neurallog::auth {
namespace {

constexpr std::string_view kKeyPrefix = "nlk_";
constexpr size_t kSecretBytes = 24;
constexpr size_t kNameBytesMax = 200;

std::string Hex(const unsigned char* bytes, size_t count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text.push_back(kDigits[bytes[i] >> 4]);
    text.push_back(kDigits[bytes[i] & 15]);
  }
  return text;
}

bool StripPrefixIgnoringCase(std::string_view prefix, std::string_view* text) {
  if (text->size() < prefix.size() || strncasecmp(text->data(), prefix.data(), prefix.size()) != 0)
    return false;
  text->remove_prefix(prefix.size());
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
  return true;
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kAdmin: return "admin";
    case Role::kReadWrite: return "readwrite";
    case Role::kWrite: return "write";
    case Role::kRead: return "read";
  }
  return "?";
}

std::optional<Role> ParseRole(std::string_view name) {
  for (const Role role : {Role::kAdmin, Role::kReadWrite, Role::kWrite, Role::kRead})
    if (RoleName(role) == name) return role;
  return std::nullopt;
}

KeyHash HashKey(std::string_view text) {
  KeyHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  return hash;
}

Result<NewKey> GenerateKey(Role role, TenantId tenant, std::string_view name, int64_t now_ns) {
  if (name.size() > kNameBytesMax)
    return InvalidArgument("key name has " + std::to_string(name.size()) + " bytes, more than 200");
  unsigned char random[kSecretBytes + 8];
  if (RAND_bytes(random, sizeof(random)) != 1)
    return Internal("the random number generator failed");
  NewKey made;
  made.text = std::string(kKeyPrefix) + Hex(random, kSecretBytes);
  made.key = {
      Hex(random + kSecretBytes, 8), HashKey(made.text), role, tenant, std::string(name), now_ns};
  return made;
}

std::string EncodeKey(const ApiKey& key) {
  std::string bytes;
  bytes.append(reinterpret_cast<const char*>(key.hash.data()), key.hash.size());
  bytes.push_back(static_cast<char>(key.role));
  base::AppendLe(&bytes, static_cast<uint32_t>(key.tenant));
  base::AppendLe(&bytes, key.created_ns);
  base::AppendLengthPrefixed(&bytes, key.id);
  base::AppendLengthPrefixed(&bytes, key.name);
  return bytes;
}

Result<ApiKey> DecodeKey(std::string_view bytes) {
  base::ByteReader reader(bytes);
  ApiKey key;
  const std::string_view hash = reader.ReadBytes(key.hash.size());
  if (hash.size() == key.hash.size()) std::memcpy(key.hash.data(), hash.data(), hash.size());
  const auto role = reader.ReadLe<uint8_t>();
  key.role = static_cast<Role>(role);
  key.tenant = static_cast<TenantId>(reader.ReadLe<uint32_t>());
  key.created_ns = reader.ReadLe<int64_t>();
  key.id = reader.ReadLengthPrefixed();
  key.name = reader.ReadLengthPrefixed();
  if (!reader.ok() || !reader.empty() || role > static_cast<uint8_t>(Role::kRead))
    return Corruption("key entry of " + std::to_string(bytes.size()) + " bytes cannot be read");
  return key;
}

size_t KeyRing::Hasher::operator()(const KeyHash& hash) const {
  return base::LoadLe<size_t>(hash.data());
}

void KeyRing::Add(const ApiKey& key) {
  base::MutexLock lock(mutex_);
  by_hash_[key.hash] = key;
  by_id_[key.id] = key.hash;
  count_.store(by_id_.size(), std::memory_order_release);
}

std::optional<ApiKey> KeyRing::Remove(std::string_view id) {
  base::MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  const auto entry = by_hash_.find(found->second);
  ApiKey removed = entry->second;
  by_hash_.erase(entry);
  by_id_.erase(found);
  count_.store(by_id_.size(), std::memory_order_release);
  return removed;
}

std::optional<ApiKey> KeyRing::Find(std::string_view text) const {
  const KeyHash hash = HashKey(text);
  base::MutexLock lock(mutex_);
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ApiKey> KeyRing::FindById(std::string_view id) const {
  base::MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? std::nullopt : std::optional(by_hash_.find(found->second)->second);
}

std::vector<ApiKey> KeyRing::List() const {
  base::MutexLock lock(mutex_);
  std::vector<ApiKey> keys;
  for (const auto& [id, hash] : by_id_) keys.push_back(by_hash_.find(hash)->second);
  return keys;
}

Result<std::optional<Credential>> ReadCredential(std::string_view authorization,
                                                 std::string_view x_api_key) {
  if (!x_api_key.empty()) return std::optional(Credential{std::string(x_api_key), ""});
  if (authorization.empty()) return std::optional<Credential>();
  if (StripPrefixIgnoringCase("bearer ", &authorization))
    return std::optional(Credential{std::string(authorization), ""});
  if (StripPrefixIgnoringCase("basic ", &authorization)) {
    const std::optional<std::string> pair = base::DecodeBase64(authorization);
    const size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos)
      return Unauthenticated("the Basic credential is not base64 of user:password");
    return std::optional(Credential{pair->substr(colon + 1), pair->substr(0, colon)});
  }
  return Unauthenticated("the Authorization header is neither Bearer nor Basic");
}

}  // namespace neurallog::auth
