// `rules lint` and `rules test`: what can be said of rules without a server.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/json_text.h"
#include "cli/admin.h"
#include "cli/input_file.h"
#include "cli/record_reader.h"
#include "cli/rule_files.h"
#include "cli/rules_work.h"
#include "cli/terminal.h"
#include "detection/replay.h"
#include "detection/split_documents.h"
#include "ingest/decoder_json.h"
#include "rules/rule_tests.h"

namespace neurallog::cli {
namespace {

constexpr size_t kChunkBytes = 1 << 20;  // of records that are read at a time

// A problem, and where: the path and a place in it.
struct Finding {
  std::string path;
  rules::Problem problem;
};

std::string PlaceOf(const std::string& path, const rules::Position& at) {
  return at.line == 0 ? path : fmt::format("{}:{}:{}", path, at.line, at.column);
}

// {"name":["a","b"],...} in YAML or JSON.
Result<rules::Lists> ReadLists(const std::string& path) {
  rules::Lists lists;
  if (path.empty()) return lists;
  NL_TRY(const std::vector<RuleFile> files, ReadRuleFiles({path}));
  const rules::Documents read = rules::ParseDocuments(files[0].text, {});
  if (!read.problems.empty()) return InvalidArgument(path + ":" + ToString(read.problems[0]));
  if (read.documents.size() != 1 || !read.documents[0].is_map())
    return InvalidArgument(path + ": expected a map of lists");
  for (size_t i = 0; i < read.documents[0].items.size(); ++i) {
    std::vector<std::string>& list = lists[read.documents[0].keys[i].text];
    for (const rules::Node& value : read.documents[0].items[i].items) list.push_back(value.text);
  }
  return lists;
}

class Linter {
 public:
  explicit Linter(const rules::Lists& lists) { options_.lists = &lists; }

  void Add(const RuleFile& file) {
    std::vector<rules::Parsed> parsed = rules::ParseRules(file.text, options_);
    if (parsed.empty()) findings_.push_back({file.path, {{}, "there is no rule in it"}});
    for (rules::Parsed& one : parsed) Add(file.path, std::move(one));
  }

  // What shows only when all rules are there.
  std::vector<Finding> Finish() {
    std::vector<rules::RulePlan::LeftOut> left_out;
    for (const Place& place : of_correlations_) places_.push_back(place);
    const auto plan = rules::RulePlan::Make(std::move(rules_), correlations_, &left_out);
    for (const auto& each : left_out) Report(places_[each.rule], each.reason);
    rules::CompileReport report;
    rules::RuleSet::Compile(plan->inputs(), {}, {}, &report);
    for (const auto& each : report.left_out)
      for (size_t rule = 0; rule < plan->rules().size(); ++rule)
        if (&plan->rules()[rule] == plan->inputs()[each.rule]) Report(places_[rule], each.reason);
    return std::move(findings_);
  }
  size_t documents() const { return documents_; }
  size_t waiting() const { return waiting_; }

 private:
  struct Place {
    std::string path;
    rules::Position at;
  };

  void Add(const std::string& path, rules::Parsed parsed) {
    ++documents_;
    waiting_ += parsed.state() == rules::Parsed::State::kNeedsLists;
    for (rules::Problem& problem : parsed.problems) findings_.push_back({path, std::move(problem)});
    if (parsed.correlation) {
      correlations_.push_back(std::move(*parsed.correlation));
      of_correlations_.push_back({path, parsed.at});
    }
    if (!parsed.rule) return;
    rules_.push_back(std::move(*parsed.rule));
    places_.push_back({path, parsed.at});
  }
  void Report(const Place& place, const std::string& reason) {
    findings_.push_back({place.path, {place.at, reason}});
  }

  rules::ParseOptions options_;
  std::vector<Finding> findings_;
  std::vector<rules::Rule> rules_;
  std::vector<Place> places_;  // of these, then of the correlations
  std::vector<rules::Correlation> correlations_;
  std::vector<Place> of_correlations_;
  size_t documents_ = 0;
  size_t waiting_ = 0;
};

std::string RowOf(const Finding& finding) {
  std::string row = "{\"file\":";
  base::AppendJsonString(&row, finding.path);
  row.append(fmt::format(",\"line\":{},\"column\":{},\"message\":", finding.problem.at.line,
                         finding.problem.at.column));
  base::AppendJsonString(&row, finding.problem.message);
  return row.append("}\n");
}

std::string RowOf(const std::string& path, const rules::RuleTestResult& result) {
  std::string row = "{\"file\":";
  base::AppendJsonString(&row, path);
  row.append(fmt::format(",\"line\":{},\"rule\":", result.at.line));
  base::AppendJsonString(&row, result.rule);
  row.append(",\"test\":");
  base::AppendJsonString(&row, result.name);
  return row.append(fmt::format(",\"expected\":{},\"found\":{},\"passed\":{}}}\n", result.expected,
                                result.fired, result.passed()));
}

// The rows in the form that is asked for, or `lines` where none is.
Status Print(const OutputOptions& output, const std::string& rows, const std::string& lines) {
  if (output.form == OutputForm::kAuto) {
    std::fputs(lines.c_str(), stdout);
    return {};
  }
  const auto printer = RowPrinter::Make(output, stdout);
  static_cast<void>(printer->Take(rows) && printer->Finish());
  return printer->status();
}

Result<bool> Lint(const RuleFilesOptions& options, const OutputOptions& output) {
  NL_TRY(const rules::Lists lists, ReadLists(options.lists));
  NL_TRY(const std::vector<RuleFile> files, ReadRuleFiles(options.files));
  Linter linter(lists);
  for (const RuleFile& file : files) linter.Add(file);
  const std::vector<Finding> findings = linter.Finish();
  std::string rows, lines;
  for (const Finding& finding : findings) {
    rows.append(RowOf(finding));
    lines.append(fmt::format("{}: {}\n", PlaceOf(finding.path, finding.problem.at),
                             finding.problem.message));
  }
  NL_RETURN_IF_ERROR(Print(output, rows, lines));
  Note(fmt::format("{} rules in {} files, {} wait for lists, {} problems", linter.documents(),
                   files.size(), linter.waiting(), findings.size()));
  return findings.empty();
}

Result<bool> RunTests(const RuleFilesOptions& options, const OutputOptions& output) {
  NL_TRY(const rules::Lists lists, ReadLists(options.lists));
  NL_TRY(const std::vector<RuleFile> files, ReadRuleFiles(options.files));
  rules::ParseOptions parse;
  parse.lists = &lists;
  std::string rows, lines;
  size_t passed = 0, failed = 0;
  for (const RuleFile& file : files) {
    const rules::RuleTests tests = rules::RunRuleTests(file.text, parse);
    for (const rules::Problem& problem : tests.problems) {
      rows.append(RowOf(Finding{file.path, problem}));
      lines.append(fmt::format("{}: {}\n", PlaceOf(file.path, problem.at), problem.message));
    }
    failed += tests.problems.size();
    for (const rules::RuleTestResult& result : tests.results) {
      rows.append(RowOf(file.path, result));
      ++(result.passed() ? passed : failed);
      if (!result.passed())
        lines.append(fmt::format("{}: {}: {}: expected {} matches, found {}\n",
                                 PlaceOf(file.path, result.at), result.rule, result.name,
                                 result.expected, result.fired));
    }
  }
  NL_RETURN_IF_ERROR(Print(output, rows, lines));
  Note(fmt::format("{} passed, {} failed", passed, failed));
  return failed == 0;
}

// All rules of the files as those of one tenant.
Result<std::shared_ptr<const detection::CompiledRules>> CompileFiles(
    const std::vector<RuleFile>& files, const rules::Lists& lists) {
  std::map<std::string, detection::StoredRule, std::less<>> stored;
  for (const RuleFile& file : files)
    for (const detection::DocumentText& document : detection::SplitDocuments(file.text)) {
      const detection::ReadRule read = detection::ReadDocument(document.text, lists);
      detection::StoredRule rule;
      rule.id = read.info.id.empty() ? detection::IdFromName(read.info.name) : read.info.id;
      rule.version = 0;
      rule.document = document.text;
      if (!stored.emplace(rule.id, rule).second)
        return InvalidArgument(
            fmt::format("{}:{}: id \"{}\" is taken", file.path, document.line, rule.id));
    }
  auto compiled = detection::CompiledRules::Compile({stored, lists});
  for (const auto& [id, info] : compiled->infos())
    if (info.state != detection::RuleState::kReady)
      return InvalidArgument(fmt::format("rule \"{}\": {}", info.name, info.reason));
  return compiled;
}

// Shows the records of a file to rules, and prints the matches.
class RecordRun {
 public:
  RecordRun(std::shared_ptr<const detection::CompiledRules> rules, RowPrinter* printer)
      : rules_(std::move(rules)),
        printer_(printer),
        replay_(rules_, [this](const rules::Firing& firing, const detection::MatchRow& row) {
          Show(firing, row);
        }) {}

  Status Run(const std::string& path) {
    NL_TRY(const auto file, InputFile::Open(path));
    RecordReader reader(file.get());
    for (bool more = true; more;) {
      base::Buffer chunk;
      const uint64_t line = reader.lines() + 1;
      for (std::string record; chunk.size() < kChunkBytes;) {
        NL_TRY(more, reader.Next(&record));
        if (!more) break;
        record.push_back('\n');
        chunk.Append(record.data(), record.size());
      }
      if (chunk.size() > 0) NL_RETURN_IF_ERROR(Tell(chunk, line).Annotate(path));
    }
    replay_.AdvanceTo(last_ns_);
    return printer_->status();
  }
  uint64_t records() const { return records_; }
  uint64_t matches() const { return matches_; }

 private:
  Status Tell(const base::Buffer& chunk, uint64_t first_line) {
    NL_TRY(const ingest::DecodeResult decoded,
           ingest::DecodeNative(chunk, /*ndjson_hint=*/true, {}, base::Clock::System().WallNs()));
    if (!decoded.errors.empty())
      return InvalidArgument(fmt::format("record {} behind line {}: {}",
                                         decoded.errors[0].index + 1, first_line - 1,
                                         decoded.errors[0].reason));
    replay_.Tell(*decoded.batch);
    records_ += decoded.batch->rows();
    last_ns_ = std::max(last_ns_, decoded.batch->max_ns());
    return {};
  }

  void Show(const rules::Firing& firing, const detection::MatchRow& row) {
    const detection::RuleInfo& rule = rules_->of_firing(firing.rule);
    const detection::MatchId id = detection::MakeMatchId(TenantId{}, rule, firing.at_ns, firing.id);
    ++matches_;
    printer_->Take(detection::MatchJson(id, rule, firing, rules_->plan()->group_fields(firing.rule),
                                        row, base::Clock::System().WallNs())
                       .append("\n"));
  }

  const std::shared_ptr<const detection::CompiledRules> rules_;
  RowPrinter* const printer_;
  detection::Replay replay_;
  uint64_t records_ = 0;
  uint64_t matches_ = 0;
  int64_t last_ns_ = INT64_MIN;
};

Status RunRecords(const RuleFilesOptions& options, const std::string& records,
                  const OutputOptions& output) {
  NL_TRY(const rules::Lists lists, ReadLists(options.lists));
  NL_TRY(const std::vector<RuleFile> files, ReadRuleFiles(options.files));
  NL_TRY(auto compiled, CompileFiles(files, lists));
  const auto printer = RowPrinter::Make(output, stdout);
  RecordRun run(std::move(compiled), printer.get());
  NL_RETURN_IF_ERROR(run.Run(records));
  printer->Finish();
  Note(fmt::format("{} records, {} matches", run.records(), run.matches()));
  return printer->status();
}

}  // namespace

int LintRules(const RuleFilesOptions& options, const OutputOptions& output) {
  return FinishCheck(Lint(options, output));
}

int TestRules(const RuleFilesOptions& options, const std::string& records,
              const OutputOptions& output) {
  if (!records.empty()) return Finish(RunRecords(options, records, output));
  return FinishCheck(RunTests(options, output));
}

}  // namespace neurallog::cli
