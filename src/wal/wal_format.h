// The bytes of the write-ahead log, shared by Writer and Reader. Grammar and reasons: docs/formats/wal.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "neurallog/log_record.h"

namespace neurallog::wal {

// Log sequence number: 1 for the first frame ever, plus one per frame.
using Lsn = uint64_t;

inline constexpr char kSegmentMagic[8] = {'N', 'L', 'O', 'G', 'W', 'A', 'L', '1'};
inline constexpr uint32_t kFrameMagic = 0x4d52464e;  // "NFRM"
// Groups begin at page borders, so that no durable page is written again.
inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kSegmentHeaderBytes = kPageBytes;
inline constexpr size_t kFrameHeaderBytes = 80;
inline constexpr uint32_t kPayloadBytesMax = 256u << 20;

// segment header := magic[8] version:u32 crc32c:u32 number:u64 salt:u64 zeros      (crc over what follows it, 16 bytes)
struct SegmentHeader {
  uint64_t number = 0;
  // Start value of every frame's checksum: frames of another life of the file never verify.
  uint32_t salt = 0;
};
void EncodeSegmentHeader(const SegmentHeader& header, char* page);
bool DecodeSegmentHeader(std::string_view page, SegmentHeader* header);

enum class Codec : uint8_t { kNone = 0 };

// What a frame says besides its payload, which is a model::RecordBatch.
struct FrameInfo {
  Lsn lsn = 0;
  Lsn durable_lsn = 0;  // every frame up to here was durable when this one was written
  TenantId tenant{};
  uint8_t generation = 0;  // of the tenant's keyspace
  uint32_t rows = 0;
  // Records of the request that were not stored; part of a remembered answer.
  uint32_t rejected = 0;
  int64_t written_ns = 0;          // wall clock
  base::Hash128Value request_key;  // of the idempotency key; empty: none
  // Not 0: the frame carries rows forward. It holds again what was not in blocks of the tenant's rows from this place on, up to this frame.
  Lsn carried_from_lsn = 0;
  uint32_t carried_from_row = 0;
};

// frame header := magic:u32 crc32c:u32 payload_bytes:u32 version:u8 codec:u8 generation:u8 zero:u8 lsn:u64 durable_lsn:u64
//                 tenant:u32 rows:u32 rejected:u32 carried_from_row:u32 written_ns:i64 key_low:u64 key_high:u64
//                 carried_from_lsn:u64
// The checksum covers the header after itself and the payload.
void EncodeFrameHeader(const FrameInfo& info, uint32_t payload_bytes, char* to);
// Reads the fields; says nothing about the checksum. False when magic, version, codec or length cannot be right.
bool DecodeFrameHeader(const char* from, FrameInfo* info, uint32_t* payload_bytes);

std::string SegmentName(uint64_t number);
// The number of "wal-<16 hex digits>.log", or false.
bool ParseSegmentName(std::string_view name, uint64_t* number);
std::string RecycledName(uint64_t number);
bool IsRecycledName(std::string_view name);

constexpr uint64_t AlignUp(uint64_t value) {
  return (value + kPageBytes - 1) / kPageBytes * kPageBytes;
}

}  // namespace neurallog::wal
