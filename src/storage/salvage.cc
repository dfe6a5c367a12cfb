#include "storage/salvage.h"

#include <algorithm>

namespace neurallog::storage {
namespace {

// Keys as numbers of this many bytes, zeros behind the key's own.
constexpr size_t kNumberBytes = 32;

std::string ToNumber(std::string_view key) {
  std::string number(kNumberBytes, '\0');
  std::copy_n(key.begin(), std::min(key.size(), kNumberBytes), number.begin());
  return number;
}

// Adds 2^bit; false when that is too large.
bool Add(size_t bit, std::string* number) {
  unsigned carry = 1u << (bit % 8);
  for (size_t i = kNumberBytes - bit / 8; i-- > 0 && carry != 0;) {
    carry += static_cast<unsigned char>((*number)[i]);
    (*number)[i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  return carry == 0;
}

// Half-way between a and b, rounded down; a < b.
std::string Middle(const std::string& a, const std::string& b) {
  unsigned carry = 0;
  std::string sum(kNumberBytes, '\0');
  for (size_t i = kNumberBytes; i-- > 0;) {
    carry += static_cast<unsigned char>(a[i]) + static_cast<unsigned char>(b[i]);
    sum[i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  for (char& byte : sum) {
    const unsigned whole = carry << 8 | static_cast<unsigned char>(byte);
    byte = static_cast<char>(whole >> 1);
    carry = whole & 1;
  }
  return sum;
}

// Whether a seek to the number succeeds; `*key` is what it finds, empty for the end.
bool Probe(const MakeIterator& make, const std::string& number, std::string* key) {
  const auto it = make();
  it->Seek(number);
  if (!it->Valid() && !it->status().ok()) return false;
  key->clear();
  if (it->Valid()) key->assign(it->key().data(), it->key().size());
  return true;
}

// The first readable key behind `bad`, or empty when there is none.
std::string FirstReadable(const MakeIterator& make, const std::string& bad) {
  std::string low = bad, high, found;
  bool is_found = false;
  for (size_t bit = 0; bit < kNumberBytes * 8 && !is_found; ++bit) {
    high = bad;
    if (!Add(bit, &high)) return {};
    is_found = Probe(make, high, &found);
    if (!is_found) low = high;
  }
  if (!is_found) return {};
  for (std::string middle = Middle(low, high); middle != low; middle = Middle(low, high))
    (Probe(make, middle, &found) ? high : low) = middle;
  return found;
}

}  // namespace

Status SalvageScan(const MakeIterator& make, std::string begin, const std::string& end,
                   const std::function<Status(std::string_view key, std::string_view value)>& visit,
                   const std::function<void(const UnreadableKeys&)>& damage) {
  for (;;) {
    const auto it = make();
    for (it->Seek(begin); it->Valid(); it->Next()) {
      NL_RETURN_IF_ERROR(
          visit({it->key().data(), it->key().size()}, {it->value().data(), it->value().size()}));
      begin.assign(it->key().data(), it->key().size());
      begin.push_back('\0');
    }
    if (it->status().ok()) return {};
    std::string next = FirstReadable(make, ToNumber(begin));
    damage({begin, next.empty() ? end : next, it->status().ToString()});
    if (next.empty()) return {};
    begin = std::move(next);
  }
}

}  // namespace neurallog::storage
