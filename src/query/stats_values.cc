// `values(a, b*) [limit N]`: all values, empty ones too, as a JSON array of texts, row by row.
// `uniq_values(a, b*) [limit N]`: different values that are not empty, in the order of `sort`; with a
// limit the first ones.
#include <set>

#include "base/json_text.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

constexpr size_t kNodeBytes = 48;  // of a set

template <typename Values>
void AppendArray(const Values& values, uint64_t limit, filter::ColumnBuilder* to) {
  std::string text = "[";
  for (const auto& value : values) {
    if (limit-- == 0) break;
    if (text.size() > 1) text.push_back(',');
    if constexpr (std::is_same_v<Values, std::vector<std::string>>) {
      base::AppendJsonString(&text, value);
    } else {
      base::AppendJsonString(&text, value.text);
    }
  }
  to->Add(text + "]", ValueType::kArray);
}

struct AllValues {
  std::vector<std::string> texts;
  size_t bytes = 0;

  void Add(std::string_view text, uint64_t limit) {
    if (texts.size() >= limit) return;
    texts.emplace_back(text);
    bytes += text.size();
  }
  void Merge(AllValues& later) {
    for (std::string& text : later.texts) texts.push_back(std::move(text));
    bytes += later.bytes;
  }
  size_t heap_bytes() const { return bytes + texts.capacity() * sizeof(std::string); }
  void Append(uint64_t limit, filter::ColumnBuilder* to) const { AppendArray(texts, limit, to); }
};

struct ValueLess {
  bool operator()(const Value& a, const Value& b) const {
    const int order = Compare(a, b);
    return order != 0 ? order < 0 : a.text < b.text;
  }
};

struct UniqueValues {
  std::set<Value, ValueLess> values;
  size_t bytes = 0;

  void Add(std::string_view text, uint64_t limit) {
    if (text.empty() || limit == 0) return;
    Value value;
    value.Set(text);
    Add(std::move(value), limit);
  }
  void Add(Value value, uint64_t limit) {
    if (values.size() >= limit && !ValueLess()(value, *values.rbegin())) return;
    const size_t size = value.memory_bytes() + kNodeBytes;
    if (!values.insert(std::move(value)).second) return;
    bytes += size;
    if (values.size() <= limit) return;
    bytes -= values.rbegin()->memory_bytes() + kNodeBytes;
    values.erase(std::prev(values.end()));
  }
  void Merge(UniqueValues& later) {
    for (const Value& value : later.values) Add(value, UINT64_MAX);
  }
  size_t heap_bytes() const { return bytes; }
  void Append(uint64_t limit, filter::ColumnBuilder* to) const { AppendArray(values, limit, to); }
};

template <typename V>
class ValuesState : public GroupState<V> {
 public:
  ValuesState(const std::vector<FieldPattern>& fields, uint64_t limit)
      : fields_(fields), limit_(limit == 0 ? UINT64_MAX : limit) {}

  Status Update(const StatsInput& input) override {
    NL_TRY(std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    const std::vector<uint32_t>& rows = input.batch.List();
    if (std::is_same_v<V, UniqueValues> && !input.has_groups())
      for (FieldReader& reader : readers) AddEntries(&reader, rows);
    for (size_t i = 0; i < rows.size(); ++i)
      for (FieldReader& reader : readers) {
        const std::string_view text = reader.Text(rows[i]);
        this->Change(input.GroupOf(i), [&](V& values) { values.Add(text, limit_); });
      }
    return {};
  }
  void Append(size_t group, filter::ColumnBuilder* to) override {
    this->value(group).Append(limit_, to);
  }

 private:
  // Without groups, each entry of a dictionary is looked at once; the reader has no rows then.
  void AddEntries(FieldReader* reader, const std::vector<uint32_t>& rows) {
    const block::Column* column = reader->column();
    if (column == nullptr || column->encoding != block::Encoding::kDict) return;
    std::vector<bool> is_seen(column->entries.size());
    for (const uint32_t row : rows)
      if (column->Has(row)) is_seen[column->codes[row]] = true;
    for (size_t i = 0; i < is_seen.size(); ++i)
      if (is_seen[i]) this->Change(0, [&](V& values) { values.Add(column->entries[i], limit_); });
    *reader = FieldReader();
  }

  const std::vector<FieldPattern>& fields_;
  const uint64_t limit_;
};

class ValuesFunction : public StatsFunction {
 public:
  ValuesFunction(std::vector<FieldPattern> fields, uint64_t limit, bool is_unique)
      : fields_(std::move(fields)), limit_(limit), is_unique_(is_unique) {}
  void Print(std::string* to) const override {
    to->append(is_unique_ ? "uniq_values(" : "values(");
    PrintStatsFields(to, fields_);
    to->push_back(')');
    if (limit_ != 0) to->append(" limit " + std::to_string(limit_));
  }
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
    if (is_unique_) return std::make_unique<ValuesState<UniqueValues>>(fields_, limit_);
    return std::make_unique<ValuesState<AllValues>>(fields_, limit_);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const uint64_t limit_;  // 0: none
  const bool is_unique_;
};

StatsFunctionResult ParseValues(filter::Lexer* lexer, bool is_unique) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  NL_TRY(const uint64_t limit, ParseStatsLimit(lexer));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<ValuesFunction>(std::move(fields), limit, is_unique));
}

}  // namespace

StatsFunctionResult ParseStatsValues(filter::Lexer* lexer) {
  return ParseValues(lexer, /*is_unique=*/false);
}
StatsFunctionResult ParseStatsUniqValues(filter::Lexer* lexer) {
  return ParseValues(lexer, /*is_unique=*/true);
}

}  // namespace neurallog::query
