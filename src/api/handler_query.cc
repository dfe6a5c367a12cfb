// The searches whose answer is the rows themselves, line by line.
#include <limits>

#include "api/answer.h"

namespace neurallog::api {
namespace {

class LinesAnswer : public Answer {
 public:
  explicit LinesAnswer(query::OutputFormat format) : format_(format) {}

  bool needs_query() const override { return !is_native(); }
  std::string_view content_type() const override { return "application/x-ndjson"; }
  Status Prepare(const Context& context, Search* search) override {
    uint64_t otherwise = 0;
    if (is_native() && !search->query.aggregates())
      otherwise = context.api.options().rows_limit_default.load(std::memory_order_relaxed);
    NL_TRY(const uint64_t limit, ReadCount(search->params, "limit", otherwise));
    if (limit > 0) search->options.limit = limit;
    NL_TRY(search->options.offset, ReadCount(search->params, "offset", 0));
    search->options.format = format_;
    NL_RETURN_IF_ERROR(ReadWithId(search));
    return ReadOrder(search);
  }
  Result<std::string> Finish(const query::ExecuteStats&) override { return std::string(); }

 private:
  bool is_native() const { return format_ == query::OutputFormat::kNative; }

  static Status ReadOrder(Search* search) {
    const auto order = search->params.Find("order");
    if (!order || order->empty()) return {};
    if (*order != "asc" && *order != "desc")
      return InvalidArgument("order=" + std::string(order->substr(0, 40)) +
                             ": expected asc or desc");
    search->options.newest_first = *order == "desc";
    // Rows are merged in order only under a limit.
    if (!search->options.limit) search->options.limit = std::numeric_limits<uint64_t>::max();
    return {};
  }

  const query::OutputFormat format_;
};

}  // namespace

void HandleSearchNative(Context context) {
  if (AnalyzeInstead(&context)) return;
  HandleAnswer<LinesAnswer, query::OutputFormat::kNative>(std::move(context));
}
void HandleSearchVictoriaLogs(Context context) {
  HandleAnswer<LinesAnswer, query::OutputFormat::kVictoriaLogs>(std::move(context));
}

}  // namespace neurallog::api
