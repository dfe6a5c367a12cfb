// `copy a as b, c* as d*` (`cp`) and `rename a as b, c* as d*` (`mv`): one after the other. No column is
// touched but _time, which is a text under any other name.
#include "filter/parser.h"
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

struct Pair {
  FieldPattern from;
  FieldPattern to;
};

// The name that a field of `from` gets.
std::string NameIn(const FieldPattern& to, const FieldPattern& from, std::string_view name) {
  if (!to.is_prefix) return to.name;
  std::string_view rest = from.is_prefix ? name.substr(from.name.size()) : name;
  if (rest == kFieldMessage) rest = "_msg";
  return std::string(filter::StoredName(to.name + std::string(rest)));
}

class CopyPipe : public RewritePipe {
 public:
  CopyPipe(std::vector<Pair> pairs, bool renames) : pairs_(std::move(pairs)), renames_(renames) {}

  std::string_view name() const override { return renames_ ? "rename" : "copy"; }
  void Print(std::string* to) const override {
    to->append(name());
    for (size_t i = 0; i < pairs_.size(); ++i) {
      to->append(i == 0 ? " " : ", ");
      PrintFieldList(to, {pairs_[i].from});
      to->append(" as ");
      PrintFieldList(to, {pairs_[i].to});
    }
  }
  bool may_change_time() const override {
    const auto touches_time = [this](const Pair& pair) {
      return pair.to.is_prefix || pair.to.name == filter::kFieldTime ||
             (renames_ && pair.from.Matches(filter::kFieldTime));
    };
    return std::any_of(pairs_.begin(), pairs_.end(), touches_time);
  }

  Status ChangeLabels(std::vector<std::string>* labels) const override {
    for (const Pair& pair : pairs_) {
      if (!pair.to.is_prefix) NL_RETURN_IF_ERROR(CheckNoLabel(*labels, pair.to.name, name()));
      for (size_t i = 0, count = labels->size(); i < count; ++i) {
        const std::string from = (*labels)[i];
        const std::string to = NameIn(pair.to, pair.from, from);
        if (!pair.from.Matches(from) || to == from) continue;
        NL_RETURN_IF_ERROR(CheckNoLabel(*labels, to, name()));
        if (renames_) {
          (*labels)[i] = to;
        } else {
          labels->push_back(to);
        }
      }
    }
    return {};
  }

  Status Rewrite(Batch& batch, FieldSet* fields) const override {
    for (const Pair& pair : pairs_) NL_RETURN_IF_ERROR(Apply(pair, batch, fields));
    return {};
  }

 private:
  Status Apply(const Pair& pair, Batch& batch, FieldSet* fields) const {
    std::vector<DerivedField> sources;
    for (const DerivedField& field : fields->fields())
      if (pair.from.Matches(field.name)) sources.push_back(field);
    if (sources.empty() && !pair.to.is_prefix && pair.to.name != pair.from.name)
      fields->Remove(pair.to.name);
    if (renames_)
      for (const DerivedField& source : sources)
        if (NameIn(pair.to, pair.from, source.name) != source.name) fields->Remove(source.name);
    for (DerivedField& source : sources) {
      const std::string target = NameIn(pair.to, pair.from, source.name);
      if (target != source.name) NL_RETURN_IF_ERROR(Put(target, std::move(source), batch, fields));
    }
    return {};
  }

  static Status Put(const std::string& target, DerivedField source, Batch& batch,
                    FieldSet* fields) {
    const bool is_time_involved = source.name == filter::kFieldTime || target == filter::kFieldTime;
    if (!is_time_involved) {
      fields->Set(target, std::move(source));
      return {};
    }
    FieldReader reader;
    if (source.column == nullptr) {
      NL_TRY(reader, FieldReader::Open(batch, source.origin));
    } else {
      const bool is_time =
          source.name == filter::kFieldTime && source.column->encoding == block::Encoding::kInts;
      reader = FieldReader(source.column.get(), is_time);
    }
    ColumnMaker maker(batch.rows->budget());
    for (uint32_t row = 0; row < batch.rows->columns().rows(); ++row)
      NL_RETURN_IF_ERROR(maker.Add(reader.Text(row), reader.Type(row)));
    fields->Set(target, maker.Finish());
    return {};
  }

  const std::vector<Pair> pairs_;
  const bool renames_;
};

PipeResult ParseCopy(const PipeParse& parse, bool renames) {
  filter::Lexer* lexer = parse.lexer;
  std::vector<Pair> pairs;
  do {
    Pair pair;
    NL_TRY(pair.from, ParseFieldPattern(lexer, "the name of a field"));
    lexer->TakeKeyword("as");
    NL_TRY(pair.to, ParseFieldPattern(lexer, "the new name of the field"));
    pairs.push_back(std::move(pair));
  } while (lexer->TakeSymbol(','));
  return std::unique_ptr<Pipe>(std::make_unique<CopyPipe>(std::move(pairs), renames));
}

}  // namespace

PipeResult ParsePipeCopy(const PipeParse& parse) { return ParseCopy(parse, /*renames=*/false); }
PipeResult ParsePipeRename(const PipeParse& parse) { return ParseCopy(parse, /*renames=*/true); }

}  // namespace neurallog::query
