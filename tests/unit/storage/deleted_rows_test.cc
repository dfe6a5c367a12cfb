#include "storage/deleted_rows.h"

#include <catch2/catch.hpp>

#include "block/block.h"
#include "storage/store.h"
#include "support/batch.h"

namespace neurallog::storage {
namespace {

TEST_CASE("deleted rows are what was stored, for every number of rows around a word") {
  for (const uint32_t rows : {1u, 63u, 64u, 65u, 8192u}) {
    DeletedRows deleted((rows + 63) / 64);
    deleted[0] |= 1;
    deleted[(rows - 1) / 64] |= uint64_t{1} << ((rows - 1) % 64);
    const std::string bytes = EncodeDeletedRows(deleted);
    const auto read = DecodeDeletedRows(bytes, rows);
    REQUIRE(read.ok());
    CHECK(**read == deleted);
    CHECK(CountDeleted(**read) == (rows == 1 ? 1 : 2));
    CHECK_FALSE(DecodeDeletedRows(bytes, rows + 64).ok());
  }
}

TEST_CASE("deleted rows that were cut or flipped anywhere are refused") {
  const std::string bytes = EncodeDeletedRows({0x5, 0x80});
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(DecodeDeletedRows(std::string_view(bytes).substr(0, size), 128).ok());
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    CHECK_FALSE(DecodeDeletedRows(flipped, 128).ok());
  }
}

TEST_CASE("what a block takes by its header is about what its values take") {
  for (const int rows : {100, 1'000, 8'000}) {
    const auto batch = testing::MakeNoise(0, rows, 50, 1'700'000'000'000'000'000);
    std::vector<block::RowRef> refs;
    const char* at = batch->first_row();
    for (int i = 0; i < rows; ++i) {
      const model::RowReader row(at);
      refs.push_back({batch.get(), at, row.timestamp_ns()});
      at = row.next_row();
    }
    const block::BuiltBlock built = block::BuildBlock(refs, {.lsn_min = 1, .lsn_max = 1});
    double bytes = static_cast<double>(built.header.size());
    for (const auto& chunk : built.chunks) bytes += static_cast<double>(chunk.bytes.size());
    const auto header = block::BlockHeader::Decode(built.header);
    REQUIRE(header.ok());
    CHECK(static_cast<double>(StoredBytes(**header)) == Approx(bytes).epsilon(0.05));
  }
}

}  // namespace
}  // namespace neurallog::storage
