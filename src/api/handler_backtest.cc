// /v1/rules:backtest begins a job that shows stored records to rules; /v1/backtests are these jobs.
#include <fmt/format.h>

#include "api/admin_request.h"
#include "api/backtest_jobs.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"
#include "base/json_value.h"
#include "base/quantity.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

using base::JsonValue;
using detection::BacktestReport;

constexpr uint64_t kCountsMax = 100'000;  // rules times buckets
constexpr uint64_t kBucketsWanted = 60;
constexpr uint64_t kSamplesMax = 1'000;
constexpr int64_t kMinuteNs = 60 * base::kNsPerSecond;
// Of which a step is chosen when none is given; longer ones are whole days.
constexpr int64_t kBucketSteps[] = {kMinuteNs,           5 * kMinuteNs,      15 * kMinuteNs,
                                    60 * kMinuteNs,      3 * 60 * kMinuteNs, 6 * 60 * kMinuteNs,
                                    12 * 60 * kMinuteNs, 24 * 60 * kMinuteNs};

struct Wanted {
  std::vector<std::string> ids;
  std::vector<std::string> texts;
  detection::BacktestOptions options;
};

std::string PercentEncoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) encoded.append(fmt::format("%{:02x}", static_cast<uint8_t>(c)));
  return encoded;
}

Status AddTexts(const JsonValue& value, std::vector<std::string>* texts) {
  using Kind = JsonValue::Kind;
  switch (value.kind()) {
    case Kind::kString: texts->push_back(value.text()); return {};
    case Kind::kObject: texts->push_back(base::ToJson(value)); return {};
    case Kind::kArray:
      for (const JsonValue& item : value.items()) NL_RETURN_IF_ERROR(AddTexts(item, texts));
      return {};
    default: return InvalidArgument("rules: expected documents, as text or as JSON objects");
  }
}

Status AddIds(const JsonValue& value, std::vector<std::string>* ids) {
  if (value.kind() != JsonValue::Kind::kArray) return InvalidArgument("ids: expected a list");
  for (const JsonValue& item : value.items()) {
    if (item.kind() != JsonValue::Kind::kString) return InvalidArgument("ids: expected texts");
    ids->push_back(item.text());
  }
  return {};
}

int64_t ChooseStep(const TimeRange& range) {
  const auto span = static_cast<uint64_t>(range.end_ns) - static_cast<uint64_t>(range.start_ns);
  const auto least = static_cast<int64_t>(span / kBucketsWanted);
  for (const int64_t step : kBucketSteps)
    if (step >= least) return step;
  return (least / base::kNsPerDay + 1) * base::kNsPerDay;
}

// The members that searches have as parameters: they are read alike.
Status ReadOptions(const http::QueryParams& params, int64_t now_ns,
                   detection::BacktestOptions* options) {
  NL_TRY(const auto start, FindTime(params, "start", now_ns));
  NL_TRY(const auto end, FindTime(params, "end", now_ns));
  options->range.end_ns = end ? end->end_ns : now_ns;
  options->range.start_ns = start ? start->start_ns : options->range.end_ns - base::kNsPerDay;
  if (options->range.empty()) return InvalidArgument("start is not before end");
  NL_TRY(options->step_ns, ReadStep(params, "step", ChooseStep(options->range)));
  NL_TRY(options->samples_max, ReadCount(params, "samples", options->samples_max));
  if (options->samples_max > kSamplesMax)
    return InvalidArgument("samples: more than " + std::to_string(kSamplesMax));
  return {};
}

Result<Wanted> ReadWanted(std::string_view body, int64_t now_ns) {
  NL_TRY(const JsonValue json, base::ParseJson(body));
  if (json.kind() != JsonValue::Kind::kObject)
    return InvalidArgument("expected {\"ids\":[...],\"rules\":[...],\"start\":...,\"end\":...}");
  Wanted wanted;
  http::QueryParams params("");
  for (size_t i = 0; i < json.names().size(); ++i) {
    const std::string& name = json.names()[i];
    const JsonValue& value = json.items()[i];
    if (name == "ids") {
      NL_RETURN_IF_ERROR(AddIds(value, &wanted.ids));
    } else if (name == "rules") {
      NL_RETURN_IF_ERROR(AddTexts(value, &wanted.texts));
    } else if (name == "start" || name == "end" || name == "step" || name == "samples") {
      params.Add(name + "=" + PercentEncoded(value.text()));
    } else {
      return InvalidArgument("unknown member \"" + name.substr(0, 60) + "\"");
    }
  }
  NL_RETURN_IF_ERROR(ReadOptions(params, now_ns, &wanted.options));
  return wanted;
}

Status CheckCounts(size_t rules, const detection::BacktestOptions& options) {
  const auto span =
      static_cast<uint64_t>(options.range.end_ns) - static_cast<uint64_t>(options.range.start_ns);
  const uint64_t buckets = span / static_cast<uint64_t>(options.step_ns) + 2;
  if (buckets <= kCountsMax / rules) return {};
  return InvalidArgument(
      fmt::format("{} rules in {} buckets: more than {} counts; take a larger step", rules, buckets,
                  kCountsMax));
}

std::string RuleReportJson(const BacktestReport::OfRule& of) {
  std::string json = "{\"id\":";
  base::AppendJsonString(&json, of.rule.id);
  AppendText(&json, "name", of.rule.name);
  AppendText(&json, "type", of.rule.type);
  AppendText(&json, "severity", SeverityName(of.rule.severity));
  AppendNumber(&json, "version", of.rule.version);
  AppendNumber(&json, "matches", of.matches);
  AppendNumber(&json, "suppressed", of.suppressed);
  json.append(",\"buckets\":[");
  for (const auto& [start_ns, matches] : of.buckets) {
    json.append(json.back() == '[' ? "{\"start\":\"" : ",{\"start\":\"");
    base::AppendRfc3339(&json, start_ns);
    json.append("\",\"matches\":").append(std::to_string(matches)).append("}");
  }
  json.append("],\"samples\":[");
  for (const std::string& sample : of.samples)
    json.append(json.back() == '[' ? "" : ",").append(sample);
  return json.append("]}");
}

double Progress(const BacktestJob::View& view) {
  if (view.state == BacktestJob::State::kDone) return 1;
  if (view.rows_total == 0) return 0;
  return std::min(1.0,
                  static_cast<double>(view.rows_scanned) / static_cast<double>(view.rows_total));
}

std::string BacktestJson(const BacktestJob& job, Detail detail) {
  const BacktestJob::View view = job.Show();
  const BacktestReport& report = view.report;
  std::string json = "{\"id\":\"" + std::to_string(job.id) + "\"";
  AppendText(&json, "state", StateName(view.state));
  if (!view.error.empty()) AppendText(&json, "error", view.error);
  AppendText(&json, "key", job.key_id);
  AppendText(&json, "created", base::FormatRfc3339(job.created_ns));
  if (view.ended_ns != 0) AppendText(&json, "ended", base::FormatRfc3339(view.ended_ns));
  AppendText(&json, "start", base::FormatRfc3339(job.options.range.start_ns));
  AppendText(&json, "end", base::FormatRfc3339(job.options.range.end_ns));
  AppendText(&json, "step", base::FormatDuration(job.options.step_ns));
  json.append(fmt::format(",\"progress\":{:.3f}", Progress(view)));
  AppendNumber(&json, "rows_read", report.rows);
  AppendNumber(&json, "matches", report.matches);
  const double seconds = static_cast<double>(report.evaluation_ns) * 1e-9;
  const double rows = static_cast<double>(std::max<uint64_t>(report.rows, 1));
  json.append(fmt::format(",\"seconds_per_million_rows\":{:.3f}", seconds / rows * 1e6));
  if (view.blocks_damaged > 0) AppendNumber(&json, "blocks_damaged", view.blocks_damaged);
  if (detail == Detail::kShort) return json.append("}");
  json.append(",\"rules\":[");
  for (const BacktestReport::OfRule& of : report.rules)
    json.append(json.back() == '[' ? "" : ",").append(RuleReportJson(of));
  return json.append("]}");
}

Result<std::shared_ptr<const BacktestJob>> FindJob(const Context& on) {
  const std::string id = LastSegment(on.request);
  auto job = on.api.backtests().Find(TenantOf(on), id);
  if (job == nullptr) return NotFound("backtest " + id.substr(0, 40) + " does not exist");
  return job;
}

}  // namespace

void HandleStartBacktest(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const std::string body, ReadText(&on));
    NL_TRY(Wanted read, ReadWanted(body, on.api.engine().clock().WallNs()));
    WantedBacktest wanted;
    wanted.log = on.principal.log;
    wanted.key_id = on.principal.key_id;
    wanted.options = read.options;
    NL_TRY(wanted.rules,
           ChooseRules(&on.api.engine().detection(), TenantOf(on), read.ids, read.texts));
    NL_RETURN_IF_ERROR(CheckCounts(wanted.rules.ids.size(), wanted.options));
    NL_TRY(const auto job, on.api.backtests().Start(std::move(wanted)));
    http::Response response;
    response.status = 202;
    response.content_type = "application/json";
    response.headers.emplace_back("Location", "/v1/backtests/" + std::to_string(job->id));
    response.body = BacktestJson(*job, Detail::kShort) + "\n";
    on.responder->Send(std::move(response));
    return {};
  });
}

void HandleListBacktests(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    std::string json = "{\"backtests\":[";
    for (const auto& job : on.api.backtests().List(TenantOf(on)))
      json.append(json.back() == '[' ? "" : ",").append(BacktestJson(*job, Detail::kShort));
    SendJson(on.responder, 200, json.append("]}\n"));
    return {};
  });
}

void HandleGetBacktest(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto job, FindJob(on));
    SendJson(on.responder, 200, BacktestJson(*job, Detail::kWithDocument) + "\n");
    return {};
  });
}

void HandleDeleteBacktest(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto job, FindJob(on));
    on.api.backtests().Remove(TenantOf(on), std::to_string(job->id));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
    return {};
  });
}

}  // namespace neurallog::api
