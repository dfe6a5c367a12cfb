// Searches: parse, take a snapshot, then run in slices on the worker pool. Between slices nothing is held but the query itself: a client
// that reads slowly keeps no thread, and one that is gone ends its query.
#include "api/active_queries.h"
#include "api/answer.h"
#include "base/log.h"
#include "http/status_map.h"

namespace neurallog::api {
namespace {

constexpr size_t kStepBytes = 128 << 10;       // produced at a time
constexpr size_t kBufferedBytesMax = 1 << 20;  // waiting for the client; then the query pauses
constexpr size_t kResumeBytes = 256 << 10;
constexpr size_t kCollectedBytesMax = 64 << 20;  // of an answer that is sent as a whole
constexpr int64_t kSliceNs = 5'000'000;
// A query that has worked longer stands back.
constexpr int64_t kShortWorkNs = 10'000'000;
constexpr int64_t kMediumWorkNs = 100'000'000;
constexpr size_t kShownQueryBytes = 2'000;     // in the list of queries and in the log
// A header of a whole answer, a trailer of a streamed one.
constexpr char kDamagedBlocks[] = "NeuralLog-Damaged-Blocks";
constexpr char kTrailersOfExport[] = "NeuralLog-Damaged-Blocks, NeuralLog-Cursor";

// A search from its place in the queue to the end of its answer: leaves the gate and the list of active queries when it goes.
class RunningQuery : public std::enable_shared_from_this<RunningQuery> {
 public:
  RunningQuery(Context context, std::unique_ptr<Answer> answer, std::shared_ptr<ActiveQuery> active)
      : context_(std::move(context)),
        api_(context_.api),
        answer_(std::move(answer)),
        active_(std::move(active)) {}

  ~RunningQuery() {
    Record();
    if (has_entered_) gate().Leave(active_->tenant);
    api_.active_queries().Remove(active_->id);
  }

  QueryGate& gate() { return answer_->is_export() ? api_.export_gate() : api_.query_gate(); }

  // The gate has let it in.
  void Enter() {
    has_entered_ = true;
    Submit();
  }

 private:
  void Submit() {
    api_.workers().Resubmit([self = shared_from_this()] { self->Turn(); }, lane());
  }

  base::WorkerPool::Lane lane() const {
    using Lane = base::WorkerPool::Lane;
    if (answer_->is_export() || active_->work_ns > kMediumWorkNs) return Lane::kLong;
    return active_->work_ns > kShortWorkNs ? Lane::kMedium : Lane::kShort;
  }

  enum class Next : uint8_t { kAnotherTurn, kWaitForClient, kNothing };

  // Whoever goes on with the query owns it: nothing here is touched after the last line.
  void Turn() {
    if (responder().closed()) return;
    active_->phase = ActiveQuery::Phase::kRunning;
    const base::Clock& clock = api_.engine().clock();
    const int64_t begin_ns = clock.MonotonicNs();
    const Result<Next> next = execution_ ? Step() : Begin();
    active_->work_ns.fetch_add(clock.MonotonicNs() - begin_ns, std::memory_order_relaxed);
    if (execution_) active_->Note(execution_->stats());
    if (!next.ok()) return Fail(next.status());
    if (*next == Next::kAnotherTurn) return Submit();
    if (*next == Next::kWaitForClient) WaitForClient();
  }

  Result<Next> Begin() {
    if (active_->cancelled) return Cancelled("query was cancelled");
    NL_TRY(Search search, ReadSearch(context_, answer_->needs_query()));
    NL_RETURN_IF_ERROR(answer_->Prepare(context_, &search));
    NL_RETURN_IF_ERROR(Execute(std::move(search)));
    if (!answer_->only_plans()) return Step();
    return SendWhole(answer_->FinishPlan(execution_->Plan()));
  }

  Status Execute(Search search) {
    search.options.visitor = answer_->visitor();
    search.options.cancelled = &active_->cancelled;
    search.options.slice_ns = kSliceNs;
    search.options.bytes_scanned_max = api_.options().query_scan_bytes_max;
    const TimeRange range =
        search.query.BlocksRange(search.options.range, search.options.visible);
    NL_TRY(auto snapshot, api_.engine().Snapshot(context_.principal.log, range));
    hidden_blocks_ = api_.engine().damaged_blocks().CountHidden(active_->tenant, range);
    execution_.emplace(std::move(search.query), std::move(snapshot), search.options);
    return {};
  }

  // Until the answer is complete, the client has enough to read, or the slice is over.
  Result<Next> Step() {
    std::string chunk;
    NL_TRY(const bool more, execution_->Next(kStepBytes, &chunk));
    return answer_->is_whole() ? Collect(std::move(chunk), more) : Stream(std::move(chunk), more);
  }

  Result<Next> Collect(std::string lines, bool more) {
    answer_->TakeLines(std::move(lines));
    if (answer_->memory_bytes() > kCollectedBytesMax)
      return ResourceExhausted("the answer has more than " + std::to_string(kCollectedBytesMax) +
                               " bytes; ask for fewer groups or a larger step");
    if (more) return Next::kAnotherTurn;
    NL_TRY(std::optional<Search> search, answer_->Continue(context_));
    if (!search) {
      NL_TRY(std::string body, answer_->Finish(execution_->stats()));
      return SendWhole(std::move(body));
    }
    NL_RETURN_IF_ERROR(Execute(std::move(*search)));
    return Next::kAnotherTurn;
  }

  Result<Next> Stream(std::string chunk, bool more) {
    NL_RETURN_IF_ERROR(answer_->Encode(&chunk, /*is_last=*/!more));
    if (!more && !has_started_) return SendWhole(std::move(chunk));
    if (!chunk.empty()) {
      if (!has_started_) StartStream();
      responder().Write(std::move(chunk));
    }
    if (more && responder().buffered_bytes() <= kBufferedBytesMax) return Next::kAnotherTurn;
    if (more) return Next::kWaitForClient;
    Record();
    responder().Finish(LastFields());
    return Next::kNothing;
  }

  void StartStream() {
    http::Response head;
    head.content_type = answer_->content_type();
    head.headers = answer_->Headers();
    head.headers.emplace_back("Trailer", answer_->is_export() ? kTrailersOfExport : kDamagedBlocks);
    responder().Start(std::move(head));
    has_started_ = true;
  }

  Next SendWhole(std::string body) {
    Record();
    http::Response response;
    response.body = std::move(body);
    response.content_type = answer_->content_type();
    response.headers = answer_->Headers();
    for (auto& field : LastFields()) response.headers.push_back(std::move(field));
    responder().Send(std::move(response));
    return Next::kNothing;
  }

  void WaitForClient() {
    active_->phase = ActiveQuery::Phase::kSending;
    responder().OnDrained(kResumeBytes, [self = shared_from_this()] { self->Submit(); });
  }

  // What is known at the end: how many damaged blocks the answer would have needed, if any, and what the answer says of itself.
  std::vector<std::pair<std::string, std::string>> LastFields() {
    auto fields = answer_->Trailers();
    const uint64_t blocks = hidden_blocks_ + execution_->stats().blocks_damaged;
    if (blocks > 0) fields.emplace_back(kDamagedBlocks, std::to_string(blocks));
    return fields;
  }

  // Before the answer ends, so that who has it finds the query counted.
  void Record() {
    if (is_recorded_ || !execution_) return;
    is_recorded_ = true;
    active_->Note(execution_->stats());
    const int64_t took_ns = api_.engine().clock().MonotonicNs() - active_->started_monotonic_ns;
    api_.NoteWork(active_->work_ns, execution_->stats().rows_scanned);
    api_.metrics().query_rows.Add(execution_->stats().rows_returned);
    api_.metrics().query_blocks.Add(execution_->stats().blocks_scanned);
    api_.metrics().query_time.Record(took_ns);
    const int64_t slow_ns = api_.options().query_slow_ns.load(std::memory_order_relaxed);
    if (slow_ns > 0 && took_ns >= slow_ns) LogSlow(took_ns);
  }

  void LogSlow(int64_t took_ns) const {
    const auto ms = [](int64_t ns) { return std::to_string(ns / 1'000'000); };
    base::LogWarn("slow query", {{"tenant", active_->tenant_name},
                                 {"path", active_->path},
                                 {"query", active_->text},
                                 {"took_ms", ms(took_ns)},
                                 {"work_ms", ms(active_->work_ns)},
                                 {"rows_scanned", std::to_string(active_->rows_scanned)},
                                 {"bytes_scanned", std::to_string(active_->bytes_scanned)},
                                 {"rows_returned", std::to_string(active_->rows_returned)}});
  }

  void Fail(const Status& status) {
    api_.metrics().CountRefused(status.code());
    if (status.code() == Code::kCorruption || status.code() == Code::kIoError ||
        status.code() == Code::kInternal)
      base::LogError("query failed", {{"error", status.ToString()}});
    if (!has_started_) return SendStatus(context_.responder, status);
    responder().Abort();
  }

  http::Responder& responder() { return *context_.responder; }

  // Owned by whoever has the turn.
  const Context context_;
  Api& api_;
  const std::unique_ptr<Answer> answer_;
  const std::shared_ptr<ActiveQuery> active_;
  std::optional<query::Execution> execution_;  // from Begin on
  size_t hidden_blocks_ = 0;                   // whose headers cannot be read
  bool has_entered_ = false;
  bool has_started_ = false;
  bool is_recorded_ = false;
};

std::string QueryText(const http::Request& request) {
  http::QueryParams params(request.query());
  if (request.method == http::Method::kPost) params.Add(request.body.view());
  return std::string(params.Find("query").value_or("*").substr(0, kShownQueryBytes));
}

std::shared_ptr<ActiveQuery> Describe(const Context& context) {
  auto active = std::make_shared<ActiveQuery>();
  active->tenant = context.principal.log->id();
  active->tenant_name = context.principal.log->name();
  active->key_id = context.principal.key_id;
  active->path = context.request.path();
  active->text = QueryText(context.request);
  active->started_ns = context.api.engine().clock().WallNs();
  active->started_monotonic_ns = context.request.received_ns;
  return active;
}

GateLimits LimitsOf(const ApiOptions& options, bool is_export) {
  GateLimits limits;
  limits.running_max = options.query_concurrency_max;
  limits.tenant_running_max = options.query_tenant_concurrency_max;
  limits.waiting_max = options.query_queue_max;
  limits.tenant_waiting_max = options.query_tenant_queue_max;
  if (is_export) limits.running_max = limits.tenant_running_max = options.query_exports_max;
  return limits;
}

}  // namespace

void StartSearch(Context context, std::unique_ptr<Answer> answer) {
  Api& api = context.api;
  api.metrics().queries.Add();
  const http::ResponderPtr responder = context.responder;
  const TenantId tenant = context.principal.log->id();
  const GateLimits limits = LimitsOf(api.options(), answer->is_export());
  auto active = api.active_queries().Add(Describe(context));
  const auto query = std::make_shared<RunningQuery>(std::move(context), std::move(answer), active);
  const Status entered = query->gate().Enter(tenant, limits, [query] { query->Enter(); });
  if (entered.ok()) return;
  api.metrics().CountRefused(entered.code());
  SendStatus(responder, entered);
}

}  // namespace neurallog::api
