// VictoriaLogs' endpoints that count: hits, stats_query, stats_query_range, facets, and those that list values.
#include <charconv>
#include <map>

#include "api/answer.h"
#include "api/collector.h"
#include "api/values.h"
#include "base/json_text.h"
#include "base/time_format.h"
#include "filter/filter.h"
#include "query/pipe.h"
#include "query/stats_pipe.h"

namespace neurallog::api {
namespace {

constexpr int64_t kDefaultStepNs = base::kNsPerDay;

uint64_t ToNumber(const std::string& text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// An answer that is made of all rows together.
class CollectedAnswer : public Answer {
 public:
  query::RowVisitor* visitor() override { return &rows_; }
  size_t memory_bytes() const override { return rows_.memory_bytes(); }

 protected:
  // {"a":"b"} of the columns [begin, end).
  std::string LabelsOf(const Collector::Row& row, size_t begin, size_t end) const {
    std::string json = "{";
    for (size_t i = begin; i < end; ++i) AppendMember(&json, rows_.names()[i], row[i].text);
    return json + "}";
  }
  static void AppendMember(std::string* json, std::string_view name, std::string_view value) {
    if (json->size() > 1) json->push_back(',');
    base::AppendJsonString(json, name);
    json->push_back(':');
    base::AppendJsonString(json, value);
  }

  Collector rows_;
};

// How many records there are per step of time, and per value of `field` if it is given.
class HitsAnswer : public CollectedAnswer {
 public:
  Status Prepare(const Context&, Search* search) override {
    NL_TRY(const int64_t step_ns, ReadStep(search->params, "step", kDefaultStepNs));
    NL_TRY(const int64_t offset_ns, ReadOffset(search->params));
    NL_TRY(fields_limit_, ReadCount(search->params, "fields_limit", 0));
    std::string by = "_time:" + std::to_string(step_ns) + "ns offset " +
                     std::to_string((offset_ns % step_ns + step_ns) % step_ns) + "ns";
    for (const auto& [name, value] : search->params.all()) {
      if (name != "field" || value.empty()) continue;
      by += ", ";
      filter::AppendQuoted(&by, value);
    }
    return search->ReplacePipes("stats by (" + by + ") count() hits");
  }

  Result<std::string> Finish(const query::ExecuteStats&) override {
    for (const Collector::Row& row : rows_.rows()) {
      Series& series = series_[LabelsOf(row, 1, row.size() - 1)];
      const uint64_t hits = ToNumber(row.back().text);
      series.hits[base::ParseRfc3339(row[0].text).value_or(0)] += hits;
      series.total += hits;
    }
    KeepLargest();
    std::string json = "{\"hits\":[";
    for (const auto& [fields, series] : series_) {
      if (json.back() == '}') json += ",";
      AppendSeries(&json, fields, series);
    }
    return json + "]}";
  }

 private:
  struct Series {
    std::map<int64_t, uint64_t> hits;  // by time
    uint64_t total = 0;
  };

  // All but the largest become one series without fields.
  void KeepLargest() {
    if (fields_limit_ == 0 || fields_limit_ >= series_.size()) return;
    std::vector<ValueHits> totals;
    for (const auto& [fields, series] : series_) totals.push_back({fields, series.total});
    SortValues(&totals);
    Series others;
    for (size_t i = fields_limit_; i < totals.size(); ++i) {
      const auto series = series_.find(totals[i].value);
      for (const auto& [time, hits] : series->second.hits) others.hits[time] += hits;
      others.total += series->second.total;
      series_.erase(series);
    }
    series_["{}"] = std::move(others);
  }

  static void AppendSeries(std::string* json, const std::string& fields, const Series& series) {
    std::string times, values;
    for (const auto& [time, hits] : series.hits) {
      if (!times.empty()) times += ",", values += ",";
      times += "\"" + base::FormatRfc3339(time) + "\"";
      values += std::to_string(hits);
    }
    json->append("{\"fields\":").append(fields).append(",\"timestamps\":[").append(times);
    json->append("],\"values\":[").append(values);
    json->append("],\"total\":").append(std::to_string(series.total)).append("}");
  }

  uint64_t fields_limit_ = 0;
  std::map<std::string, Series> series_;  // by the fields as JSON
};

// The most frequent values of each field, in VictoriaLogs' words or in ours.
class FacetsAnswer : public CollectedAnswer {
 public:
  explicit FacetsAnswer(bool is_native) : is_native_(is_native) {}
  bool needs_query() const override { return !is_native_; }

  Status Prepare(const Context&, Search* search) override {
    NL_TRY(const uint64_t limit, ReadCount(search->params, "limit", 0));
    NL_TRY(const uint64_t values, ReadCount(search->params, "max_values_per_field", 0));
    NL_TRY(const uint64_t length, ReadCount(search->params, "max_value_len", 0));
    std::string pipe = "facets";
    if (limit > 0) pipe += " " + std::to_string(limit);
    if (values > 0) pipe += " max_values_per_field " + std::to_string(values);
    if (length > 0) pipe += " max_value_len " + std::to_string(length);
    if (ReadFlag(search->params, "keep_const_fields")) pipe += " keep_const_fields";
    return search->ReplacePipes(pipe);
  }

  Result<std::string> Finish(const query::ExecuteStats&) override {
    std::map<std::string, std::vector<ValueHits>> fields;
    for (const Collector::Row& row : rows_.rows())
      fields[row[0].text].push_back({row[1].text, ToNumber(row[2].text)});
    std::string json = "{\"facets\":[";
    for (auto& [field, values] : fields) {
      SortValues(&values);
      if (json.back() == '}') json += ",";
      json += is_native_ ? "{\"field\":" : "{\"field_name\":";
      base::AppendJsonString(&json, is_native_ ? NativeName(field) : field);
      json += ",\"values\":[";
      for (const ValueHits& value : values) {
        if (json.back() == '}') json += ",";
        json += is_native_ ? "{\"value\":" : "{\"field_value\":";
        base::AppendJsonString(&json, value.value);
        json += is_native_ ? ",\"records\":" : ",\"hits\":";
        json += std::to_string(value.hits) + "}";
      }
      json += "]}";
    }
    return json + "]}";
  }

 private:
  const bool is_native_;
};

// Seconds since 1970 as the shortest decimal that is the same double.
std::string Seconds(int64_t ns) {
  char text[64];
  const auto seconds = static_cast<double>(static_cast<long double>(ns) / 1e9L);
  const auto end = std::to_chars(text, text + sizeof(text), seconds, std::chars_format::fixed);
  return {text, end.ptr};
}

// The results of the last stats pipe as Prometheus shows them; with `kIsRange` for each step of time.
class StatsQueryAnswer : public CollectedAnswer {
 public:
  explicit StatsQueryAnswer(bool is_range) : is_range_(is_range) {}

  Status Prepare(const Context&, Search* search) override {
    now_ns_ = search->now_ns;
    if (is_range_) {
      NL_TRY(const int64_t step_ns, ReadStep(search->params, "step", kDefaultStepNs));
      NL_TRY(const int64_t offset_ns, ReadOffset(search->params));
      for (const auto& pipe : search->query.pipes) {
        if (query::StatsSpec* stats = pipe->stats()) GroupByTime(stats, step_ns, offset_ns);
        pipe->PartitionByTime();
      }
    }
    return FindLabels(search->query);
  }

  Result<std::string> Finish(const query::ExecuteStats&) override {
    for (const Collector::Row& row : rows_.rows()) AddRow(row);
    std::string json = "{\"status\":\"success\",\"data\":{\"resultType\":";
    json += is_range_ ? "\"matrix\",\"result\":[" : "\"vector\",\"result\":[";
    if (is_range_)
      std::sort(series_.begin(), series_.end(),
                [](const Series& a, const Series& b) { return a.metric < b.metric; });
    for (Series& series : series_) {
      if (json.back() == '}') json += ",";
      json += "{\"metric\":" + series.metric + (is_range_ ? ",\"values\":[" : ",\"value\":");
      AppendPoints(&json, &series.points);
      json += is_range_ ? "]}" : "}";
    }
    return json + "]}}";
  }

 private:
  struct Point {
    int64_t ns;
    std::string value;
  };
  struct Series {
    std::string metric;  // its name and labels as JSON
    std::vector<Point> points;
  };

  static void GroupByTime(query::StatsSpec* stats, int64_t step_ns, int64_t offset_ns) {
    auto field = std::find_if(stats->by.begin(), stats->by.end(),
                              [](const query::GroupField& by) { return by.is_time; });
    if (field == stats->by.end()) field = stats->by.insert(field, query::GroupField{});
    field->field.name = field->field.shown = filter::kFieldTime;
    field->is_time = true;
    field->time_step_ns = step_ns;
    field->time_offset_ns = offset_ns;
    field->bucket_text = std::to_string(step_ns) + "ns";
    if (offset_ns != 0) field->bucket_text += " offset " + std::to_string(offset_ns) + "ns";
  }

  // The fields that the last stats pipe groups by are labels, also when a later pipe gives them
  // another name, and texts that a later pipe makes; everything else is a result.
  Status FindLabels(const query::Query& query) {
    const auto is_stats = [](const auto& pipe) { return pipe->stats() != nullptr; };
    const auto last = std::find_if(query.pipes.rbegin(), query.pipes.rend(), is_stats);
    if (last == query.pipes.rend())
      return InvalidArgument("query: a stats pipe is needed, such as | stats count()");
    for (const query::GroupField& by : (*last)->stats()->by) labels_.push_back(by.field.name);
    for (auto pipe = last.base(); pipe != query.pipes.end(); ++pipe)
      NL_RETURN_IF_ERROR((*pipe)->ChangeLabels(&labels_));
    return is_range_ ? CheckTime() : Status();
  }
  Status CheckTime() const {
    if (IsLabel(filter::kFieldTime)) return {};
    return InvalidArgument("query: the results of a range need their _time");
  }

  bool IsLabel(std::string_view name) const {
    return std::find(labels_.begin(), labels_.end(), filter::StoredName(name)) != labels_.end();
  }

  void AddRow(const Collector::Row& row) {
    int64_t ns = now_ns_;
    std::string labels;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string& name = rows_.names()[i];
      if (!IsLabel(name)) continue;
      if (is_range_ && name == filter::kFieldTime) {
        ns = base::ParseRfc3339(row[i].text).value_or(ns);
        continue;
      }
      labels += ",";
      base::AppendJsonString(&labels, name);
      labels += ":";
      base::AppendJsonString(&labels, row[i].text);
    }
    for (size_t i = 0; i < row.size(); ++i)
      if (!IsLabel(rows_.names()[i])) AddPoint(rows_.names()[i], labels, {ns, row[i].text});
  }

  // Points of a range make one series per metric; otherwise each is a series of its own.
  void AddPoint(const std::string& name, const std::string& labels, Point point) {
    std::string metric = "{\"__name__\":";
    base::AppendJsonString(&metric, name);
    metric += labels + "}";
    const size_t place =
        is_range_ ? place_.try_emplace(metric, series_.size()).first->second : series_.size();
    if (place == series_.size()) series_.push_back({std::move(metric), {}});
    series_[place].points.push_back(std::move(point));
  }

  static void AppendPoints(std::string* json, std::vector<Point>* points) {
    std::stable_sort(points->begin(), points->end(),
                     [](const Point& a, const Point& b) { return a.ns < b.ns; });
    for (const Point& point : *points) {
      if (json->back() == ']') json->push_back(',');
      json->append("[").append(Seconds(point.ns)).append(",");
      base::AppendJsonString(json, point.value);
      json->push_back(']');
    }
  }

  const bool is_range_;
  int64_t now_ns_ = 0;
  std::vector<std::string> labels_;  // stored names
  std::vector<Series> series_;
  std::map<std::string, size_t> place_;  // by metric
};

}  // namespace

void HandleHits(Context context) { HandleAnswer<HitsAnswer>(std::move(context)); }
void HandleFacets(Context context) { HandleAnswer<FacetsAnswer, false>(std::move(context)); }
void HandleNativeFacets(Context context) { HandleAnswer<FacetsAnswer, true>(std::move(context)); }
void HandleStatsQuery(Context context) {
  HandleAnswer<StatsQueryAnswer, false>(std::move(context));
}
void HandleStatsQueryRange(Context context) {
  HandleAnswer<StatsQueryAnswer, true>(std::move(context));
}
void HandleFieldNames(Context context) {
  HandleAnswer<ValuesAnswer, ValuesOf::kFieldNames>(std::move(context));
}
void HandleFieldValues(Context context) {
  HandleAnswer<ValuesAnswer, ValuesOf::kFieldValues>(std::move(context));
}
void HandleStreams(Context context) {
  HandleAnswer<ValuesAnswer, ValuesOf::kStreams>(std::move(context));
}
void HandleStreamIds(Context context) {
  HandleAnswer<ValuesAnswer, ValuesOf::kStreamIds>(std::move(context));
}
void HandleStreamFieldNames(Context context) {
  HandleAnswer<ValuesAnswer, ValuesOf::kStreamFieldNames>(std::move(context));
}
void HandleStreamFieldValues(Context context) {
  HandleAnswer<ValuesAnswer, ValuesOf::kStreamFieldValues>(std::move(context));
}

}  // namespace neurallog::api
