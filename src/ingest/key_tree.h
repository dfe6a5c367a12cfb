// KeyTree: the object keys that requests have shown so far, as a tree of raw (still escaped) names, with what was found out about each.
// What holds for one batch only (name_id) is valid when Key::batch is the current one; so a thread can keep its tree from request to
// request and need not hash or unescape the same names again.
//
// Log records of one sender repeat their keys in the same order, so each key remembers which two keys followed it most recently:
// a lookup is then one comparison of bytes and no hash.
// What is looked up must have 16 readable bytes after its end. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "ingest/field_rules.h"

namespace neurallog::ingest {

struct Key {
  static constexpr uint32_t kUnresolved = UINT32_MAX;

  const char* raw = nullptr;
  uint32_t raw_bytes = 0;
  uint32_t parent = UINT32_MAX;  // the key whose object holds this one
  uint32_t batch = 0;            // for which name_id is valid
  uint32_t name_id = kUnresolved;
  bool resolved = false;  // name and role are known
  bool stored = false;    // as a field of its own
  uint32_t role = 0;      // 0: a plain field; else index + 1 into roles()
  std::string_view name;  // under which it is stored
  uint32_t followers[2] = {0, 0};
  uint64_t hash = 0;

  bool Is(uint32_t other_parent, const char* bytes, size_t count) const {
    return parent == other_parent && raw_bytes == count && SameBytes(raw, bytes, count);
  }

 private:
  static bool SameBytes(const char* a, const char* b, size_t count) {
    if (count > 16) return std::memcmp(a, b, count) == 0;
    const uint64_t low = base::LoadLe<uint64_t>(a) ^ base::LoadLe<uint64_t>(b);
    if (count <= 8) return count == 0 || low << (64 - 8 * count) == 0;
    const uint64_t high = base::LoadLe<uint64_t>(a + 8) ^ base::LoadLe<uint64_t>(b + 8);
    return (low | high << (128 - 8 * count)) == 0;
  }
};

class KeyTree {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kKeysMax = 131'072;  // beyond: Find returns kRoot

  static constexpr uint32_t kDepthMax = 256;  // keys below the root; the caller sees to it
  // A tree of more keys or bytes is begun anew for the next batch.
  static constexpr uint32_t kKeptKeysMax = 8'192;
  static constexpr size_t kKeptBytesMax = 1u << 20;

  KeyTree() { Clear(); }

  // From now on names are resolved for another batch, whose number it returns.
  uint32_t BeginBatch();
  // Roles of keys that are not plain fields; they stay as long as the keys.
  std::vector<FieldRole>& roles() { return roles_; }
  // A copy that lives as long as the keys.
  std::string_view Keep(std::string_view text);

  Key& operator[](uint32_t index) { return keys_[index]; }

  // The key `raw` inside of `parent`, added if it is new; `before` is the key that came before it in the record, or kRoot.
  [[gnu::always_inline]] uint32_t Find(uint32_t parent, uint32_t before, const char* raw,
                                       size_t bytes) {
    const Key& previous = keys_[before];
    if (keys_[previous.followers[0]].Is(parent, raw, bytes)) return previous.followers[0];
    if (keys_[previous.followers[1]].Is(parent, raw, bytes)) return previous.followers[1];
    return FindHashed(parent, before, raw, bytes);
  }

  // Writes the flattened, unescaped name. False when an escape in it is not one of JSON.
  bool FullName(uint32_t index, std::string* name) const;

 private:
  void Clear();
  uint32_t FindHashed(uint32_t parent, uint32_t before, const char* raw, size_t bytes);
  uint32_t Add(const Key& key);
  void GrowTable();

  std::vector<Key> keys_;
  std::vector<uint32_t> table_;  // open addressing, 0 is free (the root is not looked up)
  std::vector<FieldRole> roles_;
  uint32_t batch_ = 0;

  // Texts of keys: chunks that never move, each text with 16 readable bytes behind it.
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_left_ = 0;
  char* chunk_at_ = nullptr;
  size_t kept_bytes_ = 0;
};

}  // namespace neurallog::ingest
