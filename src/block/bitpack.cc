#include "block/bitpack.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace neurallog::block {
namespace {

constexpr size_t kGroup = 8;
constexpr size_t kOverread =
    9;  // how far past its group's first byte of the last value a read may go

template <typename T>
void Pack(std::span<const T> values, int width, std::string* to) {
  if (width == 0) return;
  const size_t start = to->size();
  const size_t bytes = PackedBytes(values.size(), width);
  to->resize(start + bytes + sizeof(uint64_t));
  char* at = to->data() + start;
  uint64_t pending = 0;
  int pending_bits = 0;
  for (const T each : values) {
    const auto value = static_cast<uint64_t>(each);
    pending |= value << pending_bits;
    pending_bits += width;
    if (pending_bits < 64) continue;
    base::StoreLe(at, pending);
    at += sizeof(uint64_t);
    pending_bits -= 64;
    const int used = width - pending_bits;
    pending = used == 64 ? 0 : value >> used;
  }
  base::StoreLe(at, pending);
  to->resize(start + bytes);
}

template <int kWidth, int kIndex, typename T>
T UnpackOne(const char* group) {
  constexpr int kByte = kIndex * kWidth / 8;
  constexpr int kShift = kIndex * kWidth % 8;
  constexpr uint64_t kMask = kWidth == 64 ? ~uint64_t{0} : (uint64_t{1} << kWidth) - 1;
  uint64_t value = base::LoadLe<uint64_t>(group + kByte) >> kShift;
  if constexpr (kShift + kWidth > 64) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(group[kByte + 8])) << (64 - kShift);
  }
  return static_cast<T>(value & kMask);
}

template <int kWidth, typename T, size_t... kIndex>
void UnpackGroup(const char* group, T* out, std::index_sequence<kIndex...>) {
  ((out[kIndex] = UnpackOne<kWidth, static_cast<int>(kIndex), T>(group)), ...);
}

// Reads up to kOverread bytes past the groups.
template <int kWidth, typename T>
void UnpackGroups(const char* from, size_t groups, T* out) {
  for (size_t i = 0; i < groups; ++i)
    UnpackGroup<kWidth>(from + i * kWidth, out + i * kGroup, std::make_index_sequence<kGroup>());
}

template <typename T>
using GroupsFunction = void (*)(const char*, size_t, T*);

template <typename T, size_t... kWidth>
constexpr auto MakeTable(std::index_sequence<kWidth...>) {
  return std::array<GroupsFunction<T>, sizeof...(kWidth)>{
      &UnpackGroups<static_cast<int>(kWidth), T>...};
}

template <typename T>
void Unpack(std::string_view packed, int width, std::span<T> out) {
  static constexpr auto kTable = MakeTable<T>(std::make_index_sequence<sizeof(T) * 8 + 1>());
  NL_DCHECK(packed.size() == PackedBytes(out.size(), width));
  const auto step = static_cast<size_t>(width);
  const GroupsFunction<T> unpack = kTable[step];
  size_t groups = out.size() / kGroup;
  while (groups > 0 && groups * step + kOverread > packed.size() && width > 0) --groups;
  unpack(packed.data(), groups, out.data());

  // What is left is read from a copy that may be overread: a few groups and the last, incomplete
  // one.
  for (size_t done = groups * kGroup; done < out.size();) {
    std::array<char, 64 + kOverread> copy{};
    std::array<T, kGroup> values;
    const std::string_view rest = packed.substr(done / kGroup * step, step);
    if (!rest.empty()) std::memcpy(copy.data(), rest.data(), rest.size());
    unpack(copy.data(), 1, values.data());
    for (size_t i = 0; i < kGroup && done < out.size(); ++i) out[done++] = values[i];
  }
}

}  // namespace

void PackBits(std::span<const uint64_t> values, int width, std::string* to) {
  Pack(values, width, to);
}
void PackBits(std::span<const uint16_t> values, int width, std::string* to) {
  Pack(values, width, to);
}

void UnpackBits(std::string_view packed, int width, std::span<uint64_t> out) {
  Unpack(packed, width, out);
}
void UnpackBits(std::string_view packed, int width, std::span<uint16_t> out) {
  Unpack(packed, width, out);
}

void UnpackBitsPortable(std::string_view packed, int width, std::span<uint64_t> out) {
  size_t bit = 0;
  for (uint64_t& value : out) {
    value = 0;
    for (int i = 0; i < width; ++i, ++bit)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(packed[bit / 8]) >> (bit % 8) & 1)
               << i;
  }
}

}  // namespace neurallog::block
