// The rows of a block that were deleted by query and are still in its columns: a bitmap beside the block, until the block is rewritten.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::storage {

// One bit per row, in words of 64 rows; bits past the last row are zero.
using DeletedRows = std::vector<uint64_t>;

uint32_t CountDeleted(const DeletedRows& rows);

// The stored form: crc32c:u32le of the rest, count:u32le, words:u64le*.
std::string EncodeDeletedRows(const DeletedRows& rows);
// Corruption unless the bytes are those of a block of `rows` rows.
Result<std::shared_ptr<const DeletedRows>> DecodeDeletedRows(std::string_view bytes, uint32_t rows);

}  // namespace neurallog::storage
