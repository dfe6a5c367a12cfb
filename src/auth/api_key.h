// API keys: random texts that say who a caller is. Only their SHA-256 is kept.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"

namespace neurallog::auth {

// What a key may do. kAdmin manages tenants and keys and reads no logs; the others belong to one tenant.
enum class Role : uint8_t { kAdmin = 0, kReadWrite = 1, kWrite = 2, kRead = 3 };
std::string_view RoleName(Role role);  // "admin", "readwrite", "write", "read"
std::optional<Role> ParseRole(std::string_view name);

using KeyHash = std::array<unsigned char, 32>;

struct ApiKey {
  std::string id;  // public: 16 hex digits
  KeyHash hash{};
  Role role = Role::kReadWrite;
  TenantId tenant{};  // not for kAdmin
  std::string name;   // free text of at most 200 bytes
  int64_t created_ns = 0;
};

// A new random key: its record and the text that is shown once ("nlk_" and 48 hex digits, 192 random bits).
struct NewKey {
  ApiKey key;
  std::string text;
};
Result<NewKey> GenerateKey(Role role, TenantId tenant, std::string_view name, int64_t now_ns);
KeyHash HashKey(std::string_view text);

std::string EncodeKey(const ApiKey& key);
Result<ApiKey> DecodeKey(std::string_view bytes);

inline constexpr size_t kKeysMax = 1'000'000;

// All keys of the server. Thread-safe.
class KeyRing {
 public:
  void Add(const ApiKey& key);
  // The removed key, or nothing when the id is unknown.
  std::optional<ApiKey> Remove(std::string_view id);
  std::optional<ApiKey> Find(std::string_view text) const;
  std::optional<ApiKey> FindById(std::string_view id) const;
  std::vector<ApiKey> List() const;
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }

 private:
  struct Hasher {
    size_t operator()(const KeyHash& hash) const;
  };
  std::atomic<size_t> count_{0};  // of by_id_
  mutable base::Mutex mutex_;
  std::unordered_map<KeyHash, ApiKey, Hasher> by_hash_ NL_GUARDED_BY(mutex_);
  std::map<std::string, KeyHash, std::less<>> by_id_ NL_GUARDED_BY(mutex_);
};

// The credential that a request carries: "Authorization: Bearer K", "Basic base64(user:K)", or "X-API-Key: K". `user` is Basic's.
struct Credential {
  std::string key;
  std::string user;
};
// Nothing when there is none; Unauthenticated when there is one that cannot be read.
Result<std::optional<Credential>> ReadCredential(std::string_view authorization,
                                                 std::string_view x_api_key);

}  // namespace neurallog::auth
