#include "query/unpack_pipe.h"

#include <map>
#include <optional>

#include "filter/parser.h"

namespace neurallog::query {
namespace {

// The values that a batch yields for one field: of some rows, in their order.
struct Target {
  explicit Target(MemoryBudget* budget) : values(budget) {}
  std::vector<uint32_t> rows;
  ColumnMaker values;
};

// Collects what rows yield, and makes columns of it.
class Targets {
 public:
  Targets(const UnpackSpec& spec, MemoryBudget* budget) : spec_(spec), budget_(budget) {}

  Status Add(uint32_t row, const std::vector<Unpacker::Cell>& cells) {
    for (const FieldPattern& field : spec_.fields)
      if (!field.is_prefix && !Yields(cells, field.name))
        NL_RETURN_IF_ERROR(AddCell(row, {field.name, {}, ValueType::kString}));
    for (const Unpacker::Cell& cell : cells)
      if (IsWanted(cell.name)) NL_RETURN_IF_ERROR(AddCell(row, cell));
    return {};
  }

  Status Finish(Batch& batch, FieldSet* fields) {
    for (const std::string& name : order_) {
      NL_TRY(FieldReader before, FieldReader::Open(batch, name));
      Target& target = *targets_.at(name);
      const block::Column values = target.values.Finish();
      ColumnMaker maker(budget_);
      for (uint32_t row = 0, next = 0; row < batch.rows->columns().rows(); ++row) {
        const bool is_given = next < target.rows.size() && target.rows[next] == row;
        const std::string_view value = is_given ? values.TextAt(next, nullptr) : "";
        const bool keeps = !is_given || (spec_.keeps_original && !before.Text(row).empty()) ||
                           (spec_.skips_empty && value.empty());
        NL_RETURN_IF_ERROR(keeps ? maker.Add(before.Text(row), before.Type(row))
                                 : maker.Add(value, values.TypeAt(next)));
        next += is_given ? 1 : 0;
      }
      fields->Set(name, maker.Finish());
    }
    return {};
  }

 private:
  bool IsWanted(std::string_view name) const {
    const std::string_view stored = filter::StoredName(name);
    return spec_.fields.empty() ||
           std::any_of(spec_.fields.begin(), spec_.fields.end(),
                       [stored](const FieldPattern& field) { return field.Matches(stored); });
  }
  static bool Yields(const std::vector<Unpacker::Cell>& cells, std::string_view stored_name) {
    return std::any_of(cells.begin(), cells.end(), [&](const Unpacker::Cell& cell) {
      return filter::StoredName(cell.name) == stored_name;
    });
  }

  // The first of two values with the same name counts.
  Status AddCell(uint32_t row, const Unpacker::Cell& cell) {
    if (cell.name.empty()) return {};
    const std::string name(filter::StoredName(spec_.prefix + cell.name));
    std::unique_ptr<Target>& target = targets_[name];
    if (target == nullptr) {
      if (targets_.size() > kTargetsMax)
        return ResourceExhausted("the values of a block have more than " +
                                 std::to_string(kTargetsMax) +
                                 " different fields; list those that are needed");
      target = std::make_unique<Target>(budget_);
      order_.push_back(name);
    }
    if (!target->rows.empty() && target->rows.back() == row) return {};
    target->rows.push_back(row);
    return target->values.Add(cell.value, cell.type);
  }

  static constexpr size_t kTargetsMax = 4096;

  const UnpackSpec& spec_;
  MemoryBudget* const budget_;
  std::map<std::string, std::unique_ptr<Target>> targets_;
  std::vector<std::string> order_;  // of first appearance
};

// Takes the values of a column apart, each entry of a dictionary and equal neighbours once.
class UnpackedValues {
 public:
  UnpackedValues(const Unpacker& unpacker, FieldReader source)
      : unpacker_(unpacker), source_(std::move(source)) {
    if (source_.column() != nullptr) entries_.resize(source_.column()->entries.size());
  }

  const std::vector<Unpacker::Cell>& Get(uint32_t row) {
    const block::Column* column = source_.column();
    const bool has_entry = !entries_.empty() && column->Has(row);
    if (has_entry) {
      const size_t entry = column->encoding == block::Encoding::kDict ? column->codes[row] : 0;
      if (!entries_[entry]) unpacker_.Unpack(column->entries[entry], &entries_[entry].emplace());
      return *entries_[entry];
    }
    const std::string_view value = source_.Text(row);
    if (!has_last_ || value != last_value_) {
      last_value_ = value;
      has_last_ = true;
      last_.clear();
      unpacker_.Unpack(value, &last_);
    }
    return last_;
  }

 private:
  const Unpacker& unpacker_;
  FieldReader source_;
  std::vector<std::optional<std::vector<Unpacker::Cell>>> entries_;
  std::vector<Unpacker::Cell> last_;
  std::string last_value_;
  bool has_last_ = false;
};

class UnpackPipe : public RewritePipe {
 public:
  UnpackPipe(std::string_view name, UnpackSpec spec) : name_(name), spec_(std::move(spec)) {}

  std::string_view name() const override { return name_; }
  bool may_change_time() const override {
    if (spec_.fields.empty() || !spec_.prefix.empty()) return true;
    return std::any_of(spec_.fields.begin(), spec_.fields.end(), [](const FieldPattern& field) {
      return field.Matches(filter::kFieldTime) || field.is_prefix;
    });
  }
  void Print(std::string* to) const override {
    to->append(name_);
    spec_.condition.Print(to);
    to->append(spec_.head).append(" from ");
    PrintFieldList(to, {spec_.source});
    to->append(spec_.tail);
    if (spec_.head.empty() && !spec_.fields.empty()) {
      to->append(" fields (");
      PrintFieldList(to, spec_.fields);
      to->push_back(')');
    }
    if (!spec_.prefix.empty()) {
      to->append(" result_prefix ");
      filter::AppendQuoted(to, spec_.prefix);
    }
    if (spec_.keeps_original) to->append(" keep_original_fields");
    if (spec_.skips_empty) to->append(" skip_empty_results");
  }
  Status Rewrite(Batch& batch, FieldSet* fields) const override {
    filter::Bitmap rows;
    NL_RETURN_IF_ERROR(spec_.condition.Match(&batch, &rows));
    NL_TRY(FieldReader source, FieldReader::Open(batch, spec_.source.name));
    UnpackedValues values(*spec_.unpacker, std::move(source));
    Targets targets(spec_, batch.rows->budget());
    for (uint32_t row = 0; row < rows.rows(); ++row)
      if (rows.Test(row)) NL_RETURN_IF_ERROR(targets.Add(row, values.Get(row)));
    return targets.Finish(batch, fields);
  }

 private:
  const std::string_view name_;
  const UnpackSpec spec_;
};

}  // namespace

Status ParseUnpackSource(filter::Lexer* lexer, UnpackSpec* spec) {
  constexpr std::string_view kOptions[] = {"fields", "result_prefix", "keep_original_fields",
                                           "skip_empty_results", "offset"};
  spec->source = MessageField();
  const bool has_from = lexer->TakeKeyword("from");
  const bool is_option =
      std::any_of(std::begin(kOptions), std::end(kOptions),
                  [lexer](std::string_view option) { return lexer->IsKeyword(option); });
  if (!has_from && (!lexer->IsText() || is_option)) return {};
  NL_TRY(spec->source, ParseFieldName(lexer, "the name of a field after 'from'"));
  return {};
}

Status ParseUnpackFields(filter::Lexer* lexer, UnpackSpec* spec) {
  if (!lexer->TakeKeyword("fields")) return {};
  NL_TRY(spec->fields,
         ParseFieldListInParentheses(lexer, "a list of fields in parentheses after 'fields'"));
  return {};
}

Status ParseUnpackOptions(filter::Lexer* lexer, UnpackSpec* spec) {
  if (lexer->TakeKeyword("result_prefix")) {
    NL_TRY(spec->prefix, filter::ParseValue(lexer, "a prefix for the names of results"));
  }
  spec->keeps_original = lexer->TakeKeyword("keep_original_fields");
  spec->skips_empty = lexer->TakeKeyword("skip_empty_results");
  return {};
}

std::unique_ptr<Pipe> MakeUnpackPipe(std::string_view name, UnpackSpec spec) {
  return std::make_unique<UnpackPipe>(name, std::move(spec));
}

}  // namespace neurallog::query
