#include "cli/importer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/hash.h"
#include "cli/record_json.h"

namespace neurallog::cli {
namespace {

constexpr size_t kBatchBytesMax = 4u << 20;
constexpr size_t kErrorsShownMax = 10;

bool IsBlank(const std::string& record) {
  return record.find_first_not_of(" \t\r") == std::string::npos;
}

}  // namespace

Importer::Importer(LogSource* source, const ImportOptions& options, std::string path)
    : source_(source), options_(options), path_(std::move(path)), place_file_(path_) {}

Result<InputFormat> Importer::ChooseFormat(RecordReader* reader) const {
  if (options_.format == "ndjson") return InputFormat::kNdjson;
  if (options_.format == "csv") return InputFormat::kCsv;
  if (options_.format == "text") return InputFormat::kText;
  std::string_view name = path_;
  for (const std::string_view ending : {".gz", ".zst"})
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  if (name.ends_with(".csv")) return InputFormat::kCsv;
  if (name.ends_with(".ndjson") || name.ends_with(".jsonl")) return InputFormat::kNdjson;
  return reader->GuessFormat();
}

void Importer::FindPlace(const std::string& first_record) {
  const uint64_t hash = base::Hash64(first_record);
  if (options_.resume) place_ = place_file_.Load();
  if (place_.run != 0 && place_.first_record == hash) {
    if (place_.offset > 0) Note(fmt::format("{}: goes on at byte {}", path_, place_.offset));
    return;
  }
  place_ = {};
  place_.run = base::Clock::System().WallNs();
  place_.first_record = hash;
  place_.batch_records = options_.batch_records;
  if (const Status status = place_file_.Save(place_); !status.ok()) {
    keeps_place_ = false;
    Note(fmt::format("{}; an import that is ended will begin at the beginning", status.message()));
  }
}

Status Importer::Run() {
  NL_TRY(const auto file, InputFile::Open(path_));
  RecordReader reader(file.get());
  NL_TRY(format_, ChooseFormat(&reader));
  reader.set_format(format_);
  std::string record;
  for (;;) {
    NL_TRY(const bool more, reader.Next(&record));
    if (!more) break;
    if (place_.run == 0) FindPlace(record);
    NL_RETURN_IF_ERROR(Take(reader, record));
  }
  return lines_.empty() ? Status() : Send();
}

Status Importer::Take(const RecordReader& reader, const std::string& record) {
  if (format_ == InputFormat::kCsv && names_.empty()) {
    names_ = SplitCsv(record);
    return {};
  }
  if (reader.offset() <= place_.offset || IsBlank(record)) return {};
  switch (format_) {
    case InputFormat::kNdjson: body_.append(record); break;
    case InputFormat::kText: AppendRecord({{"message", record}}, options_.source, &body_); break;
    case InputFormat::kCsv:
      AppendRecord(NameCells(names_, SplitCsv(record)), options_.source, &body_);
      break;
  }
  body_.push_back('\n');
  lines_.push_back(reader.line());
  end_ = reader.offset();
  const bool is_full = lines_.size() >= place_.batch_records || body_.size() >= kBatchBytesMax;
  return is_full ? Send() : Status();
}

http::ClientRequest Importer::BatchRequest() const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = "/v1/logs";
  request.headers.emplace_back("Content-Type", "application/x-ndjson");
  request.headers.emplace_back("Idempotency-Key",
                               fmt::format("import-{:x}-{:016x}-{:x}-{:x}", place_.run,
                                           base::Hash64(path_), place_.offset, end_));
  request.body = body_;
  return request;
}

Status Importer::Send() {
  const http::ClientRequest request = BatchRequest();
  for (int failures = 1;; ++failures) {
    const auto response = source_->FetchAny(request);
    std::string why;
    if (!response.ok()) {
      if (!IsWorthRetrying(response.status()) &&
          response.status().code() != Code::kDeadlineExceeded)
        return response.status();
      why = response.status().message();
    } else {
      const int status = response->status;
      if (status != 408 && status != 409 && status != 429 && status != 503)
        return TakeAnswer(*response);
      why = fmt::format("the server answered {}: {}", status, DetailOf(*response));
    }
    if (failures > options_.retries)
      return Unavailable(fmt::format("{}; line {} and what follows is not sent", why, lines_[0]));
    if (failures == 1) Note(fmt::format("{}: {}; trying again", path_, why));
    WaitBeforeRetry(failures);
  }
}

Status Importer::TakeAnswer(const http::ClientResponse& response) {
  NL_RETURN_IF_ERROR(Count(response));
  place_.offset = end_;
  if (keeps_place_) NL_RETURN_IF_ERROR(place_file_.Save(place_));
  body_.clear();
  lines_.clear();
  progress_.Show(
      fmt::format("{}: {} accepted, {} rejected", path_, place_.accepted, place_.rejected));
  return {};
}

// 400 means that none of the records can be stored, and 413 that the only one is too large.
Status Importer::Count(const http::ClientResponse& response) {
  if (response.status == 400 || (response.status == 413 && lines_.size() == 1)) {
    place_.rejected += lines_.size();
    ShowError(lines_[0], DetailOf(response));
    return {};
  }
  const auto answer = base::ParseJson(response.body);
  const auto accepted = answer.ok() ? answer->Unsigned("accepted") : answer.status();
  const auto rejected = answer.ok() ? answer->Unsigned("rejected") : answer.status();
  if (!accepted.ok() || !rejected.ok())
    return Internal(fmt::format("the server answered {}: {}", response.status, DetailOf(response)));
  place_.accepted += *accepted;
  place_.rejected += *rejected;
  ShowErrors(*answer);
  return {};
}

void Importer::ShowErrors(const base::JsonValue& answer) {
  const auto errors = answer.Array("errors");
  if (!errors.ok()) return;
  for (const base::JsonValue& error : (*errors)->items()) {
    const auto index = error.Unsigned("index");
    const auto reason = error.String("reason");
    if (index.ok() && reason.ok() && *index < lines_.size()) ShowError(lines_[*index], *reason);
  }
}

void Importer::ShowError(uint64_t line, const std::string& reason) {
  if (errors_++ >= kErrorsShownMax) return;
  progress_.Clear();
  fmt::print(stderr, "{}:{}: {}\n", path_, line, reason);
}

}  // namespace neurallog::cli
