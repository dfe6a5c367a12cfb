// Matching of rules against rows: compile time, and nanoseconds of CPU time per record, best of several rounds.
//
//   rules_bench RULES RECORDS.ndjson [routed|flat] [sample|guess] [rounds] [COUNTS]
//
// RULES is a YAML file (or a folder of *.yml). `flat` ignores log sources: every rule for every record. `sample`
// lets the compiler look at every 200th record. COUNTS gets a line "id matches evaluations" for each rule.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "ingest/decoder_json.h"
#include "rules/matcher.h"
#include "rules/rule_parser.h"

namespace {

using namespace neurallog;

using Batches = std::vector<std::shared_ptr<const model::RecordBatch>>;

constexpr size_t kRecordsPerBatch = 1000;
constexpr size_t kSampleStep = 200;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

double CpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::vector<rules::Rule> ReadRules(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files{path};
  if (std::filesystem::is_directory(path)) {
    files.clear();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
      if (entry.path().extension() == ".yml") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
  }
  std::vector<rules::Rule> rules;
  size_t failed = 0;
  const double start = CpuNs();
  for (const auto& file : files) {
    for (rules::Parsed& parsed : rules::ParseRules(ReadFile(file), {})) {
      failed += !parsed.rule.has_value();
      if (parsed.rule) rules.push_back(std::move(*parsed.rule));
    }
  }
  std::printf("parsed %zu rules (%zu not) in %.0f ms\n", rules.size(), failed,
              (CpuNs() - start) / 1e6);
  return rules;
}

void AddBatch(const std::string& body, Batches* batches) {
  base::Buffer buffer;
  buffer.Append(body);
  auto decoded = ingest::DecodeNative(buffer, /*ndjson_hint=*/true, ingest::DecodeLimits{}, 1);
  if (!decoded.ok()) std::exit(1);
  batches->push_back(decoded->batch);
}

Batches ReadRecords(const char* path) {
  Batches batches;
  std::ifstream file(path);
  std::string body;
  size_t lines = 0;
  for (std::string line; std::getline(file, line);) {
    body += line + "\n";
    if (++lines % kRecordsPerBatch != 0) continue;
    AddBatch(body, &batches);
    body.clear();
  }
  if (!body.empty()) AddBatch(body, &batches);
  return batches;
}

rules::Statistics Sample(const Batches& batches) {
  rules::Statistics statistics;
  size_t number = 0;
  for (const auto& batch : batches) {
    const char* row = batch->first_row();
    for (uint32_t i = 0; i < batch->rows(); ++i) {
      if (number++ % kSampleStep == 0) statistics.AddRow(*batch, row, rules::BuiltinPipeline());
      row = model::RowReader(row).next_row();
    }
  }
  return statistics;
}

struct Run {
  double ns = 0;
  uint64_t records = 0;
  uint64_t matches = 0;
};

Run MatchAll(rules::Matcher* matcher, const Batches& batches) {
  Run run;
  const double start = CpuNs();
  for (const auto& batch : batches) {
    matcher->Bind(*batch);
    const char* row = batch->first_row();
    for (uint32_t i = 0; i < batch->rows(); ++i) {
      run.matches += matcher->Match(row).size();
      row = model::RowReader(row).next_row();
    }
    run.records += batch->rows();
  }
  run.ns = CpuNs() - start;
  return run;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3)
    return std::fprintf(stderr,
                        "usage: rules_bench RULES RECORDS.ndjson [routed|flat] [sample|guess] "
                        "[rounds] [COUNTS]\n"),
           2;
  const std::vector<rules::Rule> parsed = ReadRules(argv[1]);
  const Batches batches = ReadRecords(argv[2]);
  rules::CompileOptions options;
  options.ignore_sources = argc > 3 && std::string(argv[3]) == "flat";
  rules::Statistics statistics;
  if (argc > 4 && std::string(argv[4]) == "sample") {
    statistics = Sample(batches);
    options.statistics = &statistics;
  }
  std::vector<const rules::Rule*> pointers;
  for (const rules::Rule& rule : parsed) pointers.push_back(&rule);
  rules::CompileReport report;
  const double start = CpuNs();
  const auto set = rules::RuleSet::Compile(pointers, {}, options, &report);
  std::printf(
      "compiled in %.1f ms: %zu tests, %zu groups, %zu always evaluated, %zu left out, "
      "%.1f MB\n",
      (CpuNs() - start) / 1e6, report.tests, report.groups, report.always_evaluated.size(),
      report.left_out.size(), static_cast<double>(set->memory_bytes()) / 1e6);
  rules::Matcher matcher(set);
  Run best = MatchAll(&matcher, batches);
  uint64_t evaluated = 0;
  for (uint32_t rule = 0; rule < parsed.size(); ++rule) evaluated += matcher.counts(rule).evaluated;
  if (argc > 6) {
    std::ofstream counts(argv[6]);
    for (uint32_t rule = 0; rule < parsed.size(); ++rule)
      counts << parsed[rule].id << ' ' << matcher.counts(rule).matched << ' '
             << matcher.counts(rule).evaluated << '\n';
  }
  for (int round = argc > 5 ? std::atoi(argv[5]) : 3; round > 1; --round) {
    const Run run = MatchAll(&matcher, batches);
    if (run.ns < best.ns) best = run;
  }
  const auto records = static_cast<double>(best.records);
  std::printf(
      "%.0f records, %.0f ns each, %.0f records/s, %llu matches, %.2f rules evaluated each\n",
      records, best.ns / records, records / best.ns * 1e9,
      static_cast<unsigned long long>(best.matches), static_cast<double>(evaluated) / records);
  return 0;
}
