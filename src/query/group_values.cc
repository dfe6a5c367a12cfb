#include "query/group_values.h"

#include "base/hash.h"

namespace neurallog::query {
namespace {

// Mixes all bits into all others (the finalizer of SplitMix64).
uint64_t HashOf(PairTable::Pair pair) {
  uint64_t hash = uint64_t{pair.first} << 32 | pair.second;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

}  // namespace

uint32_t ValueTable::FindOrAdd(std::string_view text, ValueType type) {
  const uint64_t hash = base::Hash64(text);
  const uint32_t found = slots_.Find(hash, [&](uint32_t i) { return texts_[i] == text; });
  if (found != HashSlots::kNone) return found;
  slots_.Add(hash, [this](uint32_t i) { return base::Hash64(texts_[i]); });
  texts_.emplace_back(text);
  types_.push_back(type);
  heap_bytes_ += sizeof(std::string) + sizeof(ValueType) +
                 (text.size() > 15 ? text.size() + 1 : 0);  // shorter ones lie in the string
  return size() - 1;
}

uint32_t PairTable::FindOrAdd(Pair pair) {
  const uint64_t hash = HashOf(pair);
  const uint32_t found = slots_.Find(hash, [&](uint32_t i) { return pairs_[i] == pair; });
  if (found != HashSlots::kNone) return found;
  slots_.Add(hash, [this](uint32_t i) { return HashOf(pairs_[i]); });
  pairs_.push_back(pair);
  return size() - 1;
}

}  // namespace neurallog::query
