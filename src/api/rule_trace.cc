#include "api/rule_trace.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <deque>

#include "api/json_members.h"
#include "api/rule_json.h"
#include "base/json_text.h"
#include "base/time_format.h"
#include "detection/backtest.h"
#include "detection/row_batcher.h"
#include "filter/quote.h"
#include "query/execution.h"
#include "rules/group_key.h"

namespace neurallog::api {
namespace {

using detection::Trace;

constexpr size_t kGroupsShown = 100;
constexpr size_t kRecordsShown = 128;      // as many as a sequence keeps
constexpr size_t kRecordsOfWindow = 10;    // the last ones
constexpr uint64_t kRecordsRead = 10'000;  // of the store
constexpr int64_t kReadNs = 2 * base::kNsPerSecond;

void AppendValue(std::string* json, double value) {
  json->append(",\"value\":");
  json->append(std::isfinite(value) ? fmt::format("{}", value) : "null");
}

std::string MatchJson(const Trace& trace, const rules::Firing& firing) {
  std::string json = "{\"timestamp\":\"" + base::FormatRfc3339(firing.at_ns) + "\"";
  if (trace.has_state()) {
    AppendGroup(&json, trace.group_fields(), firing.group);
    json.append(",\"window\":{\"start\":\"").append(base::FormatRfc3339(firing.start_ns));
    json.append("\",\"end\":\"").append(base::FormatRfc3339(firing.end_ns)).append("\"}");
    AppendValue(&json, firing.value);
  }
  json.append(",\"records\":[");
  for (const uint64_t row : firing.rows)
    json.append(json.back() == '[' ? "" : ",").append(std::to_string(row));
  return json.append("]}");
}

// {"record":0,"steps":[1]}
void AppendRecordOf(std::string* json, const Trace::Told& told) {
  json->append(json->back() == '[' ? "" : ",");
  json->append("{\"record\":").append(std::to_string(told.record));
  AppendSteps(json, told.steps);
  json->push_back('}');
}

// [{"step":2,"records":3}]
std::string MissingJson(const std::vector<uint32_t>& missing) {
  std::map<uint32_t, uint32_t> counts;
  for (const uint32_t step : missing) ++counts[step];
  std::string json = "[";
  for (const auto& [step, count] : counts)
    json.append(json.back() == '[' ? "" : ",")
        .append(fmt::format("{{\"step\":{},\"records\":{}}}", step + 1, count));
  return json.append("]");
}

// Whether the rule looks for records one after the other.
bool IsChain(const rules::Stateful& rule) {
  using rules::RuleType;
  return rule.type == RuleType::kSequence ||
         (rule.type == RuleType::kAbsence && !rule.steps.empty());
}

void AppendProgress(std::string* json, const rules::Stateful& rule,
                    const rules::Progress& progress) {
  AppendValue(json, progress.value);
  if (IsChain(rule)) json->append(",\"waits_for\":").append(MissingJson(progress.missing));
  else if (!rule.bounds.empty())
    json->append(",\"holds\":").append(progress.holds ? "true" : "false");
  if (progress.forbidden != 0) {
    json->append(",\"must_not_come\":[");
    for (uint32_t bits = progress.forbidden; bits != 0; bits &= bits - 1)
      json->append(json->back() == '[' ? "" : ",")
          .append(std::to_string(std::countr_zero(bits) + 1));
    json->push_back(']');
  }
  if (progress.until_ns != 0) AppendText(json, "until", base::FormatRfc3339(progress.until_ns));
}

// Of a sequence the records that count by now, of a window the last ones.
std::string GroupJson(Trace* trace, uint32_t place) {
  const Trace::Group& group = trace->groups()[place];
  const rules::Stateful& rule = *trace->rule().stateful;
  const auto progress = trace->ProgressOf(group);
  const auto counts = [&](uint64_t record) {
    return !IsChain(rule) || !progress ||
           std::find(progress->rows.begin(), progress->rows.end(), record) != progress->rows.end();
  };
  std::vector<Trace::Told> told;
  for (const Trace::Told& each : trace->told())
    if (each.group == place && counts(each.record)) told.push_back(each);
  if (!IsChain(rule) && told.size() > kRecordsOfWindow)
    told.erase(told.begin(), told.end() - kRecordsOfWindow);
  std::string json;
  AppendGroup(&json, trace->group_fields(), group.values);
  json[0] = '{';
  json.append(",\"records\":[");
  for (const Trace::Told& each : told) AppendRecordOf(&json, each);
  json.push_back(']');
  if (progress) AppendProgress(&json, rule, *progress);
  return json.append("}");
}

// Rows of the store, shown to the rule.
class FiredCollector : public query::RowVisitor {
 public:
  explicit FiredCollector(const FiredBy& fired)
      : group_(fired.group),
        trace_(fired.rules, fired.rules.ids[0]),
        batcher_([this](const model::RecordBatch& batch) { Tell(batch); }) {}

  void Clear() override {}
  void OnColumns(std::span<const std::string_view> names) override { batcher_.OnColumns(names); }
  void OnRow(std::span<const Value> values) override { batcher_.OnRow(values); }
  size_t memory_bytes() const override { return batcher_.memory_bytes() + shown_bytes_; }

  void Finish() { batcher_.Finish(); }
  uint64_t rows() const { return rows_; }
  bool is_cut() const { return is_cut_; }
  std::string Json() const {
    std::string json = "[";
    for (const std::string& record : shown_)
      json.append(json.back() == '[' ? "" : ",").append(record);
    return json.append("]");
  }

 private:
  void Tell(const model::RecordBatch& batch) {
    const size_t first = trace_.told().size();
    trace_.Tell(batch);
    std::map<uint64_t, uint32_t> steps;  // by record
    for (size_t i = first; i < trace_.told().size(); ++i) {
      const Trace::Told& told = trace_.told()[i];
      if (trace_.groups()[told.group].values == group_) steps[told.record] |= told.steps;
    }
    const char* row = batch.first_row();
    for (uint32_t i = 0; i < batch.rows(); ++i) {
      if (const auto found = steps.find(rows_ + i); found != steps.end())
        Show(batch, row, found->second);
      row = model::RowReader(row).next_row();
    }
    rows_ += batch.rows();
  }

  void Show(const model::RecordBatch& batch, const char* row, uint32_t bits) {
    std::string json;
    AppendSteps(&json, bits);
    json[0] = '{';
    json.append(",\"record\":");
    bool is_cut = false;
    detection::AppendRecord(batch, row, detection::kMatchRecordBytesMax, &json, &is_cut);
    shown_bytes_ += json.size();
    shown_.push_back(json.append("}"));
    if (shown_.size() <= kRecordsShown) return;
    is_cut_ = true;
    shown_bytes_ -= shown_.front().size();
    shown_.pop_front();
  }

  const std::vector<std::string> group_;
  Trace trace_;
  detection::RowBatcher batcher_;
  std::deque<std::string> shown_;
  size_t shown_bytes_ = 0;
  uint64_t rows_ = 0;
  bool is_cut_ = false;
};

// ("user":="ann" or "User":="ann"), for each field of the group that can be searched for.
std::string SearchOfGroup(const FiredBy& fired) {
  const rules::RulePlan& plan = *fired.rules.compiled->plan();
  uint32_t rule = 0;
  while (fired.rules.compiled->of_firing(rule).id != fired.rules.ids[0]) ++rule;
  if (!plan.rules()[rule].stateful->aliases.empty()) return "";
  std::string search;
  for (size_t i = 0; i < plan.group_fields(rule).size() && i < fired.group.size(); ++i) {
    const std::string& value = fired.group[i];
    if (value.empty() || value.size() >= rules::kValueBytesMax) continue;
    std::vector<std::string> names{plan.group_fields(rule)[i]};
    for (const rules::WantedField& field : plan.fields())
      if (field.name == names[0])
        names.insert(names.end(), field.instead.begin(), field.instead.end());
    search.append(search.empty() ? "(" : " (");
    for (const std::string& name : names) {
      if (search.back() != '(') search.append(" or ");
      filter::AppendQuoted(&search, name);
      search.append(":=");
      filter::AppendQuoted(&search, value);
    }
    search.push_back(')');
  }
  return search;
}

}  // namespace

void AppendSteps(std::string* json, uint32_t bits) {
  json->append(",\"steps\":[");
  for (; bits != 0; bits &= bits - 1)
    json->append(json->back() == '[' ? "" : ",").append(std::to_string(std::countr_zero(bits) + 1));
  json->push_back(']');
}

void AppendGroup(std::string* json, const std::vector<std::string>& fields,
                 const std::vector<std::string>& values) {
  std::vector<std::pair<std::string, std::string>> group;
  for (size_t i = 0; i < fields.size() && i < values.size(); ++i)
    group.emplace_back(fields[i], values[i]);
  AppendTextMap(json, "group", group);
}

void AppendTrace(std::string* json, Trace* trace) {
  json->append(",\"matches\":[");
  for (const rules::Firing& firing : trace->firings())
    json->append(json->back() == '[' ? "" : ",").append(MatchJson(*trace, firing));
  json->push_back(']');
  if (!trace->has_state()) return;
  json->append(",\"groups\":[");
  for (uint32_t place = 0; place < trace->groups().size() && place < kGroupsShown; ++place)
    json->append(json->back() == '[' ? "" : ",").append(GroupJson(trace, place));
  json->push_back(']');
}

Result<std::string> FiredRecords(const Context& on, const FiredBy& fired) {
  engine::Engine& engine = on.api.engine();
  NL_TRY(query::Query query, detection::BacktestQuery(*fired.rules.compiled, SearchOfGroup(fired)));
  FiredCollector collector(fired);
  query::ExecuteOptions options;
  options.range = fired.range;
  options.visible.start_ns = engine.ExpiryOf(*on.principal.log);
  options.newest_first = false;
  options.in_order = true;
  options.limit = kRecordsRead;
  options.visitor = &collector;
  options.deadline_monotonic_ns = engine.clock().MonotonicNs() + kReadNs;
  options.clock = &engine.clock();
  options.memory_bytes_max = on.api.options().query_memory_bytes_max;
  options.memory_pool = &on.api.options().query_memory_pool;
  NL_TRY(auto blocks,
         engine.Snapshot(on.principal.log, query.BlocksRange(options.range, options.visible)));
  query::Execution execution(std::move(query), std::move(blocks), options);
  std::string nothing;
  Result<bool> more = true;
  while (more.ok() && *more) more = execution.Next(/*bytes_target=*/1 << 20, &nothing);
  const bool is_late = more.status().code() == Code::kDeadlineExceeded;
  if (!more.ok() && !is_late) return more.status();
  collector.Finish();
  std::string json = "\"records\":" + collector.Json();
  if (is_late || collector.is_cut() || collector.rows() >= kRecordsRead)
    json.append(",\"is_cut\":true");
  return json;
}

}  // namespace neurallog::api
