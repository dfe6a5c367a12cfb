// Groups of rows by the values of fields: the `by (...)` of stats, top and uniq.
//
// Per batch, each key column becomes small codes (a dictionary's own codes, runs of time buckets,
// hashed values); codes are combined pairwise, and only each distinct combination is looked up in
// the table of all groups. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "filter/columns.h"
#include "query/batch.h"
#include "query/pipe.h"

namespace neurallog::query {

// One entry of `by (...)`: a field, and how its values are put into buckets.
struct GroupField {
  FieldPattern field;
  std::string bucket_text;   // as written, empty: each value is a group
  bool is_time = false;      // _time: bucket and offset are nanoseconds
  int64_t time_step_ns = 0;  // 0: no bucket
  int64_t time_offset_ns = 0;
  enum class Calendar : uint8_t { kNone, kMonth, kYear };
  Calendar calendar =
      Calendar::kNone;     // of times whose buckets differ in length; the step is their mean
  uint32_t ipv4_mask = 0;  // of addresses; 0: no bucket
  long double step = 0;    // of numbers; 0: no bucket
  long double offset = 0;
};

Result<std::vector<GroupField>> ParseGroupFields(filter::Lexer* lexer);
// `[by] (a, b)` or `[by] a, b`. `expected` completes "expected ...".
Result<std::vector<GroupField>> ParseGroupList(filter::Lexer* lexer, std::string_view expected);
void PrintGroupFields(std::string* to, const std::vector<GroupField>& fields);

// The start of the bucket that holds the value.
int64_t TimeBucket(int64_t ns, int64_t step_ns, int64_t offset_ns);
// Of a field of times: the bucket [start, end) that holds the value.
TimeRange TimeBucketOf(const GroupField& field, int64_t ns);

class GroupTable {
 public:
  explicit GroupTable(const std::vector<GroupField>& fields) : fields_(fields) {}

  size_t size() const { return keys_.size(); }
  size_t memory_bytes() const { return memory_bytes_; }
  // Sets (*groups)[i] to the group of batch.List()[i].
  Status Assign(Batch& batch, std::vector<uint32_t>* groups);
  // Group numbers in the order of their keys.
  std::vector<uint32_t> SortedGroups() const;
  // The value of field `i` of each group in `order`, as a result column.
  block::Column KeyColumn(size_t i, const std::vector<uint32_t>& order) const;

 private:
  // The values of one key column in one batch.
  struct Codes {
    std::vector<uint32_t> of_row;         // parallel to the batch's list
    std::vector<std::string_view> texts;  // of each code
    std::vector<ValueType> types;
    std::deque<std::string> owned;  // texts made here
    uint32_t count() const { return static_cast<uint32_t>(texts.size()); }
    uint32_t Add(std::string_view text, ValueType type) {
      texts.push_back(text);
      types.push_back(type);
      return count() - 1;
    }
    uint32_t AddOwned(std::string text, ValueType type) {
      return Add(owned.emplace_back(std::move(text)), type);
    }
  };

  Status Encode(const GroupField& field, Batch& batch, Codes* codes) const;
  static void EncodeTimes(const GroupField& field, std::span<const int64_t> times,
                          const std::vector<uint32_t>& rows, Codes* codes);
  static void EncodeConst(const block::Column& column, const std::vector<uint32_t>& rows,
                          Codes* codes);
  static void EncodeDict(const block::Column& column, const std::vector<uint32_t>& rows,
                         Codes* codes);
  static void EncodeInts(const block::Column& column, const std::vector<uint32_t>& rows,
                         Codes* codes);
  static void EncodeStrings(const block::Column& column, const std::vector<uint32_t>& rows,
                            Codes* codes);
  static void PutIntoBuckets(const GroupField& field, Codes* codes);
  static void PutIntoSubnets(uint32_t mask, Codes* codes);
  uint32_t FindOrAdd(std::string_view key, const std::vector<Codes>& codes, size_t row);

  const std::vector<GroupField>& fields_;
  struct Key {
    std::vector<std::string> texts;  // one per field; of _time eight bytes
    std::vector<ValueType> types;
  };
  std::unordered_map<std::string, uint32_t> index_;
  std::vector<Key> keys_;
  size_t memory_bytes_ = 0;
};

}  // namespace neurallog::query
