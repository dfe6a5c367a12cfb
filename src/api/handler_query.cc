// Searches: parse, take a snapshot, then run in steps on the worker pool. Between steps nothing is held but the query itself: a client that
// reads slowly keeps no thread.
#include <charconv>
#include <limits>

#include "api/api.h"
#include "base/log.h"
#include "base/time_format.h"
#include "http/status_map.h"
#include "query/execution.h"
#include "query/query.h"

namespace neurallog::api {
namespace {

constexpr size_t kStepBytes = 128 << 10;       // produced at a time
constexpr size_t kBufferedBytesMax = 1 << 20;  // waiting for the client; then the query pauses
constexpr size_t kResumeBytes = 256 << 10;
// A header of a whole answer, a trailer of a streamed one.
constexpr char kDamagedBlocks[] = "NeuralLog-Damaged-Blocks";

class RunningQuery : public std::enable_shared_from_this<RunningQuery> {
 public:
  RunningQuery(Api* api, http::ResponderPtr responder, query::Query query,
               std::shared_ptr<const block::BlockSet> blocks, const query::ExecuteOptions& options,
               int64_t begin_ns, size_t hidden_blocks)
      : api_(api),
        responder_(std::move(responder)),
        execution_(std::move(query), std::move(blocks), options),
        begin_ns_(begin_ns),
        hidden_blocks_(hidden_blocks) {}

  ~RunningQuery() {
    Record();
    api_->query_gate().Leave();
  }

  // One turn on a worker: until the answer is complete or the client has enough to read.
  void Step() {
    while (!responder_->closed()) {
      std::string chunk;
      const Result<bool> more = execution_.Next(kStepBytes, &chunk);
      if (!more.ok()) return Fail(more.status());
      if (!*more && !started_) return SendWhole(std::move(chunk));
      if (!started_) Start();
      if (!chunk.empty()) responder_->Write(std::move(chunk));
      if (!*more) {
        Record();
        return responder_->Finish(DamageFields());
      }
      if (responder_->buffered_bytes() > kBufferedBytesMax) {
        responder_->OnDrained(kResumeBytes, [self = shared_from_this()] {
          self->api_->workers().Resubmit([self] { self->Step(); });
        });
        return;
      }
    }
  }

 private:
  void Start() {
    http::Response head;
    head.content_type = "application/x-ndjson";
    head.headers.emplace_back("Trailer", kDamagedBlocks);
    responder_->Start(std::move(head));
    started_ = true;
  }

  // Before the answer ends, so that who has it finds the query counted.
  void Record() {
    if (recorded_) return;
    recorded_ = true;
    api_->metrics().query_rows.Add(execution_.stats().rows_returned);
    api_->metrics().query_blocks.Add(execution_.stats().blocks_scanned);
    api_->metrics().query_time.Record(api_->engine().clock().MonotonicNs() - begin_ns_);
  }

  void SendWhole(std::string body) {
    Record();
    http::Response response;
    response.content_type = "application/x-ndjson";
    response.body = std::move(body);
    response.headers = DamageFields();
    responder_->Send(std::move(response));
  }

  // How many damaged blocks the answer would have needed; nothing when it is whole.
  std::vector<std::pair<std::string, std::string>> DamageFields() const {
    const uint64_t blocks = hidden_blocks_ + execution_.stats().blocks_damaged;
    if (blocks == 0) return {};
    return {{kDamagedBlocks, std::to_string(blocks)}};
  }

  void Fail(const Status& status) {
    api_->metrics().CountRefused(status.code());
    if (status.code() == Code::kCorruption || status.code() == Code::kIoError ||
        status.code() == Code::kInternal)
      base::LogError("query failed", {{"error", status.ToString()}});
    if (!started_) return SendStatus(responder_, status);
    responder_->Abort();
  }

  Api* const api_;
  const http::ResponderPtr responder_;
  query::Execution execution_;
  const int64_t begin_ns_;
  const size_t hidden_blocks_;  // whose headers cannot be read
  bool started_ = false;
  bool recorded_ = false;
};

// A time argument: RFC 3339 (also cut short), an epoch number, or a duration before now ("3h", "now-3h", "now").
Result<base::TimeSpan> ReadTime(std::string_view name, std::string_view text, int64_t now_ns) {
  if (const auto epoch = base::ParseEpoch(text); epoch && text.size() > 4)
    return base::TimeSpan{*epoch, *epoch + 1};
  if (const auto span = base::ParsePartialTime(text)) return *span;
  std::string_view duration = text;
  if (duration == "now") return base::TimeSpan{now_ns, now_ns};
  if (duration.starts_with("now-")) duration.remove_prefix(4);
  if (duration.starts_with("-")) duration.remove_prefix(1);
  if (const auto ago = base::ParseDuration(duration))
    return base::TimeSpan{now_ns - *ago, now_ns - *ago};
  return InvalidArgument(std::string(name) + "=" + std::string(text.substr(0, 60)) +
                         ": expected a time like 2025-06-01T12:00:00Z, an epoch number or 3h");
}

Result<TimeRange> ReadRange(const http::QueryParams& params, int64_t now_ns) {
  TimeRange range;
  if (const auto start = params.Find("start"); start && !start->empty()) {
    NL_TRY(const base::TimeSpan span, ReadTime("start", *start, now_ns));
    range.start_ns = span.start_ns;
  }
  if (const auto end = params.Find("end"); end && !end->empty()) {
    NL_TRY(const base::TimeSpan span, ReadTime("end", *end, now_ns));
    range.end_ns = span.end_ns;
  }
  return range;
}

// Nothing for "no limit" (0).
Result<std::optional<uint64_t>> ReadLimit(const http::QueryParams& params,
                                          std::optional<uint64_t> otherwise) {
  const auto text = params.Find("limit");
  if (!text || text->empty()) return otherwise;
  uint64_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc() || end != text->data() + text->size())
    return InvalidArgument("limit=" + std::string(text->substr(0, 40)) +
                           ": expected a whole number");
  return limit == 0 ? std::optional<uint64_t>() : std::optional(limit);
}

Result<int64_t> ReadTimeout(const http::QueryParams& params, int64_t max_ns) {
  const auto text = params.Find("timeout");
  if (!text || text->empty()) return max_ns;
  auto timeout = base::ParseDuration(*text);
  if (!timeout) {
    if (const auto seconds = base::ParseEpoch(*text))
      timeout = *seconds;  // a plain number of seconds
  }
  if (!timeout || *timeout <= 0)
    return InvalidArgument("timeout=" + std::string(text->substr(0, 40)) +
                           ": expected a duration like 10s");
  return std::min(*timeout, max_ns);
}

struct Prepared {
  query::Query query;
  query::ExecuteOptions options;
};

Result<Prepared> Prepare(Context& context, query::OutputFormat format) {
  Api& api = context.api;
  const base::Clock& clock = api.engine().clock();
  http::QueryParams params(context.request.query());
  if (context.request.method == http::Method::kPost) params.Add(context.request.body.view());
  const auto text = params.Find("query");
  const bool native = format == query::OutputFormat::kNative;
  if ((!text || text->empty()) && !native)
    return InvalidArgument("query: a LogsQL query is needed");
  const int64_t now_ns = clock.WallNs();
  query::ParseOptions parse;
  parse.now_ns = now_ns;
  for (const auto& [key, value] : params.all())
    if (key == "extra_filters" && !value.empty()) parse.extra_filters.push_back(value);
  Prepared prepared;
  NL_TRY(prepared.query, query::ParseQuery(text && !text->empty() ? *text : "*", parse));
  NL_TRY(prepared.options.range, ReadRange(params, now_ns));
  prepared.options.range.start_ns = std::max(prepared.options.range.start_ns,
                                             api.engine().ExpiryOf(*context.principal.log));
  std::optional<uint64_t> default_limit;
  if (native && !prepared.query.aggregates())
    default_limit = api.options().rows_limit_default.load(std::memory_order_relaxed);
  NL_TRY(prepared.options.limit, ReadLimit(params, default_limit));
  if (const auto order = params.Find("order"); order && !order->empty()) {
    if (*order != "asc" && *order != "desc")
      return InvalidArgument("order=" + std::string(order->substr(0, 40)) +
                             ": expected asc or desc");
    prepared.options.newest_first = *order == "desc";
    // Rows are merged in order only under a limit.
    if (!prepared.options.limit) prepared.options.limit = std::numeric_limits<uint64_t>::max();
  }
  NL_TRY(const int64_t timeout_ns,
         ReadTimeout(params, api.options().query_timeout_ns.load(std::memory_order_relaxed)));
  prepared.options.deadline_monotonic_ns = clock.MonotonicNs() + timeout_ns;
  prepared.options.memory_bytes_max =
      api.options().query_memory_bytes_max.load(std::memory_order_relaxed);
  prepared.options.memory_pool = &api.options().query_memory_pool;
  prepared.options.format = format;
  prepared.options.clock = &clock;
  return prepared;
}

void Run(const std::shared_ptr<Context>& context, query::OutputFormat format) {
  Api& api = context->api;
  const int64_t begin_ns = api.engine().clock().MonotonicNs();
  const auto refuse = [&](const Status& status) {
    api.query_gate().Leave();
    api.metrics().CountRefused(status.code());
    SendStatus(context->responder, status);
  };
  auto prepared = Prepare(*context, format);
  if (!prepared.ok()) return refuse(prepared.status());
  TimeRange range = prepared->query.time_range();
  range.start_ns = std::max(range.start_ns, prepared->options.range.start_ns);
  range.end_ns = std::min(range.end_ns, prepared->options.range.end_ns);
  auto snapshot = api.engine().Snapshot(context->principal.log, range);
  if (!snapshot.ok()) return refuse(snapshot.status());
  const size_t hidden_blocks =
      api.engine().damaged_blocks().CountHidden(context->principal.log->id(), range);
  std::make_shared<RunningQuery>(&api, context->responder, std::move(prepared->query),
                                 std::move(snapshot).value(), prepared->options, begin_ns,
                                 hidden_blocks)
      ->Step();
}

void Search(Context context, query::OutputFormat format) {
  Api& api = context.api;
  api.metrics().queries.Add();
  const auto shared = std::make_shared<Context>(std::move(context));
  const int running_max = api.options().query_concurrency_max.load(std::memory_order_relaxed);
  const size_t waiting_max = api.options().query_queue_max.load(std::memory_order_relaxed);
  const auto start = [shared, format] {
    shared->api.workers().Resubmit([shared, format] { Run(shared, format); });
  };
  if (api.query_gate().Enter(running_max, waiting_max, start)) return;
  api.metrics().CountRefused(Code::kResourceExhausted);
  SendStatus(shared->responder,
             ResourceExhausted(std::to_string(running_max) + " queries are running and " +
                               std::to_string(waiting_max) + " are waiting, which is the maximum"));
}

}  // namespace

void HandleSearchNative(Context context) {
  Search(std::move(context), query::OutputFormat::kNative);
}
void HandleSearchVictoriaLogs(Context context) {
  Search(std::move(context), query::OutputFormat::kVictoriaLogs);
}

}  // namespace neurallog::api
