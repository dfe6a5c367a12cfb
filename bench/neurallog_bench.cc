// The load tool. One operation per run, one JSON line as the result.
//
//   ingest   POST batches: --file X.ndjson (with X.ndjson.idx beside it; may be given again), or
//   --builtin BATCH made-up records single   POST one 300-byte log per request: what agents without
//   batching do (64 connections unless told otherwise) query    POST --query TEXT (may be given
//   again: they take turns) as a form, with any --param NAME=VALUE; or with --forms FILE its lines,
//   which are forms, in turn
//
// For every operation:
//   --url URL               http://HOST:PORT/path, numeric host or localhost; default
//   http://127.0.0.1:8080 and the operation's native path
//   --connections N         4; 64 for single; 1 for query
//   --seconds S             stop after S seconds; else when the file ends. single, query and
//   --builtin need --seconds or --batches
//   --batches N             stop after N requests
//   --rate R                open loop: R logs (queries) per second; latency counts from the
//   scheduled time
//   --header NAME:VALUE     may be given again
//   --pid PID               account for the server process: CPU, memory, bytes written
//   --data-dir DIR          and for its files
//   --settle S              wait S seconds after the last answer, then account again (sealing,
//   compaction)
// For ingest and single:
//   --journal FILE          append "first_seq count" for every request that was answered with 2xx,
//   one write each
// For ingest --file:
//   --tenant-header NAME    send the batch's tenant, as t00042, in this header
//   --gzip yes|no           compress the bodies before the run; default no
//
// Exit code: 0 the run is complete, 1 it ended early or had answers that are not 2xx, 2 wrong
// usage.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <thread>

#include "base/json_text.h"
#include "load_loop.h"
#include "server_probe.h"
#include "workloads.h"

namespace neurallog::bench {
namespace {

struct Options {
  std::string operation;
  std::string url;
  LoopOptions loop;
  uint64_t batches = 0;
  int builtin = 0;
  std::vector<std::string> files;
  std::vector<std::string> queries;
  std::vector<std::string> parameters;
  std::vector<std::string> headers;
  std::string tenant_header;
  std::string journal;
  std::string forms;
  std::string data_dir;
  int pid = 0;
  double settle = 0;
  bool gzip = false;
};

template <typename Number>
Status ReadNumber(const std::string& name, const std::string& text, Number min, Number max,
                  Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  if (error == std::errc() && end == text.data() + text.size() && *number >= min && *number <= max)
    return Status::Ok();
  return InvalidArgument(
      fmt::format("{}: expected a number from {} to {}, got \"{}\"", name, min, max, text));
}

Status ReadHeader(const std::string& text, std::vector<std::string>* headers) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos)
    return InvalidArgument(fmt::format("--header: expected NAME:VALUE, got \"{}\"", text));
  const size_t value = std::min(text.find_first_not_of(' ', colon + 1), text.size());
  headers->push_back(fmt::format("{}: {}", text.substr(0, colon), text.substr(value)));
  return Status::Ok();
}

Status ReadYesNo(const std::string& name, const std::string& text, bool* value) {
  if (text != "yes" && text != "no")
    return InvalidArgument(fmt::format("{}: expected yes or no, got \"{}\"", name, text));
  *value = text == "yes";
  return Status::Ok();
}

Status ReadOption(const std::string& name, const std::string& value, Options* options) {
  static constexpr double kSecondsMax = 1e7;
  static constexpr int kConnectionsMax = 50'000;
  static constexpr int kBuiltinMax = 100'000;
  const std::map<std::string_view, std::string*> texts = {
      {"--url", &options->url},
      {"--tenant-header", &options->tenant_header},
      {"--journal", &options->journal},
      {"--forms", &options->forms},
      {"--data-dir", &options->data_dir}};
  const std::map<std::string_view, std::vector<std::string>*> lists = {
      {"--file", &options->files},
      {"--query", &options->queries},
      {"--param", &options->parameters}};
  LoopOptions& loop = options->loop;
  if (const auto text = texts.find(name); text != texts.end()) {
    *text->second = value;
    return Status::Ok();
  }
  if (const auto list = lists.find(name); list != lists.end()) {
    list->second->push_back(value);
    return Status::Ok();
  }
  if (name == "--connections")
    return ReadNumber(name, value, 1, kConnectionsMax, &loop.connections);
  if (name == "--rate") return ReadNumber(name, value, 0.001, 1e9, &loop.logs_per_s);
  if (name == "--seconds") return ReadNumber(name, value, 0.001, kSecondsMax, &loop.seconds);
  if (name == "--settle") return ReadNumber(name, value, 0.0, kSecondsMax, &options->settle);
  if (name == "--batches")
    return ReadNumber<uint64_t>(name, value, 1, UINT64_MAX, &options->batches);
  if (name == "--builtin") return ReadNumber(name, value, 1, kBuiltinMax, &options->builtin);
  if (name == "--pid") return ReadNumber(name, value, 1, 1 << 22, &options->pid);
  if (name == "--gzip") return ReadYesNo(name, value, &options->gzip);
  if (name == "--header") return ReadHeader(value, &options->headers);
  return InvalidArgument(fmt::format("{}: unknown option", name));
}

Status CheckOptions(const Options& options) {
  const bool is_ingest = options.operation == "ingest";
  const bool has_end = options.loop.seconds > 0 || options.batches > 0;
  if (is_ingest == (options.files.empty() && options.builtin == 0))
    return InvalidArgument(is_ingest ? "ingest: expected --file or --builtin"
                                     : "--file and --builtin are for ingest");
  if (!options.files.empty() && options.builtin != 0)
    return InvalidArgument("ingest: expected --file or --builtin, not both");
  const bool has_queries = !options.queries.empty() || !options.forms.empty();
  if ((options.operation == "query") != has_queries)
    return InvalidArgument("--query and --forms are for query, which needs one of them");
  if (options.files.empty() && (options.gzip || !options.tenant_header.empty()))
    return InvalidArgument("--gzip and --tenant-header are for --file");
  if (options.files.empty() && !has_end) return InvalidArgument("expected --seconds or --batches");
  return Status::Ok();
}

Result<Options> ReadArguments(int argc, char** argv) {
  Options options;
  options.operation = argc > 1 ? argv[1] : "";
  if (options.operation == "ingest") {
    options.url = "http://127.0.0.1:8080/v1/logs";
  } else if (options.operation == "single") {
    options.url = "http://127.0.0.1:8080/v1/logs";
    options.loop.connections = 64;
  } else if (options.operation == "query") {
    options.url = "http://127.0.0.1:8080/select/logsql/query";
    options.loop.connections = 1;
  } else {
    return InvalidArgument("expected an operation: ingest, single or query");
  }
  for (int i = 2; i < argc; i += 2) {
    if (i + 1 == argc) return InvalidArgument(fmt::format("{}: expected a value", argv[i]));
    NL_RETURN_IF_ERROR(ReadOption(argv[i], argv[i + 1], &options));
  }
  NL_RETURN_IF_ERROR(CheckOptions(options));
  return options;
}

Result<std::vector<std::string>> ReadForms(const Options& options) {
  std::vector<std::string> forms;
  for (const std::string& query : options.queries)
    forms.push_back(FormOf(query, options.parameters));
  if (options.forms.empty()) return forms;
  std::ifstream file(options.forms);
  for (std::string line; std::getline(file, line);) forms.push_back(line);
  if (!file.eof() || forms.empty())
    return InvalidArgument(fmt::format("--forms: {} cannot be read or is empty", options.forms));
  return forms;
}

Result<std::unique_ptr<CountingWorkload>> MakeWorkload(const Options& options,
                                                       const Endpoint& endpoint) {
  const RequestHead head{endpoint.target, endpoint.authority, options.headers};
  if (options.operation == "query") {
    NL_TRY(const std::vector<std::string> forms, ReadForms(options));
    return QueryWorkload(head, forms, options.batches);
  }
  if (options.operation == "single")
    return BuiltinWorkload(head, options.loop.connections, 1, options.batches);
  if (options.builtin > 0)
    return BuiltinWorkload(head, options.loop.connections, options.builtin, options.batches);
  return FileWorkload(head, {options.files, options.batches, options.tenant_header, options.gzip});
}

double ClientCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// One flat JSON object, in the order of the calls.
class ReportLine {
 public:
  void Text(std::string_view name, std::string_view value) {
    Name(name);
    base::AppendJsonString(&text_, value);
  }
  void Count(std::string_view name, uint64_t value) {
    Name(name);
    text_.append(std::to_string(value));
  }
  void Number(std::string_view name, double value, int digits) {
    Name(name);
    text_.append(std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "null");
  }
  void Raw(std::string_view name, std::string_view json) {
    Name(name);
    text_.append(json);
  }
  std::string Finish(std::string_view end = "}\n") { return text_.append(end); }

 private:
  void Name(std::string_view name) {
    if (text_.size() > 1) text_.push_back(',');
    base::AppendJsonString(&text_, name);
    text_.push_back(':');
  }
  std::string text_ = "{";
};

std::string StatusesJson(const std::map<int, uint64_t>& statuses) {
  ReportLine line;
  for (const auto& [status, count] : statuses) line.Count(std::to_string(status), count);
  return line.Finish(/*end=*/"}");
}

std::string LatencyJson(const HdrHistogram& latency) {
  ReportLine line;
  const auto add = [&](std::string_view name, int64_t ns) {
    line.Number(name, static_cast<double>(ns) * 1e-6, 3);
  };
  add("p50", latency.Quantile(0.5));
  add("p90", latency.Quantile(0.9));
  add("p95", latency.Quantile(0.95));
  add("p99", latency.Quantile(0.99));
  add("p99_9", latency.Quantile(0.999));
  add("max", latency.max_ns());
  return line.Finish(/*end=*/"}");
}

// What the server did between two looks at it.
void ReportUsage(const Options& options, const ServerUsage& before, const ServerUsage& after,
                 double operations, std::string_view suffix, ReportLine* line) {
  const auto name = [&](std::string_view text) { return std::string(text).append(suffix); };
  if (options.pid > 0) {
    const double cpu_s = after.cpu_s - before.cpu_s;
    const double written =
        static_cast<double>(after.written_bytes) - static_cast<double>(before.written_bytes);
    line->Number(name("server_cpu_s"), cpu_s, 3);
    line->Number(name(options.operation == "query" ? "us_per_query" : "us_per_log"),
                 cpu_s * 1e6 / operations, 3);
    line->Count(name("rss_mb"), after.rss_bytes >> 20);
    line->Count(name("rss_peak_mb"), after.rss_peak_bytes >> 20);
    line->Number(name("written_mb"), written / 1e6, 1);
    if (options.operation != "query")
      line->Number(name("written_bytes_per_log"), written / operations, 1);
  }
  if (!options.data_dir.empty()) {
    const double grown =
        static_cast<double>(after.disk_bytes) - static_cast<double>(before.disk_bytes);
    line->Count(name("disk_bytes"), after.disk_bytes);
    if (options.operation != "query")
      line->Number(name("disk_bytes_per_log"), grown / operations, 1);
  }
}

void ReportCounts(const Options& options, const CountingWorkload::Totals& totals,
                  const LoopResult& loop, ReportLine* line) {
  const bool is_query = options.operation == "query";
  const double wall_s = static_cast<double>(loop.finished_ns - loop.started_ns) * 1e-9;
  const uint64_t moved_bytes = is_query ? totals.answer_bytes : totals.bytes;
  line->Text("operation", options.operation);
  line->Text("url", options.url);
  line->Count("connections", static_cast<uint64_t>(options.loop.connections));
  line->Number("wall_s", wall_s, 3);
  line->Count("requests", totals.answers);
  line->Count(is_query ? "queries" : "logs", totals.logs);
  line->Number(is_query ? "queries_per_s" : "logs_per_s", static_cast<double>(totals.logs) / wall_s,
               is_query ? 1 : 0);
  line->Number("requests_per_s", static_cast<double>(totals.answers) / wall_s, 0);
  line->Number("mb_per_s", static_cast<double>(moved_bytes) / 1e6 / wall_s, 2);
  line->Count(is_query ? "answer_bytes" : "body_bytes", moved_bytes);
  if (is_query) line->Count("answer_lines", totals.answer_lines);
  line->Raw("statuses", StatusesJson(totals.statuses));
  line->Count("lost", totals.lost);
  line->Count("reconnects", loop.reconnects);
  if (options.loop.logs_per_s > 0) line->Number("behind", loop.logs_behind, 0);
  line->Raw("latency_ms", LatencyJson(totals.latency));
}

Result<bool> Run(const Options& options) {
  NL_TRY(const Endpoint endpoint, ParseUrl(options.url));
  NL_TRY(const std::unique_ptr<CountingWorkload> workload, MakeWorkload(options, endpoint));
  if (!options.journal.empty()) NL_RETURN_IF_ERROR(workload->OpenJournal(options.journal));

  const ServerUsage before = ReadServerUsage(options.pid, options.data_dir);
  const double client_before_s = ClientCpuSeconds();
  NL_TRY(const LoopResult loop, RunLoop(endpoint, options.loop, workload.get()));
  const double client_cpu_s = ClientCpuSeconds() - client_before_s;
  const ServerUsage after = ReadServerUsage(options.pid, options.data_dir);

  const CountingWorkload::Totals& totals = workload->totals();
  const auto operations = static_cast<double>(totals.logs);
  ReportLine line;
  ReportCounts(options, totals, loop, &line);
  ReportUsage(options, before, after, operations, "", &line);
  if (options.settle > 0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(options.settle));
    const ServerUsage settled = ReadServerUsage(options.pid, options.data_dir);
    ReportUsage(options, before, settled, operations, "_settled", &line);
  }
  line.Number("client_cpu_s", client_cpu_s, 3);
  if (!totals.first_bad.empty()) line.Text("first_bad", totals.first_bad);
  if (!loop.error.empty()) line.Text("error", loop.error);
  std::fputs(line.Finish().c_str(), stdout);
  return loop.error.empty() && totals.first_bad.empty() && totals.lost == 0;
}

}  // namespace
}  // namespace neurallog::bench

int main(int argc, char** argv) {
  const auto options = neurallog::bench::ReadArguments(argc, argv);
  if (!options.ok()) {
    std::fprintf(stderr, "neurallog_bench: %s\n(options: bench/README.md)\n",
                 std::string(options.status().message()).c_str());
    return 2;
  }
  const auto complete = neurallog::bench::Run(*options);
  if (!complete.ok()) {
    std::fprintf(stderr, "neurallog_bench: %s\n", complete.status().ToString().c_str());
    return complete.status().code() == neurallog::Code::kInvalidArgument ? 2 : 1;
  }
  return *complete ? 0 : 1;
}
