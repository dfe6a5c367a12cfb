// `rules backtest`, `import` and `export`: what a server, or a data folder, does with rules.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "base/json_text.h"
#include "base/json_value.h"
#include "cli/admin.h"
#include "cli/rule_files.h"
#include "cli/rules_work.h"
#include "cli/terminal.h"

namespace neurallog::cli {
namespace {

using base::JsonValue;

constexpr std::chrono::milliseconds kBacktestPollPause{100};

std::string Quoted(std::string_view text) {
  std::string json;
  base::AppendJsonString(&json, text);
  return json;
}

http::ClientRequest MakeRequest(std::string method, std::string url, std::string body = {}) {
  http::ClientRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = std::move(body);
  return request;
}

Result<JsonValue> FetchJson(LogSource* source, http::ClientRequest request) {
  NL_TRY(const http::ClientResponse response, source->Fetch(std::move(request)));
  return base::ParseJson(response.body);
}

Result<std::string> BacktestBody(const BacktestArguments& arguments) {
  NL_TRY(const std::vector<RuleFile> files, ReadRuleFiles(arguments.files));
  std::string body = "{\"ids\":[";
  for (const std::string& id : arguments.ids)
    body.append(body.back() == '[' ? "" : ",").append(Quoted(id));
  body.append("],\"rules\":[");
  for (const RuleFile& file : files)
    body.append(body.back() == '[' ? "" : ",").append(Quoted(file.text));
  body.push_back(']');
  for (const auto& [name, value] : {std::pair("start", &arguments.start),
                                    {"end", &arguments.end},
                                    {"step", &arguments.step},
                                    {"samples", &arguments.samples}})
    if (!value->empty()) body.append(fmt::format(",\"{}\":{}", name, Quoted(*value)));
  return body.append("}");
}

// Waits for the job's end, which Ctrl-C brings about.
Result<JsonValue> WaitFor(LogSource* source, const std::string& place) {
  Progress progress;
  for (;;) {
    NL_TRY(JsonValue job, FetchJson(source, MakeRequest("GET", place)));
    NL_TRY(const std::string state, job.String("state"));
    NL_TRY(const uint64_t rows, job.Unsigned("rows_read"));
    NL_TRY(const uint64_t matches, job.Unsigned("matches"));
    if (state == "done") return job;
    if (state == "failed" || state == "cancelled") {
      NL_TRY(const std::string error, job.String("error"));
      return Unavailable("the backtest has ended: " + error);
    }
    if (Interrupted()) {
      NL_RETURN_IF_ERROR(source->Fetch(MakeRequest("DELETE", place)).status());
      return Cancelled("the backtest was cancelled");
    }
    progress.Show(fmt::format("{}: {} records, {} matches", state, rows, matches));
    std::this_thread::sleep_for(kBacktestPollPause);
  }
}

// A row for the rule, for each of its buckets, or for each of its samples.
Status AppendRows(const JsonValue& rule, const std::string& show, std::string* rows) {
  NL_TRY(const std::string name, rule.String("name"));
  if (show == "rules") {
    std::string row;
    for (const char* const member : {"id", "name", "type", "severity"}) {
      NL_TRY(const std::string text, rule.String(member));
      row.append(fmt::format(",\"{}\":{}", member, Quoted(text)));
    }
    for (const char* const member : {"matches", "suppressed"}) {
      NL_TRY(const uint64_t number, rule.Unsigned(member));
      row.append(fmt::format(",\"{}\":{}", member, number));
    }
    row.front() = '{';
    rows->append(row).append("}\n");
    return {};
  }
  NL_TRY(const JsonValue* const shown, rule.Array(show));
  for (const JsonValue& item : shown->items()) {
    if (show == "samples") {
      rows->append(base::ToJson(item)).append("\n");
      continue;
    }
    NL_TRY(const std::string start, item.String("start"));
    NL_TRY(const uint64_t matches, item.Unsigned("matches"));
    rows->append(fmt::format("{{\"name\":{},\"start\":{},\"matches\":{}}}\n", Quoted(name),
                             Quoted(start), matches));
  }
  return {};
}

Status Backtest(const LogTarget& target, const BacktestArguments& arguments,
                const OutputOptions& output) {
  NL_TRY(std::string body, BacktestBody(arguments));
  NL_TRY(const auto source, LogSource::Open(target));
  NL_TRY(const JsonValue begun,
         FetchJson(source.get(), MakeRequest("POST", "/v1/rules:backtest", std::move(body))));
  NL_TRY(const std::string id, begun.String("id"));
  CatchInterrupts();
  NL_TRY(const JsonValue job, WaitFor(source.get(), "/v1/backtests/" + id));
  NL_TRY(const JsonValue* const rules, job.Array("rules"));
  const auto printer = RowPrinter::Make(output, stdout);
  for (const JsonValue& rule : rules->items()) {
    std::string rows;
    NL_RETURN_IF_ERROR(AppendRows(rule, arguments.show, &rows));
    if (!printer->Take(rows)) break;
  }
  printer->Finish();
  NL_TRY(const uint64_t rows, job.Unsigned("rows_read"));
  NL_TRY(const uint64_t matches, job.Unsigned("matches"));
  Note(fmt::format("{} records, {} matches, {} s of work for a million records", rows, matches,
                   job.Find("seconds_per_million_rows")->text()));
  return printer->status();
}

std::string PackPlace(const std::string& pack) { return "/v1/packs/" + pack; }

Status Subscribe(const LogTarget& target, const std::string& pack,
                 const std::vector<std::string>& without) {
  std::string body = "{\"disabled\":[";
  for (const std::string& id : without)
    body.append(body.back() == '[' ? "" : ",").append(Quoted(id));
  NL_TRY(const auto source, LogSource::Open(target));
  return source->Fetch(MakeRequest("PUT", PackPlace(pack) + "/subscription", body.append("]}")))
      .status();
}

Status Unsubscribe(const LogTarget& target, const std::string& pack) {
  NL_TRY(const auto source, LogSource::Open(target));
  return source->Fetch(MakeRequest("DELETE", PackPlace(pack) + "/subscription")).status();
}

Status ShowPacks(const LogTarget& target, const OutputOptions& output) {
  NL_TRY(const auto source, LogSource::Open(target));
  NL_TRY(const JsonValue report, FetchJson(source.get(), MakeRequest("GET", "/v1/packs")));
  NL_TRY(const JsonValue* const packs, report.Array("packs"));
  const auto printer = RowPrinter::Make(output, stdout);
  for (const JsonValue& pack : packs->items())
    if (!printer->Take(base::ToJson(pack).append("\n"))) break;
  printer->Finish();
  return printer->status();
}

// The files as one text, and where each begins in it.
struct ImportText {
  struct Part {
    uint64_t line;  // its first
    std::string path;
  };
  std::string text;
  std::vector<Part> parts;

  void Add(const RuleFile& file) {
    text.append("---\n");
    parts.push_back({++lines_ + 1, file.path});
    const size_t begin = text.size();
    text.append(file.text);
    if (!text.ends_with('\n')) text.push_back('\n');
    lines_ += static_cast<uint64_t>(
        std::count(text.begin() + static_cast<ptrdiff_t>(begin), text.end(), '\n'));
  }
  std::string PlaceOf(uint64_t line) const {
    const Part* part = &parts.front();
    for (const Part& other : parts)
      if (other.line <= line) part = &other;
    return fmt::format("{}:{}", part->path, line < part->line ? 1 : line - part->line + 1);
  }

 private:
  uint64_t lines_ = 0;
};

Status PrintProblems(const JsonValue& rule, const ImportText& text) {
  NL_TRY(const std::string state, rule.String("state"));
  if (state != "failed") return {};
  NL_TRY(const uint64_t line, rule.Unsigned("line"));
  NL_TRY(const JsonValue* const errors, rule.Array("errors"));
  for (const JsonValue& error : errors->items()) {
    NL_TRY(const uint64_t at, error.Unsigned("line"));
    NL_TRY(const uint64_t column, error.Unsigned("column"));
    NL_TRY(const std::string message, error.String("message"));
    fmt::print("{}:{}: {}\n", text.PlaceOf(at == 0 ? line : at), column, message);
  }
  if (!errors->items().empty()) return {};
  NL_TRY(const std::string reason, rule.String("reason"));
  fmt::print("{}: {}\n", text.PlaceOf(line), reason);
  return {};
}

// True: all documents are well.
Result<bool> Import(const LogTarget& target, const std::vector<std::string>& paths,
                    const std::string& pack, bool dry_run) {
  NL_TRY(const std::vector<RuleFile> files, ReadRuleFiles(paths));
  ImportText text;
  for (const RuleFile& file : files) text.Add(file);
  if (files.empty()) return InvalidArgument("there are no files of rules");
  NL_TRY(const auto source, LogSource::Open(target));
  std::string place = pack.empty() ? "/v1/rules:import" : PackPlace(pack);
  if (dry_run) place.append("?dry_run=1");
  NL_TRY(const JsonValue report,
         FetchJson(source.get(), MakeRequest(pack.empty() ? "POST" : "PUT", place, text.text)));
  NL_TRY(const JsonValue* const rules, report.Array("rules"));
  for (const JsonValue& rule : rules->items()) NL_RETURN_IF_ERROR(PrintProblems(rule, text));
  NL_TRY(const uint64_t compiled, report.Unsigned("compiled"));
  NL_TRY(const uint64_t needs_lists, report.Unsigned("needs_lists"));
  NL_TRY(const uint64_t failed, report.Unsigned("failed"));
  fmt::print("{} rules {}, {} of them wait for lists, {} failed\n", compiled + needs_lists,
             dry_run ? "would be imported" : "imported", needs_lists, failed);
  return failed == 0;
}

Status Export(const LogTarget& target, const std::string& path) {
  NL_TRY(const auto source, LogSource::Open(target));
  NL_TRY(const http::ClientResponse response,
         source->Fetch(MakeRequest("GET", "/v1/rules:export")));
  if (path.empty()) {
    std::fwrite(response.body.data(), 1, response.body.size(), stdout);
    return std::fflush(stdout) == 0 ? Status() : IoError("the rules cannot be written");
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << response.body << std::flush;
  return file.good() ? Status() : IoError(path + ": cannot be written");
}

}  // namespace

int BacktestRules(const LogTarget& target, const BacktestArguments& arguments,
                  const OutputOptions& output) {
  return Finish(Backtest(target, arguments, output));
}

int ImportRules(const LogTarget& target, const std::vector<std::string>& files,
                const std::string& pack, bool dry_run) {
  return FinishCheck(Import(target, files, pack, dry_run));
}

int SubscribeToPack(const LogTarget& target, const std::string& pack,
                    const std::vector<std::string>& without) {
  return Finish(Subscribe(target, pack, without));
}

int UnsubscribeFromPack(const LogTarget& target, const std::string& pack) {
  return Finish(Unsubscribe(target, pack));
}

int ListPacks(const LogTarget& target, const OutputOptions& output) {
  return Finish(ShowPacks(target, output));
}

int ExportRules(const LogTarget& target, const std::string& file) {
  return Finish(Export(target, file));
}

}  // namespace neurallog::cli
