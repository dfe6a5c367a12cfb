// Texts that are stored as what they stand for: hexadecimal identifiers as bytes, addresses and
// decimals as integers.
//
//   TypedTextEncoder encoder;
//   if (encoder.Plan(cells, &encoding)) encoder.Append(&chunk);
//
// Every text comes back exactly: Plan refuses a column of which one value does not fit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "block/block.h"
#include "block/gather.h"
#include "block/ints.h"
#include "neurallog/status.h"

namespace neurallog::block {

// Digits of a UUID between its dashes; the texts have four bytes more.
inline constexpr size_t kUuidDigits = 32;
inline constexpr size_t kUuidBytes = 36;
inline constexpr size_t kHexDigitsMin = 8;
inline constexpr size_t kHexDigitsMax = 64;
inline constexpr int kDecimalScaleMax = 9;

bool ParseIpv4(std::string_view text, uint32_t* address);
// Writes at most 15 bytes; returns the end.
char* PrintIpv4(char* to, uint32_t address);

// A decimal that printing its digits and their scale gives back: no leading zeros, no "-0.0", at
// most 18 digits, at most kDecimalScaleMax behind the point, none for scale 0.
bool ParseDecimal(std::string_view text, int64_t* digits, int* scale);
char* PrintDecimal(char* to, int64_t digits, int scale);

// Reuses its buffers. Not thread-safe.
class TypedTextEncoder {
 public:
  // False, early where possible, when no form fits all cells.
  bool Plan(const GatheredColumn& column, Encoding* encoding);
  void Append(std::string* to);

 private:
  bool PlanHex(const GatheredColumn& column, bool is_uuid);
  bool PlanIpv4(std::span<const Cell> cells);
  bool PlanDecimals(std::span<const Cell> cells);

  Encoding encoding_ = Encoding::kHex;
  bool is_uuid_ = false;
  uint8_t hex_digits_ = 0;  // of each
  std::string hex_;
  std::vector<int64_t> numbers_;
  std::vector<int64_t> scales_;
  IntsEncoder ints_encoder_;
};

// Reads `values` texts of that encoding, appends their lengths to `lengths` and puts them into the
// column, one after the other; decimals as numbers too.
Status DecodeTypedTexts(base::ByteReader* reader, Encoding encoding, uint32_t values,
                        std::vector<int64_t>* lengths, Column* column);

// Two lower-case hexadecimal digits to a byte; false, early, when a byte of `text` is none. An odd
// one is left out of `to`.
bool PackHex(std::string_view text, char* to);
void UnpackHex(std::string_view packed, char* to);

}  // namespace neurallog::block
