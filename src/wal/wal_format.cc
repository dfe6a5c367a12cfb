#include "wal/wal_format.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "base/bytes.h"

namespace neurallog::wal {

using base::LoadLe;
using base::StoreLe;

namespace {
constexpr uint32_t kSegmentVersion = 1;
constexpr uint8_t kFrameVersion = 1;
constexpr std::string_view kSegmentPrefix = "wal-";
constexpr std::string_view kRecycledPrefix = "free-";
constexpr std::string_view kSuffix = ".log";
}  // namespace

void EncodeSegmentHeader(const SegmentHeader& header, char* page) {
  std::memset(page, 0, kSegmentHeaderBytes);
  std::memcpy(page, kSegmentMagic, sizeof(kSegmentMagic));
  StoreLe<uint32_t>(page + 8, kSegmentVersion);
  StoreLe<uint64_t>(page + 16, header.number);
  StoreLe<uint64_t>(page + 24, header.salt);
  StoreLe<uint32_t>(page + 12, base::Crc32c(0, page + 16, 16));
}

bool DecodeSegmentHeader(std::string_view page, SegmentHeader* header) {
  if (page.size() < 32 || std::memcmp(page.data(), kSegmentMagic, sizeof(kSegmentMagic)) != 0)
    return false;
  if (LoadLe<uint32_t>(page.data() + 8) != kSegmentVersion) return false;
  if (LoadLe<uint32_t>(page.data() + 12) != base::Crc32c(0, page.data() + 16, 16)) return false;
  header->number = LoadLe<uint64_t>(page.data() + 16);
  header->salt = static_cast<uint32_t>(LoadLe<uint64_t>(page.data() + 24));
  return true;
}

void EncodeFrameHeader(const FrameInfo& info, uint32_t payload_bytes, char* to) {
  std::memset(to, 0, kFrameHeaderBytes);
  StoreLe<uint32_t>(to, kFrameMagic);
  StoreLe<uint32_t>(to + 8, payload_bytes);
  to[12] = static_cast<char>(kFrameVersion);
  to[13] = static_cast<char>(Codec::kNone);
  to[14] = static_cast<char>(info.generation);
  StoreLe<uint64_t>(to + 16, info.lsn);
  StoreLe<uint64_t>(to + 24, info.durable_lsn);
  StoreLe<uint32_t>(to + 32, static_cast<uint32_t>(info.tenant));
  StoreLe<uint32_t>(to + 36, info.rows);
  StoreLe<uint32_t>(to + 40, info.rejected);
  StoreLe<uint32_t>(to + 44, info.carried_from_row);
  StoreLe<int64_t>(to + 48, info.written_ns);
  StoreLe<uint64_t>(to + 56, info.request_key.low);
  StoreLe<uint64_t>(to + 64, info.request_key.high);
  StoreLe<uint64_t>(to + 72, info.carried_from_lsn);
}

bool DecodeFrameHeader(const char* from, FrameInfo* info, uint32_t* payload_bytes) {
  if (LoadLe<uint32_t>(from) != kFrameMagic || from[12] != static_cast<char>(kFrameVersion))
    return false;
  if (from[13] != static_cast<char>(Codec::kNone)) return false;
  *payload_bytes = LoadLe<uint32_t>(from + 8);
  info->generation = static_cast<uint8_t>(from[14]);
  info->lsn = LoadLe<uint64_t>(from + 16);
  info->durable_lsn = LoadLe<uint64_t>(from + 24);
  info->tenant = static_cast<TenantId>(LoadLe<uint32_t>(from + 32));
  info->rows = LoadLe<uint32_t>(from + 36);
  info->rejected = LoadLe<uint32_t>(from + 40);
  info->carried_from_row = LoadLe<uint32_t>(from + 44);
  info->written_ns = LoadLe<int64_t>(from + 48);
  info->request_key = {LoadLe<uint64_t>(from + 56), LoadLe<uint64_t>(from + 64)};
  info->carried_from_lsn = LoadLe<uint64_t>(from + 72);
  return *payload_bytes <= kPayloadBytesMax;
}

std::string SegmentName(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "wal-%016" PRIx64 ".log", number);
  return name;
}

std::string RecycledName(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "free-%016" PRIx64 ".log", number);
  return name;
}

bool ParseSegmentName(std::string_view name, uint64_t* number) {
  if (name.size() != kSegmentPrefix.size() + 16 + kSuffix.size()) return false;
  if (name.substr(0, kSegmentPrefix.size()) != kSegmentPrefix ||
      name.substr(kSegmentPrefix.size() + 16) != kSuffix)
    return false;
  *number = 0;
  for (const char c : name.substr(kSegmentPrefix.size(), 16)) {
    const bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
    if (!digit && !letter) return false;
    *number = *number << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return true;
}

bool IsRecycledName(std::string_view name) {
  return name.substr(0, kRecycledPrefix.size()) == kRecycledPrefix;
}

}  // namespace neurallog::wal
