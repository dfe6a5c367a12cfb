// Bit-packing: `count` unsigned integers of `width` bits (0..64) one after the other, least
// significant bit first.
//
// Eight values fill exactly `width` bytes, so every group of eight begins at a byte and its shifts
// are compile-time constants.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace neurallog::block {

inline int BitWidth(uint64_t value) { return std::bit_width(value); }

inline size_t PackedBytes(size_t count, int width) {
  return (count * static_cast<size_t>(width) + 7) / 8;
}

// Appends PackedBytes(values.size(), width) bytes. Every value must fit `width` bits.
void PackBits(std::span<const uint64_t> values, int width, std::string* to);
void PackBits(std::span<const uint16_t> values, int width, std::string* to);

// Reads out.size() values; packed.size() must be PackedBytes(out.size(), width). Never reads
// outside `packed`.
void UnpackBits(std::string_view packed, int width, std::span<uint64_t> out);
void UnpackBits(std::string_view packed, int width, std::span<uint16_t> out);  // width <= 16

// One bit at a time, for the test that compares both.
void UnpackBitsPortable(std::string_view packed, int width, std::span<uint64_t> out);

}  // namespace neurallog::block
