// KeyTree: the object keys that requests have shown so far, as a tree of raw (still escaped) names, with what was found out about each.
// What holds for one batch only (name_id) is valid when Key::batch is the current one; so a thread can keep its tree from request to
// request and need not hash or unescape the same names again.
//
// Log records of one sender repeat their keys in the same order, so each key remembers which two keys followed it most recently:
// a lookup is then one comparison of bytes, closing quote included, and neither a hash nor a search for the name's end.
// What is looked up must have 16 readable bytes after its end. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "ingest/field_rules.h"
#include "ingest/json_tokens.h"

namespace neurallog::ingest {

struct Key {
  static constexpr uint32_t kUnresolved = UINT32_MAX;

  static constexpr size_t kHeadBytes = 16;

  uint64_t head[2] = {0, 0};  // how the raw name and its closing quote begin
  uint64_t head_mask[2] = {0, 0};
  const Key* parent = nullptr;  // the key whose object holds this one
  Key* followers[2];
  uint32_t batch = 0;        // for which name_id is valid
  uint32_t plain_batch = 0;  // the same of a plain field; else 0, which is no batch
  uint32_t name_id = kUnresolved;
  uint32_t role = 0;      // 0: a plain field; else index + 1 into roles()
  bool resolved = false;  // name and role are known
  bool stored = false;    // as a field of its own
  uint32_t raw_bytes = 0;
  const char* raw = nullptr;
  std::string_view name;  // under which it is stored
  uint64_t hash = 0;

  explicit Key(Key* root) : followers{root, root} {}

  // Whether this is the key at `inside` of an object that belongs to `other_parent`; `colon` is the token behind the key.
  bool Is(const Key* other_parent, const char* inside, const char* colon) const {
    const uint64_t low = (base::LoadLe<uint64_t>(inside) ^ head[0]) & head_mask[0];
    const uint64_t high = (base::LoadLe<uint64_t>(inside + 8) ^ head[1]) & head_mask[1];
    if ((low | high) != 0 || parent != other_parent) return false;
    return raw_bytes < kHeadBytes || HasRest(inside, colon);
  }
  // `bytes` lives as long as the key and is followed by a quote and kHeadBytes more.
  void SetRaw(const char* bytes, size_t count);

 private:
  bool HasRest(const char* inside, const char* colon) const {
    return ClosingQuote(colon) == inside + raw_bytes &&
           std::memcmp(raw + kHeadBytes, inside + kHeadBytes, raw_bytes - kHeadBytes) == 0;
  }
};

class KeyTree {
 public:
  static constexpr uint32_t kKeysMax = 131'072;  // beyond: Find returns nullptr

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

  // The parent of a record's own keys.
  Key* root() { return &keys_.front(); }

  // The key at `inside` of an object that belongs to `parent`, added if it is new; `colon` is the token behind the key, `before` the
  // key that came before it in the record, or root().
  [[gnu::always_inline]] Key* Find(const Key* parent, Key* before, const char* inside,
                                   const char* colon) {
    if (before->followers[0]->Is(parent, inside, colon)) return before->followers[0];
    if (before->followers[1]->Is(parent, inside, colon)) return before->followers[1];
    return FindHashed(parent, before, inside, colon);
  }

  // Writes the flattened, unescaped name. False when an escape in it is not one of JSON.
  bool FullName(const Key& key, std::string* name) const;

 private:
  void Clear();
  Key* FindHashed(const Key* parent, Key* before, const char* inside, const char* colon);
  Key* Add(const Key* parent, std::string_view raw, uint64_t hash);
  void PutIntoTable(Key* key);
  void GrowTable();

  std::deque<Key> keys_;     // never move; the root is the first
  std::vector<Key*> table_;  // open addressing
  std::vector<FieldRole> roles_;
  uint32_t batch_ = 0;

  // Texts of keys: chunks that never move, each text with kReadBehindBytes readable bytes behind it.
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_left_ = 0;
  char* chunk_at_ = nullptr;
  size_t kept_bytes_ = 0;
};

}  // namespace neurallog::ingest
