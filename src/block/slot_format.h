// The values that one variable of a template takes are a slot: a shape, which says how they are
// stored, and their parts in the streams that all slots of a column share. Grammar:
// docs/formats/block.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace neurallog::block {

enum class SlotKind : uint8_t {
  kConst = 0,    // one text for all
  kTexts = 1,    // lengths + bytes
  kNumbers = 2,  // prefix, digits, suffix
  kIpv4 = 3,     // dotted quads as numbers
  kFixed = 4,    // texts of one length that differ in digits or hexadecimal digits only
  kDict = 5,     // distinct texts + codes
  kCopy = 6,     // the same values as a slot before, of the same rows
};
inline constexpr uint8_t kSlotKindMask = 7;
// Flags of kNumbers and kIpv4.
inline constexpr uint8_t kSlotAffixes = 8;   // a prefix and a suffix follow as texts
inline constexpr uint8_t kSlotDeltas = 16;   // differences to the value before
inline constexpr uint8_t kSlotPlanes = 32;   // in whole bytes, those of one significance together
inline constexpr uint8_t kSlotPointed = 64;  // digits before and after a point

// In the pattern of kFixed; other bytes are the same in all values.
inline constexpr char kPatternDigit = 0;
inline constexpr char kPatternHex = 1;
inline constexpr size_t kFixedLengthMax = 64;

inline constexpr char kDelete = 0x7f;  // joins words for templates and parts them for filters

inline constexpr size_t kNumberBytesMax = 24;       // of a number or an address as text, without affixes
inline constexpr size_t kSlotDigitsMax = 19;        // 10^19 - 1 fits 64 bits
inline constexpr size_t kSlotDictEntriesMax = 256;  // codes are bytes

// Instead of the number of templates, which follows: slots may be shared, texts stored whole have heads.
inline constexpr char kJoinedTemplates = 0;
inline constexpr uint32_t kHeadsMax = 256;

// What slots write to, one stored byte string each.
enum class Stream : uint8_t {
  kShapes = 0,   // kinds and parameters
  kPacked = 1,   // bit-packed numbers
  kPlanes = 2,   // bytes of numbers and pairs of digits
  kHex = 3,      // pairs of hexadecimal digits as bytes
  kCodes = 4,    // codes of dictionaries
  kLengths = 5,  // varints
  kTexts = 6,
};
inline constexpr size_t kStreams = 7;

inline constexpr std::array<uint64_t, 20> kPowersOfTen = [] {
  std::array<uint64_t, 20> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

}  // namespace neurallog::block
