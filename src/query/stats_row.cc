// `row_any(a, b*)`: the first row that was seen, as a JSON object; `row_max(field, a, b*)` and
// `row_min(field, a, b*)`: that with the greatest or least value of a field, the first of equal ones.
#include "query/pack_pipe.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

enum class RowKind : uint8_t { kAny, kMax, kMin };
constexpr std::string_view kRowNames[] = {"row_any", "row_max", "row_min"};

struct BestRow {
  Value key;
  std::string row;  // empty: none yet
  RowKind kind = RowKind::kAny;

  bool IsBeatenBy(const Value& other) const {
    if (row.empty()) return kind == RowKind::kAny || other.kind != Value::Kind::kEmpty;
    if (kind == RowKind::kAny || other.kind == Value::Kind::kEmpty) return false;
    return kind == RowKind::kMax ? Compare(other, key) > 0 : Compare(other, key) < 0;
  }
  void Merge(BestRow& later) {
    if (later.row.empty()) return;
    kind = later.kind;
    if (IsBeatenBy(later.key)) *this = std::move(later);
  }
  size_t heap_bytes() const { return key.memory_bytes() - sizeof(Value) + row.capacity(); }
};

class RowState : public GroupState<BestRow> {
 public:
  RowState(const FieldPattern& key, const std::vector<FieldPattern>& fields, RowKind kind)
      : key_(key), fields_(fields), kind_(kind) {}

  Status Update(const StatsInput& input) override {
    NL_TRY(FieldPacker packer, FieldPacker::Open(input.batch, fields_));
    NL_TRY(FieldReader key, FieldReader::Open(input.batch, key_.name));
    const std::vector<uint32_t>& rows = input.batch.List();
    Value value;
    for (size_t i = 0; i < rows.size(); ++i) {
      BestRow& best = this->value(input.GroupOf(i));
      best.kind = kind_;
      if (kind_ == RowKind::kAny && !best.row.empty()) continue;
      if (kind_ != RowKind::kAny) value.Set(key.Text(rows[i]));
      if (!best.IsBeatenBy(value)) continue;
      Change(input.GroupOf(i), [&](BestRow& changed) {
        changed.key = value;
        changed.row.clear();
        AppendJsonObject(&changed.row, packer.Read(rows[i]));
      });
    }
    return {};
  }
  void Append(size_t group, filter::ColumnBuilder* to) override {
    const std::string& row = value(group).row;
    to->Add(row.empty() ? "{}" : row, ValueType::kObject);
  }

 private:
  const FieldPattern& key_;
  const std::vector<FieldPattern>& fields_;
  const RowKind kind_;
};

class RowFunction : public StatsFunction {
 public:
  RowFunction(FieldPattern key, std::vector<FieldPattern> fields, RowKind kind)
      : key_(std::move(key)), fields_(std::move(fields)), kind_(kind) {}
  void Print(std::string* to) const override {
    to->append(kRowNames[static_cast<size_t>(kind_)]).push_back('(');
    if (kind_ == RowKind::kAny) {
      PrintStatsFields(to, fields_);
    } else {
      PrintFieldList(to, {key_});
      if (!fields_.empty()) to->append(", ");
      PrintFieldList(to, fields_);
    }
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
    return std::make_unique<RowState>(key_, fields_, kind_);
  }

 private:
  const FieldPattern key_;
  const std::vector<FieldPattern> fields_;
  const RowKind kind_;
};

StatsFunctionResult ParseRow(filter::Lexer* lexer, RowKind kind) {
  FieldPattern key;
  if (kind != RowKind::kAny) {
    NL_TRY(key, ParseFieldName(lexer, "the name of the field to compare"));
    lexer->TakeSymbol(',');
  }
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<RowFunction>(std::move(key), std::move(fields), kind));
}

}  // namespace

StatsFunctionResult ParseStatsRowAny(filter::Lexer* lexer) {
  return ParseRow(lexer, RowKind::kAny);
}
StatsFunctionResult ParseStatsRowMax(filter::Lexer* lexer) {
  return ParseRow(lexer, RowKind::kMax);
}
StatsFunctionResult ParseStatsRowMin(filter::Lexer* lexer) {
  return ParseRow(lexer, RowKind::kMin);
}

}  // namespace neurallog::query
