#include "block/dictionary.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "block/text_hash.h"

namespace neurallog::block {
namespace {

// A column that has mostly distinct values in its first rows is given up:
// bench/micro/block_bench.cc.
constexpr size_t kSlotsMin = 128;
constexpr size_t kAhead = 8;
constexpr size_t kSampleRows = 512;
constexpr size_t kSampleEntriesMax = 400;

template <typename Hash>
void HashEach(std::span<const Cell> cells, size_t begin, size_t end, uint32_t* hashes, Hash hash) {
  for (size_t i = begin; i < end; ++i) {
    const Cell& cell = cells[i];
    PrefetchCell(cells, i);
    hashes[i] =
        static_cast<uint32_t>(hash(cell.data, cell.length)) + static_cast<uint32_t>(cell.type);
  }
}

}  // namespace

bool DictionaryBuilder::Build(std::span<const Cell> cells, size_t length_max, size_t entries_max) {
  NL_DCHECK(entries_max <= kDictEntriesMax);
  length_max_ = length_max;
  slots_.assign(kSlotsMin, Slot{0, 0});
  entries_.clear();
  entry_bytes_ = 0;
  codes_.resize(cells.size());
  hashes_.resize(cells.size());
  const size_t sample = std::min(cells.size(), kSampleRows);
  if (!Add(cells, 0, sample, entries_max)) return false;
  if (cells.size() >= kSampleRows && entries_.size() > kSampleEntriesMax) return false;
  return Add(cells, sample, cells.size(), entries_max);
}

void DictionaryBuilder::HashCells(std::span<const Cell> cells, size_t begin, size_t end) {
  const uint64_t seed = TextHashSeed();
  const TextHashKeys keys(seed);
  const auto each = [&](auto hash) { HashEach(cells, begin, end, hashes_.data(), hash); };
  if (length_max_ <= 16)
    return each([&](const char* text, size_t size) { return HashTiny(text, size, keys); });
  if (length_max_ <= 32)
    return each([&](const char* text, size_t size) { return HashShort(text, size, keys); });
  if (length_max_ <= 64)
    return each([&](const char* text, size_t size) { return HashMiddling(text, size, keys); });
  each([&](const char* text, size_t size) { return HashText({text, size}, seed); });
}

// Hashes come first, in a loop of their own: neither waits for the other's memory.
bool DictionaryBuilder::Add(std::span<const Cell> cells, size_t begin, size_t end,
                            size_t entries_max) {
  HashCells(cells, begin, end);
  size_t mask = slots_.size() - 1;
  for (size_t i = begin; i < end; ++i) {
    const Cell& cell = cells[i];
    const uint32_t hash = hashes_[i];
    if (i + kAhead < end) __builtin_prefetch(&slots_[hashes_[i + kAhead] & mask]);
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
      Slot& at = slots_[slot];
      if (at.code_plus_1 == 0) {
        if (entries_.size() == entries_max) return false;
        entries_.push_back(cell);
        entry_bytes_ += cell.length;
        at = {hash, static_cast<uint32_t>(entries_.size())};
      } else {
        const Cell& entry = entries_[at.code_plus_1 - 1];
        if (at.hash != hash || entry.length != cell.length || entry.type != cell.type ||
            !SameText(entry.data, cell.data, cell.length))
          continue;
      }
      codes_[i] = static_cast<uint16_t>(at.code_plus_1 - 1);
      break;
    }
    if (entries_.size() * 4 > slots_.size()) mask = Grow();
  }
  return true;
}

size_t DictionaryBuilder::Grow() {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 4));
  const size_t mask = slots_.size() - 1;
  for (const Slot& each : old) {
    if (each.code_plus_1 == 0) continue;
    size_t slot = each.hash & mask;
    while (slots_[slot].code_plus_1 != 0) slot = (slot + 1) & mask;
    slots_[slot] = each;
  }
  return mask;
}

}  // namespace neurallog::block
