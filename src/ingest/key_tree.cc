#include "ingest/key_tree.h"

#include "base/hash.h"
#include "ingest/json_scalar.h"

namespace neurallog::ingest {

namespace {

constexpr size_t kReadBehindBytes = 16;
constexpr size_t kChunkBytes = 4096;

}  // namespace

void KeyTree::Clear() {
  keys_.clear();
  keys_.reserve(32);
  keys_.emplace_back();
  table_.assign(128, 0);
  roles_.clear();
  chunks_.clear();
  chunk_left_ = 0;
  kept_bytes_ = 0;
}

uint32_t KeyTree::BeginBatch() {
  if (keys_.size() > kKeptKeysMax || kept_bytes_ > kKeptBytesMax || batch_ == UINT32_MAX) {
    Clear();
    batch_ = 0;
  }
  return ++batch_;
}

std::string_view KeyTree::Keep(std::string_view text) {
  const size_t bytes = text.size() + kReadBehindBytes;
  if (bytes > chunk_left_) {
    chunk_left_ = bytes > kChunkBytes ? bytes : kChunkBytes;
    chunks_.push_back(std::make_unique<char[]>(chunk_left_));
    chunk_at_ = chunks_.back().get();
    kept_bytes_ += chunk_left_;
  }
  char* const to = chunk_at_;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  chunk_at_ += bytes;
  chunk_left_ -= bytes;
  return {to, text.size()};
}

uint32_t KeyTree::FindHashed(uint32_t parent, uint32_t before, const char* raw, size_t bytes) {
  const uint64_t hash = base::Hash64({raw, bytes}) ^ (parent + 1) * 0x9e3779b97f4a7c15u;
  const size_t mask = table_.size() - 1;
  uint32_t index = 0;
  for (size_t slot = hash & mask; (index = table_[slot]) != 0; slot = (slot + 1) & mask)
    if (keys_[index].hash == hash && keys_[index].Is(parent, raw, bytes)) break;
  if (index == 0) {
    if (keys_.size() == kKeysMax) return kRoot;
    Key key;
    key.raw = Keep({raw, bytes}).data();
    key.raw_bytes = static_cast<uint32_t>(bytes);
    key.parent = parent;
    key.hash = hash;
    index = Add(key);
  }
  Key& previous = keys_[before];
  previous.followers[1] = previous.followers[0];
  previous.followers[0] = index;
  return index;
}

uint32_t KeyTree::Add(const Key& key) {
  keys_.push_back(key);
  if (keys_.size() * 2 > table_.size()) GrowTable();
  const auto index = static_cast<uint32_t>(keys_.size() - 1);
  size_t slot = key.hash & (table_.size() - 1);
  while (table_[slot] != 0 && table_[slot] != index) slot = (slot + 1) & (table_.size() - 1);
  table_[slot] = index;
  return index;
}

void KeyTree::GrowTable() {
  std::vector<uint32_t> grown(table_.size() * 2);
  for (uint32_t index = 1; index < keys_.size(); ++index) {
    size_t slot = keys_[index].hash & (grown.size() - 1);
    while (grown[slot] != 0) slot = (slot + 1) & (grown.size() - 1);
    grown[slot] = index;
  }
  table_ = std::move(grown);
}

bool KeyTree::FullName(uint32_t index, std::string* name) const {
  uint32_t path[kDepthMax];
  size_t depth = 0;
  for (; index != kRoot; index = keys_[index].parent) path[depth++] = index;
  name->clear();
  for (size_t i = depth; i-- > 0;) {
    const Key& key = keys_[path[i]];
    if (!AppendUnescaped(name, {key.raw, key.raw_bytes})) return false;
    if (i > 0) name->push_back('.');
  }
  return true;
}

}  // namespace neurallog::ingest
