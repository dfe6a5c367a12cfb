#include "workloads.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"

namespace neurallog::bench {
namespace {

const RequestHead kHead{"/v1/logs?a=b", "127.0.0.1:8080", {"X-A: 1"}};

std::string TextOf(const Request& request) {
  std::string text;
  for (int i = 0; i < request.parts_count; ++i)
    text.append(static_cast<const char*>(request.parts[i].iov_base), request.parts[i].iov_len);
  return text;
}

std::string BodyOf(const Request& request) {
  const std::string text = TextOf(request);
  const std::string body = text.substr(text.find("\r\n\r\n") + 4);
  CHECK(text.find("Content-Length: " + std::to_string(body.size()) + "\r\n") != std::string::npos);
  CHECK(request.body_bytes == body.size());
  return body;
}

AnswerParser Answer(const std::string& text) {
  AnswerParser parser;
  REQUIRE(parser.Feed(text) == AnswerParser::Result::kDone);
  return parser;
}

class BatchFile {
 public:
  BatchFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nl_bench_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~BatchFile() { std::filesystem::remove_all(folder_); }

  void AddBatch(const std::string& body, uint32_t logs, uint32_t tenant) {
    base::AppendLe<uint64_t>(&index_, text_.size());
    base::AppendLe<uint32_t>(&index_, static_cast<uint32_t>(body.size()));
    base::AppendLe(&index_, logs);
    base::AppendLe(&index_, tenant);
    base::AppendLe<uint32_t>(&index_, 0);
    base::AppendLe(&index_, next_seq_);
    next_seq_ += logs;
    text_ += body;
  }
  FileOptions Write() {
    std::ofstream(path(), std::ios::binary) << text_;
    std::ofstream(path() + ".idx", std::ios::binary) << index_;
    return {.files = {path()}};
  }
  std::string path() const { return folder_ + "/x.ndjson"; }

  std::string text_;
  std::string index_;

 private:
  std::string folder_;
  uint64_t next_seq_ = 1;
};

TEST_CASE("a file's batches are sent once, in order, as the index cuts them") {
  BatchFile file;
  file.AddBatch("{\"a\":1}\n{\"a\":2}\n", 2, 7);
  file.AddBatch("{\"a\":3}\n", 1, 8);
  FileOptions options = file.Write();
  options.tenant_header = "X-Tenant-ID";
  auto workload = FileWorkload(kHead, options);
  REQUIRE(workload.ok());
  Request request;
  REQUIRE((*workload)->Next(0, &request));
  CHECK(
      TextOf(request) ==
      "POST /v1/logs?a=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/x-ndjson\r\n"
      "X-A: 1\r\nX-Tenant-ID: t00007\r\nContent-Length: 16\r\n\r\n{\"a\":1}\n{\"a\":2}\n");
  CHECK(request.logs == 2);
  CHECK(request.first_seq == 1);
  REQUIRE((*workload)->Next(1, &request));
  CHECK(BodyOf(request) == "{\"a\":3}\n");
  CHECK(request.first_seq == 3);
  CHECK_FALSE((*workload)->Next(0, &request));
}

TEST_CASE("a file that does not fit its index is an error") {
  BatchFile file;
  file.AddBatch("{}\n", 1, 0);
  file.text_.pop_back();
  CHECK(FileWorkload(kHead, file.Write()).status().code() == Code::kCorruption);
  file.text_.push_back('\n');
  file.index_.pop_back();
  CHECK(FileWorkload(kHead, file.Write()).status().code() == Code::kCorruption);
  file.index_.clear();
  CHECK(FileWorkload(kHead, file.Write()).status().code() == Code::kInvalidArgument);
  CHECK(FileWorkload(kHead, {.files = {"/nonexistent"}}).status().code() == Code::kIoError);
}

TEST_CASE("made-up records have new sequence numbers in every request") {
  auto workload = BuiltinWorkload(kHead, /*connections=*/2, /*batch=*/3, /*requests_max=*/4);
  uint64_t seq = 1;
  for (int i = 0; i < 4; ++i) {
    Request request;
    REQUIRE(workload->Next(i % 2, &request));
    CHECK(request.first_seq == seq);
    CHECK(request.logs == 3);
    std::istringstream lines(BodyOf(request));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const size_t at = line.find("\"seq\":\"");
      REQUIRE(at != std::string::npos);
      CHECK(std::stoull(line.substr(at + 7, 12)) == seq++);
      CHECK(line.find("\"timestamp\":\"20") == 1);
      CHECK(line.size() > 250);
      CHECK(line.size() < 350);
    }
    CHECK(count == 3);
  }
  Request request;
  CHECK_FALSE(workload->Next(0, &request));
}

TEST_CASE("queries are form-encoded and take turns") {
  const std::vector<std::string> parameters{"limit=1 0"};
  auto workload =
      QueryWorkload(kHead, {FormOf("a b", parameters), FormOf("c:\"d\"", parameters)}, 0);
  Request request;
  REQUIRE(workload->Next(0, &request));
  const std::string text = TextOf(request);
  CHECK(text.substr(text.find("\r\n\r\n") + 4) == "query=a%20b&limit=1%200");
  REQUIRE(workload->Next(0, &request));
  CHECK(TextOf(request).ends_with("\r\n\r\nquery=c%3A%22d%22&limit=1%200"));
  REQUIRE(workload->Next(0, &request));
  CHECK(TextOf(request) == text);
}

TEST_CASE("only what is answered with 2xx is counted and journalled") {
  BatchFile folder;
  auto workload = BuiltinWorkload(kHead, 1, 5, 0);
  REQUIRE(workload->OpenJournal(folder.path()).ok());
  Request request;
  const std::string good = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
  for (const std::string& answer :
       {good, std::string("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"), good}) {
    REQUIRE(workload->Next(0, &request));
    workload->OnAnswer(request, Answer(answer), 1'000'000);
  }
  REQUIRE(workload->Next(0, &request));
  workload->OnLost(request);
  CHECK(workload->totals().logs == 10);
  CHECK(workload->totals().answers == 3);
  CHECK(workload->totals().lost == 1);
  CHECK(workload->totals().statuses == std::map<int, uint64_t>{{202, 2}, {503, 1}});
  CHECK(workload->totals().first_bad == "503 busy");
  std::ifstream journal(folder.path());
  std::stringstream lines;
  lines << journal.rdbuf();
  CHECK(lines.str() == "1 5\n11 5\n");
}

TEST_CASE("a url names a numeric address, a port and a target") {
  const auto endpoint = ParseUrl("http://[::1]:8080/v1/logs?x=1");
  REQUIRE(endpoint.ok());
  CHECK(endpoint->target == "/v1/logs?x=1");
  CHECK(endpoint->authority == "[::1]:8080");
  CHECK(ParseUrl("http://127.0.0.1")->target == "/");
  CHECK(ParseUrl("http://localhost:1?x")->target == "/?x");
  for (const char* url : {"", "127.0.0.1:80", "https://127.0.0.1/", "http://example.org/",
                          "http://127.0.0.1:port/", "http://127.0.0.1:65536/", "http://:80/"})
    CHECK(ParseUrl(url).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace neurallog::bench
