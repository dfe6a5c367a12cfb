// The native endpoints that count and list: /v1/logs/stats, histogram, fields, values, facets, streams.
#include <charconv>
#include <map>

#include "api/answer.h"
#include "api/collector.h"
#include "api/json_members.h"
#include "api/values.h"
#include "base/time_format.h"
#include "filter/columns.h"
#include "filter/filter.h"
#include "query/pipe.h"
#include "query/stats_pipe.h"

namespace neurallog::api {
namespace {

void AppendSeparator(std::string* json) {
  if (json->back() != '[' && json->back() != '{') json->push_back(',');
}

void AppendTyped(std::string* json, const Collector::Cell& cell) {
  switch (cell.type) {
    case ValueType::kNumber:
    case ValueType::kBool:
    case ValueType::kArray:
    case ValueType::kObject:
      if (!cell.text.empty()) {
        json->append(cell.text);
        return;
      }
      [[fallthrough]];
    case ValueType::kNull: json->append("null"); return;
    case ValueType::kString: base::AppendJsonString(json, cell.text);
  }
}

// The rows of a query that aggregates, as a table.
class StatsAnswer : public Answer {
 public:
  Status Prepare(const Context&, Search* search) override {
    if (!search->query.aggregates())
      return InvalidArgument("query: a pipe that aggregates is needed, such as | stats count()");
    NL_TRY(const uint64_t limit, ReadCount(search->params, "limit", 0));
    if (limit > 0) search->options.limit = limit;
    return {};
  }
  query::RowVisitor* visitor() override { return &rows_; }
  size_t memory_bytes() const override { return rows_.memory_bytes(); }
  Result<std::string> Finish(const query::ExecuteStats&) override {
    std::string json = "{\"columns\":[";
    for (const std::string& name : rows_.names()) {
      AppendSeparator(&json);
      base::AppendJsonString(&json, name);
    }
    json += "],\"rows\":[";
    for (const Collector::Row& row : rows_.rows()) AppendRow(&json, row);
    return json + "]}\n";
  }

 private:
  void AppendRow(std::string* json, const Collector::Row& row) const {
    AppendSeparator(json);
    json->push_back('[');
    for (size_t i = 0; i < rows_.names().size(); ++i) {
      AppendSeparator(json);
      AppendTyped(json, i < row.size() ? row[i] : Collector::Cell{{}, ValueType::kNull});
    }
    json->push_back(']');
  }

  Collector rows_;
};

// How many records there are per step of time, and per value of the fields in `by`.
class HistogramAnswer : public Answer {
 public:
  bool needs_query() const override { return false; }
  Status Prepare(const Context&, Search* search) override {
    NL_TRY(step_ns_, ReadStep(search->params, "step", StepFor(search->options.range)));
    NL_TRY(const int64_t offset_ns, ReadOffset(search->params));
    std::string by = "_time:" + std::to_string(step_ns_) + "ns offset " +
                     std::to_string((offset_ns % step_ns_ + step_ns_) % step_ns_) + "ns";
    for (const auto& [name, value] : search->params.all()) {
      if (name != "by" || value.empty()) continue;
      by += ", ";
      filter::AppendQuoted(&by, value);
    }
    return search->ReplacePipes("stats by (" + by + ") count() n");
  }
  query::RowVisitor* visitor() override { return &rows_; }
  size_t memory_bytes() const override { return rows_.memory_bytes(); }

  Result<std::string> Finish(const query::ExecuteStats&) override {
    struct Series {
      std::string times, counts;
      uint64_t total = 0;
    };
    std::map<std::string, Series> all;
    for (const Collector::Row& row : rows_.rows()) {
      Series& series = all[FieldsOf(row)];
      if (!series.times.empty()) series.times += ",", series.counts += ",";
      base::AppendJsonString(&series.times, row[0].text);
      series.counts += row.back().text;
      series.total += std::strtoull(row.back().text.c_str(), nullptr, 10);
    }
    std::string json = "{\"step_seconds\":" + StepSeconds() + ",\"series\":[";
    for (const auto& [fields, series] : all) {
      AppendSeparator(&json);
      json += "{\"fields\":" + fields;
      AppendNumber(&json, "total", series.total);
      json += ",\"times\":[" + series.times + "],\"counts\":[" + series.counts + "]}";
    }
    return json + "]}\n";
  }

 private:
  // About 60 steps of a round length for the range; a day when it is open.
  static int64_t StepFor(const TimeRange& range) {
    constexpr int64_t kSteps = 60;
    constexpr int64_t kSeconds[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                    600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
    const TimeRange all;
    if (range.start_ns == all.start_ns || range.end_ns == all.end_ns) return base::kNsPerDay;
    for (const int64_t seconds : kSeconds)
      if ((range.end_ns - range.start_ns) / kSteps <= seconds * base::kNsPerSecond)
        return seconds * base::kNsPerSecond;
    return ((range.end_ns - range.start_ns) / kSteps / base::kNsPerDay + 1) * base::kNsPerDay;
  }

  std::string StepSeconds() const {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof(text), static_cast<double>(step_ns_) / 1e9);
    return {text, end.ptr};
  }

  std::string FieldsOf(const Collector::Row& row) const {
    std::string json = "{";
    for (size_t i = 1; i + 1 < row.size(); ++i) {
      AppendSeparator(&json);
      base::AppendJsonString(&json, NativeName(rows_.names()[i]));
      json += ":";
      base::AppendJsonString(&json, row[i].text);
    }
    return json + "}";
  }

  Collector rows_;
  int64_t step_ns_ = 0;
};

// Values, fields and streams with their numbers of records.
class NativeValuesAnswer : public ValuesAnswer {
 public:
  explicit NativeValuesAnswer(ValuesOf what) : ValuesAnswer(what) {}
  bool needs_query() const override { return false; }

 protected:
  Result<std::string> FieldOf(const Context& context, const Search&) const override {
    constexpr int kPlace = 4;  // /v1/logs/fields/{id}/values
    return PathSegment(context.request, kPlace);
  }

  std::string Print(const std::vector<ValueHits>& values) const override {
    std::string json = what_ == ValuesOf::kFieldNames ? "{\"fields\":["
                       : what_ == ValuesOf::kStreams  ? "{\"streams\":["
                                                      : "{\"values\":[";
    for (const ValueHits& value : values) {
      AppendSeparator(&json);
      json += "{\"records\":" + std::to_string(value.hits);
      if (what_ == ValuesOf::kFieldNames) AppendText(&json, "name", NativeName(value.value));
      if (what_ == ValuesOf::kFieldValues) AppendText(&json, "value", value.value);
      if (what_ == ValuesOf::kStreams) AppendStream(&json, value.value);
      json += "}";
    }
    return json + "]}\n";
  }

 private:
  static void AppendStream(std::string* json, const std::string& stream) {
    std::string id;
    filter::AppendStreamId(&id, stream);
    AppendText(json, "stream", stream);
    AppendText(json, "id", id);
    json->append(",\"labels\":{");
    for (const auto& [name, value] : ParseStream(stream)) {
      AppendSeparator(json);
      base::AppendJsonString(json, name);
      json->push_back(':');
      base::AppendJsonString(json, value);
    }
    json->push_back('}');
  }
};

}  // namespace

void HandleStats(Context context) {
  if (!AnalyzeInstead(&context)) HandleAnswer<StatsAnswer>(std::move(context));
}
void HandleHistogram(Context context) { HandleAnswer<HistogramAnswer>(std::move(context)); }
void HandleFields(Context context) {
  HandleAnswer<NativeValuesAnswer, ValuesOf::kFieldNames>(std::move(context));
}
void HandleValues(Context context) {
  HandleAnswer<NativeValuesAnswer, ValuesOf::kFieldValues>(std::move(context));
}
void HandleNativeStreams(Context context) {
  HandleAnswer<NativeValuesAnswer, ValuesOf::kStreams>(std::move(context));
}

}  // namespace neurallog::api
