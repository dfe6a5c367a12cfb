// What the commands that read and write logs do. Each returns the exit code: 0 done, 1 failed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/log_source.h"
#include "cli/row_printer.h"

namespace neurallog::cli {

struct SearchOptions {
  std::string query;
  std::string start, end, limit, order, timeout;  // as the server takes them; empty: its default
};
int Query(const LogTarget& target, const SearchOptions& search, const OutputOptions& output);
int Query(LogSource* source, const SearchOptions& search, const OutputOptions& output);

struct StatsOptions {
  SearchOptions search;
  std::vector<std::string> by = {"level"};
  std::string function = "count()";
};
int Stats(const LogTarget& target, const StatsOptions& stats, const OutputOptions& output);

struct TailOptions {
  std::string query;
  std::string start, cursor;
  uint64_t events_max = 0;  // ends after so many; 0: never
  int retries = 10;         // in a row, when the connection breaks
};
int Tail(const LogTarget& target, const TailOptions& tail, const OutputOptions& output);

struct ExportOptions {
  SearchOptions search;
  OutputForm form = OutputForm::kAuto;  // kAuto: by the file's name, else NDJSON
  std::string file;                     // empty: standard output; .gz and .zst compress
  std::string after;                    // begins behind this time; empty: at the beginning
  bool resume = true;
  uint64_t page_records = 50'000;
  int retries = 10;  // of a page
};
int Export(const LogTarget& target, const ExportOptions& options);

struct ImportOptions {
  std::vector<std::string> files;  // "-": standard input
  std::string format;              // ndjson, csv, text; empty: by name and first byte
  std::string source;              // for records that have none
  uint64_t batch_records = 1000;
  int retries = 10;  // of a batch
  bool resume = true;
};
int Import(const LogTarget& target, const ImportOptions& options);

// The prompt of `neurallog query` without a query.
int Prompt(const LogTarget& target, const SearchOptions& defaults, const OutputOptions& output);

// name=value&..., percent-encoded; empty values are left out.
std::string FormEncode(const std::vector<std::pair<std::string, std::string>>& pairs);
// A request that sends the pairs as a form.
http::ClientRequest FormRequest(const std::string& path,
                                const std::vector<std::pair<std::string, std::string>>& pairs);
// The exit code. An error goes to stderr, with the place in the query when it names one.
int FinishQuery(const Status& status, const std::string& query);
// Says on stderr that records lie in damaged blocks, when the answer says so.
void NoteDamage(const http::ClientResponse& response);

}  // namespace neurallog::cli
