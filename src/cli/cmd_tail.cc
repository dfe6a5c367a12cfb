// Follows a live tail, and comes back behind the last event when the connection breaks.
#include <fmt/format.h>

#include "base/json_value.h"
#include "cli/admin.h"
#include "cli/lines.h"
#include "cli/log_work.h"
#include "cli/terminal.h"

namespace neurallog::cli {
namespace {

// The value of the last member of an event, `{"cursor":"12-3","log":{...}}`, as it was written.
std::string_view LastValue(std::string_view event, std::string_view name) {
  const size_t at = event.find(fmt::format("\"{}\":", name));
  event.remove_prefix(at + name.size() + 3);
  return event.substr(0, event.rfind('}'));
}

class Follower {
 public:
  Follower(LogSource* source, const TailOptions& options, RowPrinter* printer)
      : source_(source), options_(options), printer_(printer), cursor_(options.cursor) {}

  Status Run() {
    for (int failures = 0;;) {
      const uint64_t events_before = events_;
      const Status status = Follow();
      if (done_) return printer_->status();
      if (!was_connected_ || !IsWorthRetrying(status)) return status;
      failures = events_ > events_before ? 1 : failures + 1;
      if (failures > options_.retries) return status;
      Note(fmt::format("{}; trying again", status.message()));
      if (cursor_.empty() && events_ > 0) Note("what was stored is shown from the beginning again");
      WaitBeforeRetry(failures);
    }
  }

 private:
  // Ends with an error, or when done.
  Status Follow() {
    http::ClientRequest request;
    request.url = "/v1/tail?" + FormEncode({{"query", options_.query},
                                            {"start", cursor_.empty() ? options_.start : ""},
                                            {"cursor", cursor_}});
    request.headers.emplace_back("Accept", "application/x-ndjson");
    request.timeout_ms = 0;
    request.on_body = [this](std::string_view piece) {
      was_connected_ = true;
      return lines_.Add(piece, [this](std::string_view line) { return TakeEvent(line); });
    };
    lines_.Clear();
    const auto response = source_->Fetch(std::move(request));
    return response.ok() ? Unavailable("the server ended the stream") : response.status();
  }

  bool TakeEvent(std::string_view line) {
    const auto event = base::ParseJson(line);
    if (!event.ok() || event->names().empty()) return true;
    const std::string& kind = event->names().back();
    if (kind == "log") {
      ++events_;
      done_ = !printer_->Take(std::string(LastValue(line, kind)).append("\n")) ||
              events_ == options_.events_max;
    } else if (kind != "live") {
      Note(fmt::format("{} {}", kind, LastValue(line, kind)));
    }
    if (const base::JsonValue* const cursor = event->Find("cursor")) cursor_ = cursor->text();
    return !done_;
  }

  LogSource* const source_;
  const TailOptions& options_;
  RowPrinter* const printer_;
  LineBuffer lines_;
  std::string cursor_;  // of the last event
  uint64_t events_ = 0;
  bool was_connected_ = false;
  bool done_ = false;
};

}  // namespace

int Tail(const LogTarget& target, const TailOptions& tail, const OutputOptions& output) {
  IgnoreClosedPipes();
  const auto source = LogSource::Open(target);
  if (!source.ok()) return Finish(source.status());
  const auto printer = RowPrinter::Make(output, stdout);
  printer->DoNotWait();
  return FinishQuery(Follower(source->get(), tail, printer.get()).Run(), tail.query);
}

}  // namespace neurallog::cli
