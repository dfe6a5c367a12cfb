// Where the requests come from: batches of a file, records made up on the fly, queries.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hdr_histogram.h"
#include "load_loop.h"
#include "neurallog/status.h"

namespace neurallog::bench {

struct RequestHead {
  std::string target;
  std::string authority;
  std::vector<std::string> headers;  // "Name: value"

  // All of it but "Content-Length: ..." and the empty line.
  std::string Text(std::string_view content_type) const;
};

// Bytes that are sent as they are and must stay where they are until the answer.
iovec Part(std::string_view text);

// Counts what became of the requests; the base of every workload.
class CountingWorkload : public Workload {
 public:
  struct Totals {
    uint64_t logs = 0;   // acknowledged with 2xx
    uint64_t bytes = 0;  // their bodies, as sent
    uint64_t answers = 0;
    uint64_t lost = 0;  // requests without an answer
    uint64_t answer_bytes = 0;
    uint64_t answer_lines = 0;
    std::map<int, uint64_t> statuses;
    HdrHistogram latency;
    std::string first_bad;  // beginning of the first answer that was not 2xx
  };

  explicit CountingWorkload(uint64_t requests_max) : requests_max_(requests_max) {}
  ~CountingWorkload() override;

  // Appends "first_seq count" for each acknowledged batch, one write per line, so that the file
  // holds it when the tool is killed.
  Status OpenJournal(const std::string& path);
  const Totals& totals() const { return totals_; }

  bool Next(int connection, Request* request) final;
  void OnAnswer(const Request& request, const AnswerParser& answer, int64_t latency_ns) override;
  void OnLost(const Request& request) override;

 private:
  virtual bool Fill(int connection, Request* request) = 0;

  const uint64_t requests_max_;  // 0: no bound
  uint64_t requests_ = 0;
  int journal_ = -1;
  Totals totals_;
};

// Batches of X.ndjson as X.ndjson.idx cuts it (tools/loggen), read into memory by the constructor's
// caller before the run.
struct FileOptions {
  std::vector<std::string> files;
  uint64_t batches_max = 0;        // 0: all
  std::string tenant_header = {};  // not empty: "<header>: t00042" with the batch's tenant
  bool gzip = false;               // bodies are compressed before the run
};
Result<std::unique_ptr<CountingWorkload>> FileWorkload(const RequestHead& head,
                                                       const FileOptions& options);

// Requests of `batch` records of about 300 bytes: NDJSON, or one JSON object when `batch` is 1.
// Sequence number, time and trace id are new in every record; the rest comes from a fixed seed.
std::unique_ptr<CountingWorkload> BuiltinWorkload(const RequestHead& head, int connections,
                                                  int batch, uint64_t requests_max);

// POST with forms as bodies, which take turns.
std::unique_ptr<CountingWorkload> QueryWorkload(const RequestHead& head,
                                                const std::vector<std::string>& forms,
                                                uint64_t requests_max);
// A query and parameters, NAME=VALUE, as a form.
std::string FormOf(std::string_view query, const std::vector<std::string>& parameters);

}  // namespace neurallog::bench
