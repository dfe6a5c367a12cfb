// Asks for page after page, each behind the time of the last record of the one before, so that an
// export that broke goes on without a gap or a record twice.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "cli/admin.h"
#include "cli/export_output.h"
#include "cli/log_work.h"
#include "cli/terminal.h"
#include "query/pipe.h"
#include "query/query.h"

namespace neurallog::cli {
namespace {

// Whether each record of the answer is one that is stored, so that the answer has pages. Of a query
// that is wrong the server says why.
bool HasPages(const std::string& text) {
  query::ParseOptions options;
  options.now_ns = base::Clock::System().WallNs();
  const auto parsed = query::ParseQuery(text, options);
  return parsed.ok() && std::all_of(parsed->pipes.begin(), parsed->pipes.end(),
                                    [](const auto& pipe) { return pipe->keeps_rows(); });
}

class Exporter {
 public:
  Exporter(LogSource* source, const ExportOptions& options, bool csv, ExportOutput* output)
      : source_(source),
        options_(options),
        search_(options.search),
        csv_(csv),
        output_(output),
        page_records_(!csv && HasPages(search_.query) ? options.page_records : 0),
        cursor_(output->cursor().empty() ? options.after : output->cursor()) {}

  Status Run() {
    for (;;) {
      NL_TRY(const std::string next, FetchPageSurely());
      NL_RETURN_IF_ERROR(output_->EndPage(next));
      if (next.empty()) return {};
      cursor_ = next;
    }
  }

 private:
  // Again, when the server was away.
  Result<std::string> FetchPageSurely() {
    for (int failures = 1;; ++failures) {
      auto next = FetchPage();
      if (next.ok() || !write_status_.ok()) return next;
      if (!IsWorthRetrying(next.status()) || failures > options_.retries) return next;
      if (!output_->DropPage())
        return next.status().Annotate(fmt::format("after {} bytes", output_->bytes()));
      Note(fmt::format("{}; trying again", next.status().message()));
      WaitBeforeRetry(failures);
    }
  }

  // The cursor of the next page; empty: there is none. A page as long as it may be and without a
  // cursor is either the last one or has lost it, for some proxies drop what comes behind a body:
  // then a longer page is asked for.
  Result<std::string> FetchPage() {
    for (;;) {
      uint64_t lines = 0;
      http::ClientRequest request = PageRequest();
      request.on_body = [&](std::string_view piece) {
        lines += static_cast<uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
        write_status_ = output_->Append(piece);
        progress_.Show(fmt::format("{:.1f} MB{}{}", static_cast<double>(output_->bytes()) / 1e6,
                                   cursor_.empty() ? "" : ", behind ", cursor_));
        return write_status_.ok();
      };
      const auto response = source_->Fetch(std::move(request));
      progress_.Clear();
      NL_RETURN_IF_ERROR(write_status_);
      if (!response.ok()) return response.status();
      NoteDamage(*response);
      std::string next(response->FindHeader("NeuralLog-Cursor"));
      if (!next.empty() || page_records_ == 0 || lines < page_records_) return next;
      page_records_ *= 2;
      if (!output_->DropPage()) return Unavailable("the page came without a cursor");
    }
  }

  http::ClientRequest PageRequest() const {
    return FormRequest("/v1/logs/export", {{"query", search_.query},
                                           {"start", search_.start},
                                           {"end", search_.end},
                                           {"timeout", search_.timeout},
                                           {"after", cursor_},
                                           {"limit", std::to_string(page_records_)},
                                           {"format", csv_ ? "csv" : "ndjson"}});
  }

  LogSource* const source_;
  const ExportOptions& options_;
  const SearchOptions& search_;
  const bool csv_;
  ExportOutput* const output_;
  Progress progress_;
  uint64_t page_records_;  // 0: all is one page
  std::string cursor_;
  Status write_status_;
};

// What makes an export the same as one before.
std::string AskedOf(const LogTarget& target, const ExportOptions& options, bool csv) {
  const SearchOptions& search = options.search;
  return FormEncode({{"from", target.data_dir.empty() ? target.server : target.data_dir},
                     {"tenant", target.data_dir.empty() ? "" : target.tenant},
                     {"query", search.query},
                     {"start", search.start},
                     {"end", search.end},
                     {"after", options.after},
                     {"format", csv ? "csv" : "ndjson"}});
}

}  // namespace

int Export(const LogTarget& target, const ExportOptions& options) {
  IgnoreClosedPipes();
  const bool csv =
      options.form == OutputForm::kCsv ||
      (options.form == OutputForm::kAuto && options.file.find(".csv") != std::string::npos);
  const auto source = LogSource::Open(target);
  if (!source.ok()) return Finish(source.status());
  auto output = ExportOutput::Open(options.file, AskedOf(target, options, csv), options.resume);
  if (!output.ok()) return Finish(output.status());
  if (!(*output)->cursor().empty())
    Note(fmt::format("{}: goes on behind {}", options.file, (*output)->cursor()));
  const Status status = Exporter(source->get(), options, csv, output->get()).Run();
  if (status.ok()) return Finish((*output)->Finish());
  return (*output)->reader_gone() ? 0 : FinishQuery(status, options.search.query);
}

}  // namespace neurallog::cli
