// /v1/logs/export: everything that matches, oldest first, as NDJSON or CSV, perhaps compressed, with as much memory as a block takes.
//
// An export can go on where it stopped, because it is in the order of time and a page never ends between records of one time: `after` the
// time of the last record received is exactly what is missing.
#include "api/answer.h"
#include "api/compressor.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

class ExportAnswer : public Answer {
 public:
  bool needs_query() const override { return false; }
  bool is_export() const override { return true; }
  std::string_view content_type() const override { return content_type_; }

  Status Prepare(const Context& context, Search* search) override {
    NL_RETURN_IF_ERROR(ReadFormat(search));
    NL_RETURN_IF_ERROR(ReadCompression(context.request, *search));
    NL_TRY(page_.rows_wanted, ReadCount(search->params, "limit", 0));
    if (const auto after = search->params.Find("after"); after && !after->empty()) {
      const auto ns = base::ParseTimestamp(*after);
      if (!ns)
        return InvalidArgument("after=" + std::string(after->substr(0, 60)) +
                               ": expected the time of a record");
      search->options.range.start_ns = std::max(search->options.range.start_ns, *ns + 1);
    }
    if (page_.rows_wanted == 0) page_.rows_wanted = UINT64_MAX;
    NL_RETURN_IF_ERROR(ReadWithId(search));
    search->options.page = search->query.aggregates() ? nullptr : &page_;
    search->options.in_order = true;
    search->options.newest_first = false;
    return {};
  }

  Status Encode(std::string* chunk, bool is_last) override {
    return compressor_ == nullptr ? Status() : compressor_->Compress(chunk, is_last);
  }
  std::vector<std::pair<std::string, std::string>> Headers() override { return headers_; }
  std::vector<std::pair<std::string, std::string>> Trailers() override {
    if (!page_.is_full) return {};
    return {{"NeuralLog-Cursor", base::FormatRfc3339(page_.last_ns)}};
  }

 private:
  Status ReadFormat(Search* search) {
    const std::string_view format = search->params.Find("format").value_or("ndjson");
    if (format == "csv") {
      search->options.format = query::OutputFormat::kCsv;
      content_type_ = "text/csv; charset=utf-8; header=present";
    } else if (format != "ndjson") {
      return InvalidArgument("format=" + std::string(format.substr(0, 40)) +
                             ": expected ndjson or csv");
    }
    return {};
  }

  // A file of that kind when the parameter asks for it; else what the client can take on the way.
  Status ReadCompression(const http::Request& request, const Search& search) {
    const std::string_view asked = search.params.Find("compression").value_or("");
    const std::string_view accepted = request.FindHeader("Accept-Encoding");
    if (asked == "gzip" || asked == "zstd") {
      content_type_ = asked == "gzip" ? "application/gzip" : "application/zstd";
      compressor_ = MakeCompressor(asked == "gzip" ? Compression::kGzip : Compression::kZstd);
    } else if (!asked.empty() && asked != "none") {
      return InvalidArgument("compression=" + std::string(asked.substr(0, 40)) +
                             ": expected gzip, zstd or none");
    } else if (asked.empty() && accepted.find("zstd") != std::string_view::npos) {
      compressor_ = MakeCompressor(Compression::kZstd);
      headers_.emplace_back("Content-Encoding", "zstd");
    } else if (asked.empty() && accepted.find("gzip") != std::string_view::npos) {
      compressor_ = MakeCompressor(Compression::kGzip);
      headers_.emplace_back("Content-Encoding", "gzip");
    }
    return {};
  }

  std::string content_type_ = "application/x-ndjson";
  std::vector<std::pair<std::string, std::string>> headers_;
  std::unique_ptr<Compressor> compressor_;
  query::Page page_;
};

}  // namespace

void HandleExport(Context context) { HandleAnswer<ExportAnswer>(std::move(context)); }

}  // namespace neurallog::api
