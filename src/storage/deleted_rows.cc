#include "storage/deleted_rows.h"

#include <bit>

#include "base/bytes.h"
#include "base/hash.h"

namespace neurallog::storage {

uint32_t CountDeleted(const DeletedRows& rows) {
  int count = 0;
  for (const uint64_t word : rows) count += std::popcount(word);
  return static_cast<uint32_t>(count);
}

std::string EncodeDeletedRows(const DeletedRows& rows) {
  std::string body;
  base::AppendLe<uint32_t>(&body, CountDeleted(rows));
  for (const uint64_t word : rows) base::AppendLe(&body, word);
  std::string bytes;
  base::AppendLe<uint32_t>(&bytes, base::Crc32c(0, body.data(), body.size()));
  return bytes.append(body);
}

Result<std::shared_ptr<const DeletedRows>> DecodeDeletedRows(std::string_view bytes,
                                                             uint32_t rows) {
  const size_t words = (static_cast<size_t>(rows) + 63) / 64;
  if (bytes.size() != 8 + words * 8)
    return Corruption("deleted rows of a block of " + std::to_string(rows) + " rows take " +
                      std::to_string(bytes.size()) + " bytes");
  if (base::LoadLe<uint32_t>(bytes.data()) != base::Crc32c(0, bytes.data() + 4, bytes.size() - 4))
    return Corruption("deleted rows: checksum mismatch");
  auto deleted = std::make_shared<DeletedRows>(words);
  for (size_t i = 0; i < words; ++i)
    (*deleted)[i] = base::LoadLe<uint64_t>(bytes.data() + 8 + i * 8);
  return std::shared_ptr<const DeletedRows>(std::move(deleted));
}

}  // namespace neurallog::storage
