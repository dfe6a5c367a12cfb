// `join by (a, b) (query) [inner] [prefix p]`: each row with the fields of those rows of another query that
// have the same values in some fields, once for each of them. What a row has itself it keeps. Without such
// a row it goes on as it is, or goes away with `inner`.
#include <algorithm>
#include <unordered_map>

#include "base/bytes.h"
#include "filter/parser.h"
#include "query/collected_rows.h"
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

constexpr size_t kRowsPerBatch = 16'384;
constexpr uint32_t kNoRow = UINT32_MAX;

struct JoinSpec {
  std::vector<FieldPattern> by;
  std::shared_ptr<const CollectedRows> others;
  bool is_inner = false;
  std::string prefix;
};

// The rows of the other query by their keys.
class JoinIndex {
 public:
  JoinIndex(const JoinSpec& spec, MemoryBudget* budget)
      : others_(*spec.others), budget_(budget), next_(others_.rows(), kNoRow) {
    for (const FieldPattern& field : spec.by) columns_.push_back(ColumnOf(field.name));
  }
  ~JoinIndex() { budget_->Release(&charged_); }
  JoinIndex(const JoinIndex&) = delete;

  // From the last row to the first, so that the rows of a key are in order.
  Status AddRows(const Interrupt& interrupt) {
    std::string key;
    for (uint32_t row = others_.rows(); row-- > 0;) {
      key.clear();
      for (const size_t column : columns_)
        base::AppendLengthPrefixed(&key, others_.TextOf(row, column));
      const auto [first, is_new] = first_.try_emplace(key, row);
      if (!is_new) next_[row] = std::exchange(first->second, row);
      key_bytes_ += is_new ? key.size() : 0;
      if (row % kRowsPerBatch != 0) continue;
      NL_RETURN_IF_ERROR(interrupt.Check());
      NL_RETURN_IF_ERROR(budget_->Charge(&charged_, memory_bytes()));
    }
    return {};
  }

  uint32_t First(const std::string& key) const {
    const auto first = first_.find(key);
    return first == first_.end() ? kNoRow : first->second;
  }
  uint32_t Next(uint32_t row) const { return next_[row]; }

 private:
  size_t memory_bytes() const {
    constexpr size_t kBytesPerKey = 80;
    return key_bytes_ + first_.size() * kBytesPerKey + next_.capacity() * sizeof(uint32_t);
  }
  // Beyond the last when no row has the field.
  size_t ColumnOf(const std::string& name) const {
    const auto& names = others_.names();
    return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  }

  const CollectedRows& others_;
  MemoryBudget* const budget_;
  std::vector<size_t> columns_;  // of the key
  std::unordered_map<std::string, uint32_t> first_;
  std::vector<uint32_t> next_;  // with the same key
  size_t key_bytes_ = 0;
  size_t charged_ = 0;
};

class JoinStage : public Stage {
 public:
  JoinStage(const JoinSpec& spec, const StageContext& context, Stage* next)
      : Stage(next), spec_(spec), budget_(context.budget), interrupt_(*context.interrupt) {}

  Status Push(Batch batch) override {
    if (!index_) NL_RETURN_IF_ERROR(MakeIndex());
    std::vector<FieldReader> keys(spec_.by.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      NL_TRY(keys[i], FieldReader::Open(batch, spec_.by[i].name));
    }
    std::string key;
    for (const uint32_t row : batch.List()) {
      if (!next_->wants_more()) break;
      key.clear();
      for (FieldReader& reader : keys) base::AppendLengthPrefixed(&key, reader.Text(row));
      uint32_t other = index_->First(key);
      if (other == kNoRow && spec_.is_inner) continue;
      do {
        NL_RETURN_IF_ERROR(Add(row, other, batch));
        if (other != kNoRow) other = index_->Next(other);
      } while (other != kNoRow && next_->wants_more());
    }
    return Flush(batch);
  }

 private:
  Status MakeIndex() {
    index_.emplace(spec_, budget_);
    for (const std::string& name : spec_.others->names()) {
      const bool is_key =
          std::any_of(spec_.by.begin(), spec_.by.end(),
                      [&](const FieldPattern& field) { return field.name == name; });
      targets_.push_back(is_key ? std::string() : TargetOf(name));
    }
    return index_->AddRows(interrupt_).Annotate("join");
  }
  std::string TargetOf(const std::string& name) const {
    if (spec_.prefix.empty()) return name;
    const std::string_view shown = name == kFieldMessage ? std::string_view("_msg") : name;
    return std::string(filter::StoredName(std::string(spec_.prefix).append(shown)));
  }

  Status Add(uint32_t row, uint32_t other, Batch& batch) {
    rows_.push_back(row);
    matches_.push_back(other);
    return rows_.size() < kRowsPerBatch ? Status() : Flush(batch);
  }

  Status Flush(Batch& batch) {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    if (rows_.empty()) return {};
    Batch joined = DeriveRows(batch, FieldSet(batch), std::exchange(rows_, {}));
    FieldSet fields(joined);
    for (size_t column = 0; column < targets_.size(); ++column)
      if (!targets_[column].empty()) NL_RETURN_IF_ERROR(AddColumn(column, &joined, &fields));
    matches_.clear();
    joined = Derive(joined, std::move(fields));
    NL_RETURN_IF_ERROR(joined.rows->Charge().Annotate("join"));
    return next_->Push(std::move(joined));
  }

  // A field that all rows have themselves stays as it is.
  Status AddColumn(size_t column, Batch* joined, FieldSet* fields) {
    NL_TRY(FieldReader before, FieldReader::Open(*joined, targets_[column]));
    ColumnMaker maker(budget_);
    bool has_changed = false;
    for (uint32_t row = 0; row < joined->count; ++row) {
      const std::string_view own = before.Text(row);
      if (!own.empty() || matches_[row] == kNoRow) {
        NL_RETURN_IF_ERROR(maker.Add(own, before.Type(row)));
      } else {
        has_changed = true;
        NL_RETURN_IF_ERROR(maker.Add(spec_.others->TextOf(matches_[row], column),
                                     spec_.others->TypeOf(matches_[row], column)));
      }
    }
    if (has_changed) fields->Set(targets_[column], maker.Finish());
    return {};
  }

  const JoinSpec& spec_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
  std::optional<JoinIndex> index_;    // made when the other query has run
  std::vector<std::string> targets_;  // names of the others' columns here; empty: a key
  std::vector<uint32_t> rows_;        // of the batch, one per new row
  std::vector<uint32_t> matches_;     // parallel; kNoRow: none
};

class JoinPipe : public Pipe {
 public:
  explicit JoinPipe(JoinSpec spec) : spec_(std::move(spec)) {}
  void Print(std::string* to) const override {
    to->append("join by (");
    PrintFieldList(to, spec_.by);
    to->append(") (").append(spec_.others->text()).append(")");
    if (spec_.is_inner) to->append(" inner");
    if (spec_.prefix.empty()) return;
    to->append(" prefix ");
    filter::AppendQuoted(to, spec_.prefix);
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<JoinStage>(spec_, context, next);
  }

 private:
  const JoinSpec spec_;
};

}  // namespace

PipeResult ParsePipeJoin(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  JoinSpec spec;
  if (!lexer->TakeKeyword("by")) lexer->TakeKeyword("on");
  const size_t begin = lexer->token().begin;
  NL_TRY(spec.by, ParseFieldListInParentheses(lexer, "'by' and a list of fields after 'join'"));
  for (const FieldPattern& field : spec.by)
    if (field.is_prefix) return lexer->ErrorAt(begin, "expected names of fields without a '*'");
  NL_TRY(spec.others, ParseCollectedRows(parse, "the fields of 'join'"));
  spec.is_inner = lexer->TakeKeyword("inner");
  if (lexer->TakeKeyword("prefix")) {
    NL_TRY(spec.prefix, filter::ParseValue(lexer, "a prefix for the names of fields"));
  }
  return std::unique_ptr<Pipe>(std::make_unique<JoinPipe>(std::move(spec)));
}

}  // namespace neurallog::query
