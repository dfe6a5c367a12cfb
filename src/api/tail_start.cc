#include "api/tail_start.h"

namespace neurallog::api {
namespace {

constexpr size_t kTailStepBytes = 128 << 10;
constexpr size_t kLogStepBytes = 4u << 20;
constexpr size_t kTailBufferedBytesMax = 1 << 20;  // waiting for the client; then the steps pause
constexpr size_t kTailResumeBytes = 256 << 10;

}  // namespace

void TailStart::StartNow() {
  until_ = api_->engine().Position(*log_);
  Release();
}

void TailStart::StartWithHistory(query::Query query, query::ExecuteOptions options) {
  TimeRange range = query.time_range();
  range.start_ns = std::max(range.start_ns, options.range.start_ns);
  auto snapshot = api_->engine().Snapshot(log_, range, &until_);
  if (!snapshot.ok()) return viewer_->Fail(snapshot.status());
  history_.emplace(std::move(query), std::move(*snapshot), options);
  StepHistory();
}

void TailStart::StartBehind(const tail::Cursor& cursor) {
  sent_ = cursor;
  until_ = api_->engine().Position(*log_);
  StepLog();
}

bool TailStart::MayWrite(void (TailStart::*step)()) {
  const http::ResponderPtr& responder = viewer_->responder();
  if (responder->buffered_bytes() <= kTailBufferedBytesMax) return true;
  responder->OnDrained(kTailResumeBytes, [self = shared_from_this(), step] {
    self->api_->workers().Resubmit([self, step] { ((*self).*step)(); });
  });
  return false;
}

void TailStart::StepHistory() {
  while (!viewer_->gone() && MayWrite(&TailStart::StepHistory)) {
    std::string lines;
    const Result<bool> more = history_->Next(kTailStepBytes, &lines);
    if (!more.ok()) return viewer_->Fail(more.status());
    WriteLines(lines);
    if (*more) continue;
    history_.reset();
    return Release();
  }
}

void TailStart::WriteLines(std::string_view lines) {
  std::string bytes;
  while (!lines.empty()) {
    const size_t end = lines.find('\n') + 1;
    tail::AppendEvent(viewer_->lens()->framing(), nullptr, lines.substr(0, end), &bytes);
    lines.remove_prefix(end);
  }
  if (!bytes.empty()) viewer_->responder()->Write(std::move(bytes));
}

void TailStart::StepLog() {
  while (!viewer_->gone() && MayWrite(&TailStart::StepLog)) {
    if (sent_ >= tail::Cursor{until_}) return Release();
    const Status status = ReadOn();
    if (!status.ok()) return viewer_->Fail(status);
  }
}

Status TailStart::ReadOn() {
  if (!reader_) {
    NL_TRY(wal::RangeReader reader, api_->engine().ReadLog(*log_, sent_.lsn));
    reader_.emplace(std::move(reader));
    matcher_ = viewer_->lens()->MakeMatcher();
  }
  std::vector<tail::LoggedBatch> batches;
  const uint64_t gap_before = reader_->resumed_at();
  NL_TRY(const bool more,
         reader_->Read(until_, kLogStepBytes, [&](const wal::FrameInfo& frame, auto batch) {
           batches.push_back({std::move(batch), frame.lsn});
           return Status();
         }));
  if (reader_->resumed_at() != gap_before) TellGap();
  matcher_->SetNow(api_->engine().clock().WallNs());
  NL_RETURN_IF_ERROR(tail::Chunk::ForEach(batches, sent_, [this](tail::Chunk& chunk) -> Status {
    NL_TRY(const std::vector<uint32_t> rows, matcher_->Match(chunk));
    if (rows.empty()) return {};
    NL_TRY(const auto reel, viewer_->lens()->Render(chunk, rows));
    if (!reel->bytes.empty()) viewer_->responder()->Write(reel->bytes);
    return {};
  }));
  sent_ = {more ? reader_->next_lsn() - 1 : until_};
  if (!more) reader_.reset();
  return {};
}

void TailStart::TellGap() {
  std::string bytes, body = "{\"from\":\"";
  tail::AppendCursor(&body, sent_);
  body.append("\",\"to\":\"");
  tail::AppendCursor(&body, {reader_->resumed_at() - 1});
  body.append("\"}");
  tail::AppendNotice(viewer_->lens()->framing(), "gap", nullptr, body, &bytes);
  viewer_->responder()->Write(std::move(bytes));
}

void TailStart::Release() {
  sent_ = {until_};
  std::string bytes;
  if (viewer_->lens()->framing() != tail::Framing::kLines)
    tail::AppendNotice(viewer_->lens()->framing(), "live", &sent_, "{}", &bytes);
  viewer_->responder()->Write(std::move(bytes));
  if (viewer_->Release(sent_)) return;
  until_ = api_->engine().Position(*log_);
  api_->workers().Resubmit([self = shared_from_this()] { self->StepLog(); });
}

}  // namespace neurallog::api
