// `if (filter)`: to which rows a pipe or a stats function applies.
#pragma once

#include <memory>
#include <string>

#include "filter/bitmap.h"
#include "filter/filter.h"
#include "filter/program.h"
#include "query/batch.h"
#include "query/pipe.h"

namespace neurallog::query {

// Sets *matched, a bit per row of the block, to the batch's rows that match.
Status MatchRows(const filter::Program& program, Batch* batch, filter::Bitmap* matched);

// Immutable.
class Condition {
 public:
  // Without a filter: every row matches.
  Condition() = default;
  // Reads `if (filter)` when it is there.
  static Result<Condition> Parse(filter::Lexer* lexer, const ParseOptions& options);

  bool is_set() const { return program_ != nullptr; }
  // Appends " if (filter)" when it is set.
  void Print(std::string* to) const;
  Status Match(Batch* batch, filter::Bitmap* matched) const;

 private:
  std::unique_ptr<filter::Filter> filter_;
  std::shared_ptr<const filter::Program> program_;
};

}  // namespace neurallog::query
