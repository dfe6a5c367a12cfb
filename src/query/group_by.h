// Groups of rows by the values of fields: the `by (...)` of stats, top and uniq.
//
// Per batch, each key column becomes small codes (a dictionary's own codes, runs of time buckets,
// hashed values); codes are combined pairwise, and only each distinct combination is looked up among
// all groups. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/columns.h"
#include "query/batch.h"
#include "query/group_values.h"
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
  explicit GroupTable(const std::vector<GroupField>& fields)
      : fields_(fields), values_(fields.size()), pairs_(fields.empty() ? 0 : fields.size() - 1) {}

  size_t size() const { return pairs_.empty() ? values_[0].size() : pairs_.back().size(); }
  size_t memory_bytes() const;
  // Sets (*groups)[i] to the group of batch.List()[i].
  Status Assign(Batch& batch, std::vector<uint32_t>* groups);
  // How many rows of the batch a group has. Several may be of one group.
  struct Counted {
    uint32_t group;
    uint32_t rows;
  };
  // For who wants no more than that: looks at no single row where the block knows its counts.
  Status Count(Batch& batch, std::vector<Counted>* counts);
  // Adds the groups of a table of the same fields; the result is, for each of them, which group it is
  // here.
  std::vector<uint32_t> AddAll(const GroupTable& other);
  // Group numbers in the order of their keys.
  std::vector<uint32_t> SortedGroups() const;
  // The value of field `i` of each of these groups, as a result column.
  block::Column KeyColumn(size_t i, std::span<const uint32_t> groups) const;

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;

  // The values of one key column in one batch.
  struct Codes {
    std::vector<uint32_t> of_row;         // parallel to the batch's list
    std::vector<std::string_view> texts;  // of each code
    std::vector<ValueType> types;
    std::vector<uint32_t> values;   // of each code, in the field's table; kUnknown: not looked up
    std::deque<std::string> owned;  // texts made here
    uint32_t count() const { return static_cast<uint32_t>(texts.size()); }
    uint32_t Add(std::string_view text, ValueType type) {
      texts.push_back(text);
      types.push_back(type);
      values.push_back(kUnknown);
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
  static void AddEntries(const block::Column& column, Codes* codes);
  static void EncodeDict(const block::Column& column, const std::vector<uint32_t>& rows,
                         Codes* codes);
  static void EncodeInts(const block::Column& column, const std::vector<uint32_t>& rows,
                         Codes* codes);
  static void EncodeStrings(const block::Column& column, const std::vector<uint32_t>& rows,
                            Codes* codes);
  static void PutIntoBuckets(const GroupField& field, Codes* codes);
  static void PutIntoSubnets(uint32_t mask, Codes* codes);

  // Codes of the combinations of values that rows have.
  struct Combined {
    std::vector<uint32_t> of_row;  // parallel to the batch's list
    uint32_t count = 0;
  };
  Status Encode(Batch& batch, std::vector<Codes>* codes, Combined* combined) const;
  // The group of the row at this place of the batch's list.
  uint32_t GroupOfRow(std::vector<Codes>* codes, size_t row);
  uint32_t ValueOf(size_t field, uint32_t code, Codes* codes);

  // Counts of a whole block, by the index of a dictionary and the times; false when that is not what
  // it takes.
  Result<bool> CountByIndex(Batch& batch, std::vector<Counted>* counts);

  // The value of a field that a group has.
  uint32_t ValueOfGroup(uint32_t group, size_t field) const;
  // The place of each value in the order of values; equal ones (1 and 1.0) share it. And their places
  // by text, where there are such.
  struct Ranks {
    std::vector<uint32_t> of_value;
    std::vector<uint32_t> by_text;  // empty: no two values are equal
  };
  Ranks RankValues(size_t field) const;
  void SortByRank(size_t field, const std::vector<uint32_t>& ranks,
                  std::vector<uint32_t>* order) const;

  const std::vector<GroupField>& fields_;
  std::vector<ValueTable> values_;  // of each field; of _time eight bytes
  std::vector<PairTable> pairs_;    // one fewer; the last one's numbers are the groups
};

}  // namespace neurallog::query
