// record := key_bytes:u64 value_bytes:u64 expiration:u64 header_crc:u32 blob_crc:u32 key value, all little-endian, behind a file header of
// 30 bytes. The checksums are RocksDB's masked CRC-32C: of the first 24 bytes, and of key and value.
#include "storage/blob_scan.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "io/file_system.h"

namespace neurallog::storage {
namespace {

constexpr size_t kFileHeaderBytes = 30;
constexpr size_t kRecordHeaderBytes = 32;
constexpr size_t kKeyBytesMax = 64;  // ours are 24 at most

uint32_t MaskedCrc(std::string_view bytes) {
  const uint32_t crc = base::Crc32c(0, bytes.data(), bytes.size());
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

struct Record {
  std::string_view key;
  std::string_view value;
};

// The record at the front of `bytes`, if its header verifies and its key and value lie inside; `*intact` when these verify too.
bool ReadRecord(std::string_view bytes, Record* record, bool* intact) {
  if (bytes.size() < kRecordHeaderBytes) return false;
  const auto key_bytes = base::LoadLe<uint64_t>(bytes.data());
  const auto value_bytes = base::LoadLe<uint64_t>(bytes.data() + 8);
  const size_t rest = bytes.size() - kRecordHeaderBytes;
  if (key_bytes == 0 || key_bytes > kKeyBytesMax || key_bytes > rest ||
      value_bytes > rest - key_bytes)
    return false;
  if (base::LoadLe<uint32_t>(bytes.data() + 24) != MaskedCrc(bytes.substr(0, 24))) return false;
  record->key = bytes.substr(kRecordHeaderBytes, key_bytes);
  record->value = bytes.substr(kRecordHeaderBytes + key_bytes, value_bytes);
  *intact = base::LoadLe<uint32_t>(bytes.data() + 28) ==
            MaskedCrc(bytes.substr(kRecordHeaderBytes, key_bytes + value_bytes));
  return true;
}

}  // namespace

Status ScanBlobFile(
    const std::string& path,
    const std::function<Status(std::string_view key, std::string_view value)>& visit) {
  NL_TRY(const auto file,
         io::FileSystem::Posix().Open(path, io::OpenMode::kRead, /*direct=*/false));
  NL_TRY(const uint64_t size, file->Size());
  base::Buffer buffer(size);
  size_t read;
  NL_RETURN_IF_ERROR(file->ReadAt(0, buffer.Prepare(size), size, &read));
  buffer.Commit(read);
  std::string_view bytes = buffer.view();
  bytes.remove_prefix(std::min(bytes.size(), kFileHeaderBytes));
  while (bytes.size() >= kRecordHeaderBytes) {
    Record record;
    bool intact = false;
    if (!ReadRecord(bytes, &record, &intact)) {
      bytes.remove_prefix(1);
      continue;
    }
    if (intact) NL_RETURN_IF_ERROR(visit(record.key, record.value));
    bytes.remove_prefix(kRecordHeaderBytes + record.key.size() + record.value.size());
  }
  return {};
}

}  // namespace neurallog::storage
