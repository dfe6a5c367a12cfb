// The queries of the load generator's sample data set, with the answers that the generator computed
// (and DuckDB checked).
#include <simdjson.h>
#include <zstd.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "query/execution.h"
#include "support/json_records.h"
#include "support/memory_blocks.h"

namespace neurallog::query {
namespace {

using testing::TestBlockSet;
using testing::TestRecord;

std::string SampleFolder() {
  const char* folder = std::getenv("NL_SAMPLE_DIR");
  return folder != nullptr ? folder : "/work/shared/tools/loggen/sample_100k";
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string Decompress(const std::string& compressed) {
  std::string text;
  ZSTD_DStream* stream = ZSTD_createDStream();
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  std::string chunk(1 << 20, '\0');
  while (in.pos < in.size) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(stream, &out, &in)) != 0) break;
    text.append(chunk, 0, out.pos);
  }
  ZSTD_freeDStream(stream);
  return text;
}

std::vector<TestRecord> LoadRecords(const std::string& path) {
  std::istringstream lines(Decompress(ReadFile(path)));
  std::vector<TestRecord> records;
  for (std::string line; std::getline(lines, line);)
    records.push_back(testing::ParseJsonRecord(line));
  return records;
}

std::string TextOf(simdjson::dom::element value) { return std::string(std::string_view(value)); }

// A query's rows as JSON documents.
class Answer {
 public:
  Answer(const std::string& text, std::shared_ptr<const block::BlockSet> blocks,
         OutputFormat format) {
    auto query = ParseQuery(text, {});
    INFO(text << ": " << query.status().ToString());
    REQUIRE(query.ok());
    ExecuteOptions options;
    options.format = format;
    const auto start = std::chrono::steady_clock::now();
    Execution execution(std::move(*query), std::move(blocks), options);
    for (bool more = true; more;) {
      auto result = execution.Next(64 << 10, &ndjson_);
      INFO(text << ": " << result.status().ToString());
      REQUIRE(result.ok());
      more = *result;
    }
    us =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    std::istringstream lines(ndjson_);
    for (std::string line; std::getline(lines, line);) lines_.push_back(line);
  }

  size_t size() const { return lines_.size(); }

  std::vector<int64_t> Sequences() const {
    std::vector<int64_t> sequences;
    simdjson::dom::parser parser;
    for (const std::string& line : lines_) {
      const simdjson::dom::element row = parser.parse(line);
      if (int64_t sequence; row["metadata"]["seq"].get(sequence) == simdjson::SUCCESS) {
        sequences.push_back(sequence);
      } else {
        sequences.push_back(std::strtoll(TextOf(row["metadata.seq"]).c_str(), nullptr, 10));
      }
    }
    return sequences;
  }

  // Each row's values, in a form that expected values are brought to as well.
  std::vector<std::vector<std::string>> Values() const {
    std::vector<std::vector<std::string>> rows;
    simdjson::dom::parser parser;
    for (const std::string& line : lines_) {
      std::vector<std::string> row;
      const simdjson::dom::object object = parser.parse(line);
      for (const auto [key, value] : object) row.push_back(Canonical(key == "_time", value));
      std::sort(row.begin(), row.end());
      rows.push_back(std::move(row));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  static std::string Canonical(bool is_time, simdjson::dom::element value) {
    std::string text;
    if (value.is_string()) {
      text = TextOf(value);
    } else {
      text = simdjson::to_string(value);
    }
    if (is_time) return std::to_string(*base::ParseRfc3339(text) / 1'000'000);
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (!text.empty() && *end == '\0') return std::to_string(number);
    return text;
  }

  double us = 0;

 private:
  std::string ndjson_;
  std::vector<std::string> lines_;
};

std::vector<std::vector<std::string>> ExpectedRows(simdjson::dom::array expected) {
  std::vector<std::vector<std::string>> rows;
  for (const simdjson::dom::array values : expected) {
    std::vector<std::string> row;
    for (const simdjson::dom::element value : values)
      row.push_back(Answer::Canonical(false, value));
    std::sort(row.begin(), row.end());
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

void Check(simdjson::dom::element query, const Answer& answer) {
  const std::string_view kind = query["kind"];
  if (kind == "count") {
    REQUIRE(answer.size() == 1);
    const std::string expected = Answer::Canonical(false, query["expected"]);
    CHECK(answer.Values()[0][0] == expected);
    return;
  }
  if (kind == "rows" || kind == "rows_pct") {
    auto values = answer.Values();
    auto expected = ExpectedRows(query["expected"]);
    // Times are numbers of milliseconds on the expected side.
    for (auto& row : values)
      for (std::string& value : row)
        if (!value.empty() && value.find_first_not_of("0123456789") == std::string::npos)
          value = std::to_string(std::strtod(value.c_str(), nullptr));
    for (auto& row : values) std::sort(row.begin(), row.end());
    std::sort(values.begin(), values.end());
    CHECK(values == expected);
    return;
  }
  std::vector<int64_t> sequences = answer.Sequences();
  if (kind == "export") {
    int64_t sum = 0, combined = 0;
    for (const int64_t sequence : sequences) sum += sequence, combined ^= sequence;
    std::vector<std::string> expected;
    for (const simdjson::dom::element value : query["expected"].get_array())
      expected.push_back(Answer::Canonical(false, value));
    CHECK(std::to_string(static_cast<double>(sequences.size())) == expected[0]);
    CHECK(std::to_string(static_cast<double>(sum)) == expected[1]);
    CHECK(std::to_string(static_cast<double>(combined)) == expected[2]);
    return;
  }
  std::vector<int64_t> expected;
  for (const int64_t value : query["expected"].get_array()) expected.push_back(value);
  std::sort(sequences.begin(), sequences.end());
  std::sort(expected.begin(), expected.end());
  if (kind == "seqs") {
    CHECK(sequences == expected);
    return;
  }
  REQUIRE(kind == "seqs_tie");
  // Rows with equal times may replace each other at the cut.
  std::vector<int64_t> common;
  std::set_intersection(sequences.begin(), sequences.end(), expected.begin(), expected.end(),
                        std::back_inserter(common));
  CHECK(sequences.size() == expected.size());
  CHECK(common.size() + 5 >= expected.size());
}

TEST_CASE("every query of the sample data set gives the expected answer") {
  const std::string folder = SampleFolder();
  const std::string text = ReadFile(folder + "/queries.json");
  if (text.empty()) {
    WARN("skipped: " << folder << "/queries.json is absent; set NL_SAMPLE_DIR");
    return;
  }
  const std::vector<TestRecord> records = LoadRecords(folder + "/logs-00000.ndjson.zst");
  REQUIRE(records.size() == 100'000);
  const bool is_timed = std::getenv("NL_SAMPLE_TIMES") != nullptr;
  for (const TestBlockSet::Form form : {TestBlockSet::Form::kSealed, TestBlockSet::Form::kMemory}) {
    const auto blocks = std::make_shared<const TestBlockSet>(records, 8192, form);
    simdjson::dom::parser parser;
    const simdjson::dom::element document = parser.parse(text);
    std::map<std::string, std::pair<int, double>> times;
    for (const simdjson::dom::element query : document["queries"].get_array()) {
      const std::string logsql = TextOf(query["logsql"]);
      const std::string shape = TextOf(query["shape"]);
      CAPTURE(shape, logsql);
      for (const OutputFormat format : {OutputFormat::kVictoriaLogs, OutputFormat::kNative}) {
        const Answer answer(logsql, blocks, format);
        Check(query, answer);
        auto& [count, us] = times[shape + (format == OutputFormat::kNative ? " native" : " vl")];
        ++count;
        us += answer.us;
      }
    }
    if (!is_timed) continue;
    for (const auto& [shape, time] : times)
      std::cout << shape << ": " << time.first << " queries, " << time.second / time.first
                << " us each\n";
  }
}

}  // namespace
}  // namespace neurallog::query
