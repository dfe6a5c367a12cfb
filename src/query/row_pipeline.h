// Runs the pipes of a query over rows as they come in: for queries that never end, such as live
// tails.
//
//   NL_RETURN_IF_ERROR(RowPipeline::Check(query));
//   RowPipeline pipeline(&query, OutputFormat::kNative);
//   NL_RETURN_IF_ERROR(pipeline.Run(rows, matched, [](uint32_t row, std::string_view lines) {...}));
//
// Each row goes through the pipes as if it were alone, so only pipes that work row by row are
// taken. Thread-safe: every Run starts anew.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "query/batch.h"
#include "query/execution.h"
#include "query/query.h"

namespace neurallog::query {

class RowPipeline {
 public:
  // InvalidArgument names the first pipe that needs more than one row.
  static Status Check(const Query& query);

  // `query` must outlive this.
  RowPipeline(const Query* query, OutputFormat format) : query_(query), format_(format) {}

  // Gets the lines that the pipes made of a row, each with its line end. Rows that a pipe took away
  // are left out; the others come in order.
  using Take = std::function<void(uint32_t row, std::string_view lines)>;
  Status Run(const std::shared_ptr<Rows>& rows, const std::vector<uint32_t>& list,
             const Take& take) const;

 private:
  const Query* const query_;
  const OutputFormat format_;
};

}  // namespace neurallog::query
