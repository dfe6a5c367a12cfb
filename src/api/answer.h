// How one endpoint asks its question and shows what comes out.
//
//   StartSearch(std::move(context), std::make_unique<HitsAnswer>());
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/query_params.h"
#include "query/row_visitor.h"

namespace neurallog::api {

// Used by one thread at a time; lives as long as its query.
class Answer {
 public:
  virtual ~Answer() = default;

  virtual bool needs_query() const { return true; }
  // Long work that others should not wait for.
  virtual bool is_export() const { return false; }
  virtual std::string_view content_type() const { return "application/json"; }
  // Reads what the endpoint takes besides the common parameters, and makes the query and the options that are to run.
  virtual Status Prepare(const Context& context, Search* search) = 0;
  // Takes the rows; null: the answer is the lines that the execution writes.
  virtual query::RowVisitor* visitor() { return nullptr; }
  // Of the rows that have been taken.
  virtual size_t memory_bytes() const { return 0; }
  // The whole answer, when all rows have been taken.
  virtual Result<std::string> Finish(const query::ExecuteStats& stats) = 0;
};

// Waits for its turn at the gate, runs the query in slices on the worker pool, and answers.
void StartSearch(Context context, std::unique_ptr<Answer> answer);

// One handler per kind of answer.
template <typename A, auto... kArguments>
void HandleAnswer(Context context) {
  StartSearch(std::move(context), std::make_unique<A>(kArguments...));
}

}  // namespace neurallog::api
