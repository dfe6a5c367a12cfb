// Names a record by what it holds: its time and a hash of its fields. A name stays the same when the record is sealed, merged or moved, in a
// backup and in another server, and costs nothing on the disk. Records that are equal in time and all fields share it.
//
//   id := time:16 hexadecimal digits (nanoseconds since 1970, sign bit flipped, so that names sort by time) hash:16 hexadecimal digits
//   hash := sum over the fields of XXH3(length-prefixed name, type, value), modulo 2^64
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/batch.h"

namespace neurallog::query {

struct RecordId {
  int64_t time_ns = 0;
  uint64_t hash = 0;
};
void AppendRecordId(std::string* to, const RecordId& id);
// Nothing when the text is no id.
std::optional<RecordId> ParseRecordId(std::string_view text);

// The ids of the rows of one block. Not thread-safe.
class RecordIds {
 public:
  // Reads all columns of the rows, which must be records as they are stored.
  Status Prepare(Rows& rows);
  RecordId Of(uint32_t row);

 private:
  struct Field {
    std::string prefix;  // of what is hashed
    const block::Column* column;
    std::vector<uint64_t> hashes;  // per entry of a dictionary; 0: not known yet
  };
  uint64_t HashOf(Field* field, uint32_t row);

  std::span<const int64_t> times_;
  std::vector<Field> fields_;
  std::string buffer_;
};

}  // namespace neurallog::query
