// Values of a field, or names of fields, with the number of records that have them: what field_values, streams and their like answer, in
// VictoriaLogs' form and in ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/answer.h"
#include "api/collector.h"

namespace neurallog::api {

struct ValueHits {
  std::string value;
  uint64_t hits = 0;
};

// The most frequent first.
void SortValues(std::vector<ValueHits>* values);

// What the native form calls a field that queries call `name`.
std::string_view NativeName(std::string_view name);

// The labels of a stream: {a="b",c="d"}.
std::vector<std::pair<std::string, std::string>> ParseStream(std::string_view stream);

enum class ValuesOf : uint8_t {
  kFieldNames,
  kFieldValues,
  kStreams,
  kStreamIds,
  kStreamFieldNames,
  kStreamFieldValues,
};

// The base of both forms: asks, and adds up.
class ValuesAnswer : public Answer {
 public:
  explicit ValuesAnswer(ValuesOf what) : what_(what) {}

  Status Prepare(const Context& context, Search* search) override;
  query::RowVisitor* visitor() override { return &rows_; }
  size_t memory_bytes() const override { return rows_.memory_bytes(); }
  Result<std::string> Finish(const query::ExecuteStats& stats) override;

 protected:
  virtual Result<std::string> FieldOf(const Context& context, const Search& search) const;
  virtual std::string Print(const std::vector<ValueHits>& values) const;

  const ValuesOf what_;

 private:
  std::string Pipes() const;
  std::vector<ValueHits> Values() const;

  Collector rows_;
  std::string field_;   // of the values asked for
  std::string part_;    // what values must contain; empty: any
  uint64_t limit_ = 0;  // 0: none
};

}  // namespace neurallog::api
