#include <fmt/format.h>

#include "cli/admin.h"
#include "cli/caret.h"
#include "cli/log_work.h"
#include "cli/terminal.h"

namespace neurallog::cli {
namespace {

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(encoded), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

http::ClientRequest SearchRequest(const SearchOptions& search) {
  http::ClientRequest request = FormRequest("/v1/logs/search", {{"query", search.query},
                                                                {"start", search.start},
                                                                {"end", search.end},
                                                                {"limit", search.limit},
                                                                {"order", search.order},
                                                                {"timeout", search.timeout}});
  request.cancelled = &Interrupted();
  return request;
}

}  // namespace

std::string FormEncode(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string form;
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    if (!form.empty()) form.push_back('&');
    form.append(name).append("=").append(PercentEncode(value));
  }
  return form;
}

http::ClientRequest FormRequest(const std::string& path,
                                const std::vector<std::pair<std::string, std::string>>& pairs) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = path;
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.body = FormEncode(pairs);
  request.timeout_ms = 0;  // the server has one
  return request;
}

int FinishQuery(const Status& status, const std::string& query) {
  const int code = Finish(status);
  if (status.code() == Code::kInvalidArgument)
    fmt::print(stderr, "{}", CaretAt(query, status.message()));
  return code;
}

void NoteDamage(const http::ClientResponse& response) {
  const std::string_view blocks = response.FindHeader("NeuralLog-Damaged-Blocks");
  if (!blocks.empty())
    Note(fmt::format("{} damaged blocks could not be read; their records are missing", blocks));
}

int Query(const LogTarget& target, const SearchOptions& search, const OutputOptions& output) {
  IgnoreClosedPipes();
  const auto source = LogSource::Open(target);
  return source.ok() ? Query(source->get(), search, output) : Finish(source.status());
}

int Query(LogSource* source, const SearchOptions& search, const OutputOptions& output) {
  const auto printer = RowPrinter::Make(output, stdout);
  Progress progress;
  progress.Show("searching ...");
  bool can_write = true;
  http::ClientRequest request = SearchRequest(search);
  request.on_body = [&](std::string_view piece) {
    progress.Clear();
    can_write = printer->Take(piece);
    return can_write && !Interrupted();
  };
  const auto response = source->Fetch(std::move(request));
  progress.Clear();
  can_write = can_write && printer->Finish();
  if (!can_write) return Finish(printer->status());
  if (!response.ok()) return FinishQuery(response.status(), search.query);
  NoteDamage(*response);
  return 0;
}

}  // namespace neurallog::cli
