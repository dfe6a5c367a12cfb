// Constants of the stored format, shared by its writer and its reader. The grammar is
// docs/formats/block.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace neurallog::block {

inline constexpr uint32_t kHeaderMagic = 0x314b4c42;  // "BLK1"
inline constexpr uint8_t kHeaderVersion = 3;
inline constexpr uint8_t kHeaderVersionMin = 1;  // the oldest that is read
inline constexpr size_t kCrcBytes = 4;
inline constexpr std::string_view kTimeColumn = "_time";

// Bounds what a damaged or hostile chunk can make a reader allocate, and what BuildBlock accepts.
inline constexpr uint64_t kColumnBytesMax = uint64_t{512} << 20;

// Column flags in the header.
inline constexpr uint8_t kColumnInline = 1;
inline constexpr uint8_t kColumnIntRange = 2;
inline constexpr uint8_t kColumnIndexed = 4;
inline constexpr uint8_t kColumnFlagsMask = 7;

// Which rows have a value.
enum class Presence : uint8_t {
  kAll = 0,
  kBitmap = 1,
  kPresentRows = 2,  // the gaps between the rows that have one
  kAbsentRows = 3,   // the gaps between the rows that have none
};

enum class TypeLayout : uint8_t {
  kUniform = 0,
  kEach = 1,  // one byte per present value, or per entry of a dictionary
};

// Instead of the number of dictionary entries, which follows: the codes are a blob.
inline constexpr char kDictWithRuns = 0;

enum class BlobCodec : uint8_t {
  kRaw = 0,
  kZstd = 1,
  kHex = 2,         // lower-case hexadecimal digits, two to a byte
  kZstdBehind = 3,  // with bytes that the reader knows as dictionary
};

enum class IntsMode : uint8_t {
  kFrame = 0,  // packed around the minimum of each frame
  kDelta =
      1,  // differences to the previous value, packed around the least difference of each frame
};

// Integers are packed in frames, each with its own minimum and width, so that an outlier widens one
// frame only.
inline constexpr size_t kFrameValues = 1024;

}  // namespace neurallog::block
