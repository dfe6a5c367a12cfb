// `json_values(a, b*) [sort by (a desc, b)] [limit N]`: rows as a JSON array of objects, in the order in
// which they come or in that of some fields; with a limit the first ones.
#include "filter/parser.h"
#include "query/pack_pipe.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct SortKey {
  FieldPattern field;
  bool descending = false;
};

struct JsonRow {
  std::vector<Value> keys;
  std::string text;
  size_t memory_bytes() const {
    size_t bytes = sizeof(JsonRow) + text.capacity();
    for (const Value& key : keys) bytes += key.memory_bytes();
    return bytes;
  }
};

struct JsonRows {
  std::vector<JsonRow> rows;
  size_t bytes = 0;

  void Add(JsonRow row) {
    bytes += row.memory_bytes();
    rows.push_back(std::move(row));
  }
  void Merge(JsonRows& later) {
    for (JsonRow& row : later.rows) rows.push_back(std::move(row));
    bytes += later.bytes;
  }
  size_t heap_bytes() const { return bytes; }
};

class JsonValuesState : public GroupState<JsonRows> {
 public:
  JsonValuesState(const std::vector<FieldPattern>& fields, const std::vector<SortKey>& keys,
                  uint64_t limit)
      : fields_(fields), keys_(keys), limit_(limit == 0 ? UINT64_MAX : limit) {}

  Status Update(const StatsInput& input) override {
    NL_TRY(FieldPacker packer, FieldPacker::Open(input.batch, fields_));
    std::vector<FieldReader> readers(keys_.size());
    for (size_t i = 0; i < keys_.size(); ++i) {
      NL_TRY(readers[i], FieldReader::Open(input.batch, keys_[i].field.name));
    }
    const std::vector<uint32_t>& rows = input.batch.List();
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint32_t group = input.GroupOf(i);
      if (keys_.empty() && value(group).rows.size() >= limit_) continue;
      JsonRow row;
      row.keys.resize(keys_.size());
      for (size_t k = 0; k < readers.size(); ++k) row.keys[k].Set(readers[k].Text(rows[i]));
      AppendJsonObject(&row.text, packer.Read(rows[i]));
      Change(group, [&](JsonRows& kept) {
        kept.Add(std::move(row));
        if (kept.rows.size() / 2 > limit_) Cut(&kept);
      });
    }
    return {};
  }
  void Append(size_t group, filter::ColumnBuilder* to) override {
    JsonRows& kept = value(group);
    Cut(&kept);
    std::string text = "[";
    for (const JsonRow& row : kept.rows) {
      if (text.size() > 1) text.push_back(',');
      text += row.text;
    }
    to->Add(text + "]", ValueType::kArray);
  }

 private:
  bool Before(const JsonRow& a, const JsonRow& b) const {
    for (size_t i = 0; i < keys_.size(); ++i) {
      const int order = Compare(a.keys[i], b.keys[i]);
      if (order != 0) return keys_[i].descending ? order > 0 : order < 0;
    }
    return false;
  }
  // Keeps the first rows.
  void Cut(JsonRows* kept) const {
    std::stable_sort(kept->rows.begin(), kept->rows.end(),
                     [this](const JsonRow& a, const JsonRow& b) { return Before(a, b); });
    while (kept->rows.size() > limit_) {
      kept->bytes -= kept->rows.back().memory_bytes();
      kept->rows.pop_back();
    }
  }

  const std::vector<FieldPattern>& fields_;
  const std::vector<SortKey>& keys_;
  const uint64_t limit_;
};

class JsonValuesFunction : public StatsFunction {
 public:
  JsonValuesFunction(std::vector<FieldPattern> fields, std::vector<SortKey> keys, uint64_t limit)
      : fields_(std::move(fields)), keys_(std::move(keys)), limit_(limit) {}
  void Print(std::string* to) const override {
    to->append("json_values(");
    PrintStatsFields(to, fields_);
    to->push_back(')');
    for (size_t i = 0; i < keys_.size(); ++i) {
      to->append(i == 0 ? " sort by (" : ", ");
      PrintFieldList(to, {keys_[i].field});
      if (keys_[i].descending) to->append(" desc");
    }
    if (!keys_.empty()) to->push_back(')');
    if (limit_ != 0) to->append(" limit " + std::to_string(limit_));
  }
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
    return std::make_unique<JsonValuesState>(fields_, keys_, limit_);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const std::vector<SortKey> keys_;
  const uint64_t limit_;  // 0: none
};

Result<std::vector<SortKey>> ParseSortKeys(filter::Lexer* lexer) {
  std::vector<SortKey> keys;
  if (!lexer->TakeKeyword("sort")) return keys;
  lexer->TakeKeyword("by");
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected a list of fields after 'sort by', found " + lexer->Found());
  do {
    SortKey& key = keys.emplace_back();
    NL_TRY(key.field, ParseFieldName(lexer, "the name of a field"));
    key.descending = lexer->TakeKeyword("desc");
    if (!key.descending) lexer->TakeKeyword("asc");
  } while (lexer->TakeSymbol(','));
  if (!lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ',' or ')', found " + lexer->Found());
  return keys;
}

}  // namespace

StatsFunctionResult ParseStatsJsonValues(filter::Lexer* lexer) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  NL_TRY(std::vector<SortKey> keys, ParseSortKeys(lexer));
  NL_TRY(const uint64_t limit, ParseStatsLimit(lexer));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<JsonValuesFunction>(std::move(fields), std::move(keys), limit));
}

}  // namespace neurallog::query
