// `facets [N] [max_values_per_field M] [max_value_len L] [keep_const_fields]`: the most frequent values of
// each field. Left out are fields with more than M different values, with a value longer than L bytes, and
// those that have the same value in all rows.
#include <map>
#include <unordered_map>

#include "query/rewrite_pipe.h"
#include "query/table_builder.h"

namespace neurallog::query {
namespace {

struct FacetsSpec {
  uint64_t limit = 10;
  uint64_t values_max = 1000;
  uint64_t length_max = 128;
  bool keeps_const = false;
};

struct Facet {
  std::unordered_map<std::string, uint64_t> hits;
  bool is_left_out = false;
};

class FacetsStage : public Stage {
 public:
  FacetsStage(const FacetsSpec& spec, const StageContext& context, Stage* next)
      : Stage(next), spec_(spec), budget_(context.budget), interrupt_(*context.interrupt) {}
  ~FacetsStage() override { budget_->Release(&charged_); }

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    rows_ += batch.count;
    for (const FieldRef& field : batch.Fields()) {
      Facet& facet = facets_[field.name];
      if (facet.is_left_out) continue;
      NL_TRY(FieldReader reader, FieldReader::Open(batch, field.name));
      Count(&reader, batch.List(), &facet);
    }
    NL_RETURN_IF_ERROR(batch.rows->Charge());
    return budget_->Charge(&charged_, bytes_).Annotate("facets");
  }

  Status Finish() override {
    TableBuilder table({"field_name", "field_value", "hits"});
    bool has_rows = false;
    for (const auto& [name, facet] : facets_) {
      const bool is_const = facet.hits.size() == 1 && facet.hits.begin()->second == rows_;
      if (facet.is_left_out || (is_const && !spec_.keeps_const)) continue;
      for (const auto& [value, hits] : MostFrequent(facet)) {
        table.Add(name == kFieldMessage ? "_msg" : name);
        table.Add(value);
        table.Add(hits);
        has_rows = true;
      }
    }
    if (has_rows) NL_RETURN_IF_ERROR(next_->Push(table.Finish(budget_)));
    return next_->Finish();
  }
  bool wants_more() const override { return true; }

 private:
  static constexpr size_t kNodeBytes = 80;

  // Equal neighbours and entries of a dictionary are counted together.
  void Count(FieldReader* reader, const std::vector<uint32_t>& rows, Facet* facet) {
    const block::Column* column = reader->column();
    if (column == nullptr) return;
    if (column->encoding == block::Encoding::kDict) {
      std::vector<uint64_t> hits(column->entries.size());
      for (const uint32_t row : rows)
        if (column->Has(row)) ++hits[column->codes[row]];
      for (size_t i = 0; i < hits.size(); ++i) Add(column->entries[i], hits[i], facet);
      return;
    }
    std::string last;
    uint64_t hits = 0;
    for (const uint32_t row : rows) {
      const std::string_view value = reader->Text(row);
      if (hits > 0 && value != last) Add(last, std::exchange(hits, 0), facet);
      if (hits++ == 0) last = value;
      if (facet->is_left_out) return;
    }
    Add(last, hits, facet);
  }

  void Add(std::string_view value, uint64_t hits, Facet* facet) {
    if (value.empty() || hits == 0 || facet->is_left_out) return;
    const auto [at, is_new] = facet->hits.try_emplace(std::string(value));
    at->second += hits;
    if (is_new) bytes_ += value.size() + kNodeBytes;
    if (value.size() <= spec_.length_max && facet->hits.size() <= spec_.values_max) return;
    for (const auto& [left_out, count] : facet->hits) bytes_ -= left_out.size() + kNodeBytes;
    facet->hits.clear();
    facet->is_left_out = true;
  }

  std::vector<std::pair<std::string, uint64_t>> MostFrequent(const Facet& facet) const {
    std::vector<std::pair<std::string, uint64_t>> values(facet.hits.begin(), facet.hits.end());
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    if (values.size() > spec_.limit) values.resize(spec_.limit);
    return values;
  }

  const FacetsSpec& spec_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
  std::map<std::string, Facet> facets_;
  uint64_t rows_ = 0;
  size_t bytes_ = 0;
  size_t charged_ = 0;
};

class FacetsPipe : public Pipe {
 public:
  explicit FacetsPipe(const FacetsSpec& spec) : spec_(spec) {}
  void Print(std::string* to) const override {
    to->append("facets " + std::to_string(spec_.limit));
    to->append(" max_values_per_field " + std::to_string(spec_.values_max));
    to->append(" max_value_len " + std::to_string(spec_.length_max));
    if (spec_.keeps_const) to->append(" keep_const_fields");
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<FacetsStage>(spec_, context, next);
  }
  bool aggregates() const override { return true; }

 private:
  const FacetsSpec spec_;
};

}  // namespace

PipeResult ParsePipeFacets(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  FacetsSpec spec;
  const bool has_limit =
      lexer->IsText() && lexer->token().text[0] >= '0' && lexer->token().text[0] <= '9';
  if (has_limit) {
    NL_TRY(spec.limit, ParseCount(lexer, "a number of values after 'facets'"));
  }
  for (;;) {
    if (lexer->TakeKeyword("max_values_per_field")) {
      NL_TRY(spec.values_max, ParseCount(lexer, "a number of values"));
    } else if (lexer->TakeKeyword("max_value_len")) {
      NL_TRY(spec.length_max, ParseCount(lexer, "a number of bytes"));
    } else if (lexer->TakeKeyword("keep_const_fields")) {
      spec.keeps_const = true;
    } else {
      return std::unique_ptr<Pipe>(std::make_unique<FacetsPipe>(spec));
    }
  }
}

}  // namespace neurallog::query
