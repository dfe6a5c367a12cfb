// How one endpoint asks its question and shows what comes out.
//
//   StartSearch(std::move(context), std::make_unique<HitsAnswer>());
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  // Another search whose rows are needed too, when one has ended.
  virtual Result<std::optional<Search>> Continue(const Context& context) {
    static_cast<void>(context);
    return std::optional<Search>();
  }

  // Takes the rows of whole answers; null: they come as lines.
  virtual query::RowVisitor* visitor() { return nullptr; }
  // True: Finish makes the answer. False: it is the lines, as they come.
  virtual bool is_whole() { return visitor() != nullptr; }
  virtual void TakeLines(std::string lines) { static_cast<void>(lines); }
  // Of what has been taken.
  virtual size_t memory_bytes() const { return 0; }
  virtual Result<std::string> Finish(const query::ExecuteStats& stats) {
    static_cast<void>(stats);
    return std::string();
  }
  // True: the query is planned but not run, and FinishPlan makes the answer.
  virtual bool only_plans() const { return false; }
  virtual std::string FinishPlan(const query::ExecutePlan& plan) {
    static_cast<void>(plan);
    return {};
  }

  // Of answers that are lines: changes what is sent, and what is said about it.
  virtual Status Encode(std::string* chunk, bool is_last) {
    static_cast<void>(chunk), static_cast<void>(is_last);
    return {};
  }
  virtual std::vector<std::pair<std::string, std::string>> Headers() { return {}; }
  virtual std::vector<std::pair<std::string, std::string>> Trailers() { return {}; }
};

// Waits for its turn at the gate, runs the query in slices on the worker pool, and answers.
void StartSearch(Context context, std::unique_ptr<Answer> answer);

// One handler per kind of answer.
template <typename A, auto... kArguments>
void HandleAnswer(Context context) {
  StartSearch(std::move(context), std::make_unique<A>(kArguments...));
}

}  // namespace neurallog::api
