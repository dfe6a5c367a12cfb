#include "workloads.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace neurallog::bench {

std::string RequestHead::Text(std::string_view content_type) const {
  std::string text = fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\n", target,
                                 authority, content_type);
  for (const std::string& header : headers) text.append(header).append("\r\n");
  return text;
}

iovec Part(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

CountingWorkload::~CountingWorkload() {
  if (journal_ >= 0) close(journal_);
}

Status CountingWorkload::OpenJournal(const std::string& path) {
  journal_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return journal_ >= 0 ? Status::Ok() : IoError(fmt::format("{}: {}", path, std::strerror(errno)));
}

bool CountingWorkload::Next(int connection, Request* request) {
  if (requests_max_ > 0 && requests_ == requests_max_) return false;
  ++requests_;
  return Fill(connection, request);
}

void CountingWorkload::OnAnswer(const Request& request, const AnswerParser& answer,
                                int64_t latency_ns) {
  ++totals_.answers;
  ++totals_.statuses[answer.status()];
  totals_.latency.Record(latency_ns);
  totals_.answer_bytes += answer.body_bytes();
  totals_.answer_lines += answer.body_lines();
  if (answer.status() / 100 != 2) {
    if (totals_.first_bad.empty())
      totals_.first_bad = fmt::format("{} {}", answer.status(), answer.body_head());
    return;
  }
  totals_.logs += request.logs;
  totals_.bytes += request.body_bytes;
  if (journal_ < 0) return;
  char line[48];
  const auto end = fmt::format_to_n(line, sizeof line, "{} {}\n", request.first_seq, request.logs);
  if (write(journal_, line, end.size) != static_cast<ssize_t>(end.size)) {
    std::perror("journal");
    std::abort();  // a journal with holes would accuse the server
  }
}

void CountingWorkload::OnLost(const Request&) { ++totals_.lost; }

}  // namespace neurallog::bench
