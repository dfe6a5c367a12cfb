#include "ingest/key_tree.h"

#include <algorithm>

#include "base/hash.h"
#include "ingest/json_scalar.h"

namespace neurallog::ingest {

namespace {

constexpr size_t kReadBehindBytes = Key::kHeadBytes + 1;
constexpr size_t kChunkBytes = 4096;

}  // namespace

void Key::SetRaw(const char* bytes, size_t count) {
  raw = bytes;
  raw_bytes = static_cast<uint32_t>(count);
  char mask[kHeadBytes] = {};
  std::memset(mask, 0xff, std::min(count + 1, kHeadBytes));
  std::memcpy(head, bytes, kHeadBytes);
  std::memcpy(head_mask, mask, kHeadBytes);
}

void KeyTree::Clear() {
  keys_.clear();
  keys_.emplace_back(nullptr);
  root()->followers[0] = root()->followers[1] = root();
  table_.assign(128, nullptr);
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

Key* KeyTree::FindHashed(const Key* parent, Key* before, const char* inside, const char* colon) {
  const std::string_view raw(inside, static_cast<size_t>(ClosingQuote(colon) - inside));
  const uint64_t hash = base::Hash64(raw) ^ (parent->hash + 1) * 0x9e3779b97f4a7c15u;
  const size_t mask = table_.size() - 1;
  Key* key = nullptr;
  for (size_t slot = hash & mask; (key = table_[slot]) != nullptr; slot = (slot + 1) & mask)
    if (key->hash == hash && key->Is(parent, inside, colon)) break;
  if (key == nullptr) {
    if (keys_.size() == kKeysMax) return nullptr;
    key = Add(parent, raw, hash);
  }
  before->followers[1] = before->followers[0];
  before->followers[0] = key;
  return key;
}

Key* KeyTree::Add(const Key* parent, std::string_view raw, uint64_t hash) {
  Key& key = keys_.emplace_back(root());
  key.SetRaw(Keep({raw.data(), raw.size() + 1}).data(), raw.size());
  key.parent = parent;
  key.hash = hash;
  if (keys_.size() * 2 > table_.size()) GrowTable();
  PutIntoTable(&key);
  return &key;
}

void KeyTree::PutIntoTable(Key* key) {
  size_t slot = key->hash & (table_.size() - 1);
  while (table_[slot] != nullptr && table_[slot] != key) slot = (slot + 1) & (table_.size() - 1);
  table_[slot] = key;
}

void KeyTree::GrowTable() {
  table_.assign(table_.size() * 2, nullptr);
  for (Key& key : keys_)
    if (&key != root()) PutIntoTable(&key);
}

bool KeyTree::FullName(const Key& key, std::string* name) const {
  const Key* path[kDepthMax];
  size_t depth = 0;
  for (const Key* at = &key; at->parent != nullptr; at = at->parent) path[depth++] = at;
  name->clear();
  for (size_t i = depth; i-- > 0;) {
    if (!AppendUnescaped(name, {path[i]->raw, path[i]->raw_bytes})) return false;
    if (i > 0) name->push_back('.');
  }
  return true;
}

}  // namespace neurallog::ingest
