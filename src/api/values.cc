#include "api/values.h"

#include <charconv>
#include <map>

#include "base/json_text.h"
#include "base/json_value.h"
#include "filter/filter.h"

namespace neurallog::api {
namespace {

// A JSON string at the front of the text, which is cut off; the text ends where there is none.
std::string TakeQuoted(std::string_view* text) {
  size_t end = 1;
  while (end < text->size() && (*text)[end] != '"') end += (*text)[end] == '\\' ? 2 : 1;
  if (text->empty() || (*text)[0] != '"' || end >= text->size()) {
    *text = {};
    return {};
  }
  const auto value = base::ParseJson(text->substr(0, end + 1));
  text->remove_prefix(end + 1);
  return value.ok() ? value->text() : std::string();
}

bool IsOfStreamField(ValuesOf what) {
  return what == ValuesOf::kStreamFieldNames || what == ValuesOf::kStreamFieldValues;
}

}  // namespace

void SortValues(std::vector<ValueHits>* values) {
  std::sort(values->begin(), values->end(), [](const ValueHits& a, const ValueHits& b) {
    return a.hits != b.hits ? a.hits > b.hits : a.value < b.value;
  });
}

std::string_view NativeName(std::string_view name) {
  if (name == filter::kFieldTime) return kFieldTimestamp;
  return name == "_msg" ? kFieldMessage : name;
}

std::vector<std::pair<std::string, std::string>> ParseStream(std::string_view stream) {
  std::vector<std::pair<std::string, std::string>> labels;
  if (stream.starts_with("{")) stream.remove_prefix(1);
  while (!stream.empty() && stream[0] != '}') {
    if (stream[0] == ',') stream.remove_prefix(1);
    std::string name;
    if (!stream.empty() && stream[0] == '"') name = TakeQuoted(&stream);
    const size_t equals = std::min(stream.find('='), stream.size());
    if (name.empty()) name = stream.substr(0, equals);
    stream.remove_prefix(std::min(equals + 1, stream.size()));
    labels.emplace_back(std::move(name), TakeQuoted(&stream));
  }
  return labels;
}

Result<std::string> ValuesAnswer::FieldOf(const Context&, const Search& search) const {
  const auto field = search.params.Find("field");
  if (!field || field->empty()) return InvalidArgument("field: the name of a field is needed");
  return std::string(*field);
}

Status ValuesAnswer::Prepare(const Context& context, Search* search) {
  if (what_ == ValuesOf::kFieldValues || what_ == ValuesOf::kStreamFieldValues) {
    NL_TRY(field_, FieldOf(context, *search));
  }
  NL_TRY(limit_, ReadCount(search->params, "limit", 0));
  part_ = search->params.Find("filter").value_or("");
  return search->ReplacePipes(Pipes());
}

std::string ValuesAnswer::Pipes() const {
  if (what_ == ValuesOf::kFieldNames) return "field_names";
  std::string field = "_stream";
  if (what_ == ValuesOf::kStreamIds) field = "_stream_id";
  if (what_ == ValuesOf::kFieldValues) field = field_;
  std::string pipes = "uniq by (";
  filter::AppendQuoted(&pipes, field);
  return pipes + ") with hits";
}

std::vector<ValueHits> ValuesAnswer::Values() const {
  std::map<std::string, uint64_t> sums;
  for (const Collector::Row& row : rows_.rows()) {
    const std::string& value = Collector::TextOf(row, 0);
    uint64_t hits = 0;
    const std::string& text = Collector::TextOf(row, 1);
    std::from_chars(text.data(), text.data() + text.size(), hits);
    if (!IsOfStreamField(what_)) {
      sums[value] += hits;
      continue;
    }
    for (const auto& [name, label] : ParseStream(value)) {
      if (what_ == ValuesOf::kStreamFieldNames) sums[name] += hits;
      if (what_ == ValuesOf::kStreamFieldValues && name == field_) sums[label] += hits;
    }
  }
  std::vector<ValueHits> values;
  for (auto& [value, hits] : sums)
    if (value.find(part_) != std::string::npos) values.push_back({value, hits});
  return values;
}

Result<std::string> ValuesAnswer::Finish(const query::ExecuteStats&) {
  std::vector<ValueHits> values = Values();
  SortValues(&values);
  if (limit_ > 0 && values.size() > limit_) values.resize(limit_);
  return Print(values);
}

std::string ValuesAnswer::Print(const std::vector<ValueHits>& values) const {
  std::string json = "{\"values\":[";
  for (const ValueHits& value : values) {
    if (json.back() == '}') json += ",";
    json += "{\"value\":";
    base::AppendJsonString(&json, value.value);
    json += ",\"hits\":" + std::to_string(value.hits) + "}";
  }
  return json + "]}";
}

}  // namespace neurallog::api
