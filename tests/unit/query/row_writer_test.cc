// Lines of random records, against a writer that knows nothing of columns.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "base/json_text.h"
#include "base/time_format.h"
#include "query/execution.h"
#include "support/memory_blocks.h"
#include "support/seed.h"

namespace neurallog::query {
namespace {

using testing::TestBlockSet;
using testing::TestField;
using testing::TestRecord;

constexpr int64_t kStartNs = 1'748'736'000'000'000'000;

// Names in the order of the block's columns, as a tree.
struct Name {
  std::string text;
  std::string stored;  // empty: no column has this name
  std::vector<Name> children;

  void Add(std::string_view name, const std::string& of) {
    const size_t dot = name.find('.');
    const std::string_view head = name.substr(0, dot);
    auto child = std::find_if(children.begin(), children.end(),
                              [&](const Name& each) { return each.text == head; });
    if (child == children.end())
      child = children.insert(children.end(), Name{std::string(head), {}, {}});
    if (dot == std::string_view::npos) {
      child->stored = of;
    } else {
      child->Add(name.substr(dot + 1), of);
    }
  }
};

using Values = std::map<std::string, TestField>;

std::string Quoted(std::string_view text) {
  std::string json;
  base::AppendJsonString(&json, text);
  return json;
}

void AppendMember(const std::string& name, const std::string& json, std::string* members) {
  if (!members->empty()) *members += ",";
  *members += Quoted(name);
  *members += ":";
  *members += json;
}

std::string TypedValue(const TestField& field) {
  if (field.type == ValueType::kString) return Quoted(field.value);
  return field.type == ValueType::kNull ? "null" : field.value;
}

// `prefix` is not empty below a name that has a value.
std::string NativeMembers(const Name& parent, const Values& values, const std::string& prefix) {
  std::string members;
  for (const Name& name : parent.children) {
    const auto value = values.find(name.stored);
    const bool has_value = !name.stored.empty() && value != values.end();
    const std::string shown = prefix + name.text;
    if (has_value) AppendMember(shown, TypedValue(value->second), &members);
    const bool is_flat = !prefix.empty() || has_value;
    const std::string below = NativeMembers(name, values, is_flat ? shown + "." : "");
    if (below.empty()) continue;
    if (is_flat) {
      members += (members.empty() ? "" : ",") + below;
    } else {
      AppendMember(shown, "{" + below + "}", &members);
    }
  }
  return members;
}

class RandomRecords {
 public:
  explicit RandomRecords(uint64_t seed) : rng_(seed) {}

  std::vector<TestRecord> Make(size_t count) {
    std::vector<TestRecord> records;
    for (size_t i = 0; i < count; ++i) {
      TestRecord& record = records.emplace_back();
      time_ns_ += Below(3) * (Below(2) == 0 ? 1'000'000 : 987'654'321);
      record.timestamp_ns = time_ns_;
      for (const char* name : {"level", "message", "a", "a.b", "a.b.c", "a.b.d.e", "a.f", "n",
                               "s.t", "s.u", "\"odd\"", "..", "ids"})
        if (Below(4) != 0) record.fields.push_back(FieldOf(name, i));
    }
    return records;
  }

 private:
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(rng_() % static_cast<uint64_t>(bound));
  }

  TestField FieldOf(const std::string& name, size_t i) {
    if (name == "level") return {name, ValueType::kString, Below(2) == 0 ? "info" : "error"};
    if (name == "n") return {name, ValueType::kNumber, std::to_string(Below(100'000) - 1000)};
    if (name == "ids") return {name, ValueType::kString, std::to_string(1'000 + i)};
    if (name == "message") return {name, ValueType::kString, Text()};
    switch (Below(6)) {
      case 0: return {name, ValueType::kNull, ""};
      case 1: return {name, ValueType::kBool, "true"};
      case 2: return {name, ValueType::kNumber, "1.50"};
      case 3: return {name, ValueType::kArray, "[1,\"x\"]"};
      default: return {name, ValueType::kString, Below(2) == 0 ? "" : Text()};
    }
  }

  std::string Text() {
    static constexpr const char* kParts[] = {
        "request ",           "took ", "17 ms ", "\"", "\\", "\n", "\t", "\x01", "\x7f",
        "gr\xc3\xbc\xc3\x9f", "\xff",  "{",      "}"};
    std::string text;
    for (int64_t parts = Below(12); parts > 0; --parts)
      text += kParts[Below(Below(3) == 0 ? 13 : 3)];
    return text;
  }

  std::mt19937_64 rng_;
  int64_t time_ns_ = kStartNs;
};

std::vector<std::string> Lines(const std::shared_ptr<const TestBlockSet>& blocks,
                               ExecuteOptions options) {
  auto query = ParseQuery("*", {.now_ns = kStartNs});
  REQUIRE(query.ok());
  Execution execution(std::move(*query), blocks, options);
  std::string out;
  for (bool more = true; more;) {
    auto next = execution.Next(/*bytes_target=*/1000, &out);
    REQUIRE(next.ok());
    more = *next;
  }
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < out.size(); begin = out.find('\n', begin) + 1)
    lines.push_back(out.substr(begin, out.find('\n', begin) - begin));
  return lines;
}

std::vector<std::string> NativeLines(const block::BlockHeader& header,
                                     const std::vector<TestRecord>& records) {
  Name names;
  for (size_t i = 1; i < header.columns.size(); ++i)
    names.Add(header.columns[i].name, header.columns[i].name);
  std::vector<std::string> lines;
  for (const TestRecord& record : records) {
    Values values;
    for (const TestField& field : record.fields) values[field.name] = field;
    std::string members;
    AppendMember("timestamp", Quoted(base::FormatRfc3339(record.timestamp_ns)), &members);
    const std::string others = NativeMembers(names, values, "");
    lines.push_back("{" + members + (others.empty() ? "" : ",") + others + "}");
  }
  return lines;
}

std::vector<std::string> VictoriaLogsLines(const block::BlockHeader& header,
                                           const std::vector<TestRecord>& records) {
  std::vector<std::string> names = {std::string(kFieldMessage)};
  for (size_t i = 1; i < header.columns.size(); ++i)
    if (header.columns[i].name != kFieldMessage) names.push_back(header.columns[i].name);
  std::vector<std::string> lines;
  for (const TestRecord& record : records) {
    Values values;
    for (const TestField& field : record.fields) values[field.name] = field;
    std::string members;
    AppendMember("_time", Quoted(base::FormatRfc3339(record.timestamp_ns)), &members);
    AppendMember("_stream_id", "ID", &members);
    AppendMember("_stream", "\"{}\"", &members);
    for (const std::string& name : names)
      if (!values[name].value.empty())
        AppendMember(name == kFieldMessage ? "_msg" : name, Quoted(values[name].value), &members);
    lines.push_back("{" + members + "}");
  }
  return lines;
}

std::string WithoutStreamId(std::string line) {
  const std::string key = "\"_stream_id\":";
  const size_t begin = line.find(key) + key.size();
  return line.replace(begin, line.find(',', begin) - begin, "ID");
}

TEST_CASE("lines are what a writer that goes value by value makes of the records") {
  const uint64_t seed = testing::RandomSeed();
  INFO("seed " << seed);
  for (const auto form : {TestBlockSet::Form::kMemory, TestBlockSet::Form::kSealed}) {
    for (uint64_t round = 0; round < 5; ++round) {
      const auto records = RandomRecords(seed + round).Make(round == 0 ? 1 : 300);
      const auto blocks = std::make_shared<const TestBlockSet>(records, records.size(), form);
      CHECK(Lines(blocks, {}) == NativeLines(blocks->header(0), records));
      ExecuteOptions options;
      options.format = OutputFormat::kVictoriaLogs;
      auto lines = Lines(blocks, options);
      std::transform(lines.begin(), lines.end(), lines.begin(), WithoutStreamId);
      CHECK(lines == VictoriaLogsLines(blocks->header(0), records));
    }
  }
}

TEST_CASE("rows that are merged in the order of time are the lines of their blocks") {
  const uint64_t seed = testing::RandomSeed();
  INFO("seed " << seed);
  const auto ordered = RandomRecords(seed).Make(400);
  std::vector<TestRecord> dealt;  // so that all blocks overlap
  for (size_t first = 0; first < 4; ++first)
    for (size_t i = first; i < ordered.size(); i += 4) dealt.push_back(ordered[i]);
  const auto blocks = std::make_shared<const TestBlockSet>(dealt, 100, TestBlockSet::Form::kMixed);
  for (const auto format :
       {OutputFormat::kNative, OutputFormat::kVictoriaLogs, OutputFormat::kCsv}) {
    ExecuteOptions options;
    options.format = format;
    options.with_ids = format != OutputFormat::kCsv;
    options.newest_first = false;
    auto of_blocks = Lines(blocks, options);
    options.in_order = true;
    auto merged = Lines(blocks, options);
    CHECK(merged != of_blocks);
    std::sort(of_blocks.begin(), of_blocks.end());
    std::sort(merged.begin(), merged.end());
    CHECK(merged == of_blocks);
  }
}

}  // namespace
}  // namespace neurallog::query
