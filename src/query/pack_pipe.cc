#include "query/pack_pipe.h"

#include "base/json_text.h"
#include "filter/filter.h"

namespace neurallog::query {
namespace {

class PackPipe : public RewritePipe {
 public:
  PackPipe(std::string_view name, PackFunction function, std::vector<FieldPattern> fields,
           FieldPattern result)
      : name_(name), function_(function), fields_(std::move(fields)), result_(std::move(result)) {}

  std::string_view name() const override { return name_; }
  bool may_change_time() const override { return result_.name == filter::kFieldTime; }
  void Print(std::string* to) const override {
    to->append(name_);
    if (!fields_.empty()) {
      to->append(" fields (");
      PrintFieldList(to, fields_);
      to->push_back(')');
    }
    PrintFieldAfter(to, "as", result_);
  }
  Status Rewrite(Batch& batch, FieldSet* fields) const override {
    NL_TRY(FieldPacker packer, FieldPacker::Open(batch, fields_));
    filter::Bitmap rows;
    NL_RETURN_IF_ERROR(Condition().Match(&batch, &rows));
    ColumnMaker maker(batch.rows->budget());
    std::string text;
    for (uint32_t row = 0; row < rows.rows(); ++row) {
      text.clear();
      if (rows.Test(row)) function_(&text, packer.Read(row));
      NL_RETURN_IF_ERROR(maker.Add(text));
    }
    fields->Set(result_.name, maker.Finish());
    return {};
  }

 private:
  const std::string_view name_;
  const PackFunction function_;
  const std::vector<FieldPattern> fields_;
  const FieldPattern result_;
};

}  // namespace

Result<FieldPacker> FieldPacker::Open(Batch& batch, const std::vector<FieldPattern>& patterns) {
  FieldPacker packer;
  const std::vector<FieldRef> fields = batch.Fields();
  std::vector<bool> is_taken(fields.size());
  const FieldPattern all{{}, {}, true};
  for (const FieldPattern& pattern : patterns.empty() ? std::vector{all} : patterns)
    for (size_t i = 0; i < fields.size(); ++i) {
      if (is_taken[i] || !pattern.Matches(fields[i].name)) continue;
      is_taken[i] = true;
      NL_TRY(FieldReader reader, FieldReader::Open(batch, fields[i].name));
      packer.readers_.push_back(std::move(reader));
      packer.names_.emplace_back(fields[i].name == kFieldMessage ? "_msg" : fields[i].name);
    }
  return packer;
}

const std::vector<FieldPacker::Cell>& FieldPacker::Read(uint32_t row) {
  cells_.clear();
  for (size_t i = 0; i < readers_.size(); ++i) {
    const std::string_view value = readers_[i].Text(row);
    if (!value.empty()) cells_.push_back({names_[i], value});
  }
  return cells_;
}

void AppendJsonObject(std::string* to, const std::vector<FieldPacker::Cell>& cells) {
  to->push_back('{');
  for (const FieldPacker::Cell& cell : cells) {
    if (to->back() != '{') to->push_back(',');
    base::AppendJsonString(to, cell.name);
    to->push_back(':');
    base::AppendJsonString(to, cell.value);
  }
  to->push_back('}');
}

void AppendLogfmt(std::string* to, const std::vector<FieldPacker::Cell>& cells) {
  const auto append = [to](std::string_view text) {
    const bool needs_quotes = std::any_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\\';
    });
    needs_quotes ? base::AppendJsonString(to, text) : static_cast<void>(to->append(text));
  };
  for (const FieldPacker::Cell& cell : cells) {
    if (!to->empty()) to->push_back(' ');
    append(cell.name);
    to->push_back('=');
    append(cell.value);
  }
}

PipeResult ParsePackPipe(const PipeParse& parse, PackFunction function) {
  std::vector<FieldPattern> fields;
  if (parse.lexer->TakeKeyword("fields")) {
    NL_TRY(fields, ParseFieldListInParentheses(parse.lexer, "a list of fields after 'fields'"));
  }
  FieldPattern result = MessageField();
  if (parse.lexer->IsText()) {
    NL_TRY(result, ParseResultName(parse.lexer));
  }
  return std::unique_ptr<Pipe>(
      std::make_unique<PackPipe>(parse.name, function, std::move(fields), std::move(result)));
}

}  // namespace neurallog::query
