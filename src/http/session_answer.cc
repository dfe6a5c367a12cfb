// Session, second half: from the calls on the Responder to bytes on the wire.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "http/session.h"

namespace neurallog::http {
namespace {

constexpr size_t kInlineBodyBytesMax = 16 * 1024;  // these go out in one piece with their head
constexpr int kLingerMs = 2000;

void AppendChunkHead(std::string* to, size_t bytes) {
  char text[16];
  to->append(text, std::to_chars(text, text + sizeof(text), bytes, 16).ptr);
  to->append("\r\n");
}

}  // namespace

void Session::Apply(uint64_t exchange, CommandBody* command) {
  const bool outlives = std::holds_alternative<command::Granted>(*command) ||
                        std::holds_alternative<command::OnDrained>(*command);
  const bool current = !closed_ && state_ == State::kAnswering && exchange == exchange_;
  if (!current && !outlives) return;
  std::visit([this](auto& one) { Take(&one); }, *command);
}

void Session::Take(command::Send* send) { AppendAnswer(std::move(send->response)); }

void Session::Take(command::Start* start) {
  // Without a client nobody could tell the end of this answer from its beginning.
  if (read_ended_) return Close(/*reset=*/true);
  const Response& head = start->head;
  stream_framing_ = framing_.http11 ? BodyFraming::kChunked : BodyFraming::kUntilClose;
  stream_has_body_ = !is_head_ && !IsBodiless(head.status);
  stream_keep_alive_ = MayKeepAlive(head) && stream_framing_ == BodyFraming::kChunked;
  AppendStreamHead(head);
}

void Session::Take(command::Upgrade* upgrade) {
  if (read_ended_) return Close(/*reset=*/true);
  on_input_ = std::move(upgrade->on_input);
  stream_framing_ = BodyFraming::kUntilClose;
  stream_has_body_ = true;
  stream_keep_alive_ = false;
  AppendStreamHead(upgrade->head);
}

void Session::AppendStreamHead(const Response& head) {
  streaming_ = true;
  ResponseHeadOptions head_options;
  head_options.date = loop_->date();
  head_options.framing = stream_framing_;
  head_options.http11 = framing_.http11;
  head_options.keep_alive = stream_keep_alive_;
  std::string* tail = out_.Tail();
  const size_t before = tail->size();
  AppendResponseHead(tail, head, head_options);
  out_.Appended(tail->size() - before);
}

void Session::Take(command::Write* write) {
  if (!streaming_ || !stream_has_body_ || write->chunk.empty()) return;
  if (stream_framing_ == BodyFraming::kUntilClose) {
    out_.AppendOwned(std::move(write->chunk));
  } else {
    std::string* tail = out_.Tail();
    const size_t before = tail->size();
    AppendChunkHead(tail, write->chunk.size());
    out_.Appended(tail->size() - before);
    out_.AppendOwned(std::move(write->chunk));
    out_.Append("\r\n");
  }
  queued_bytes_.store(out_.bytes(), std::memory_order_relaxed);
}

void Session::Take(command::Finish* finish) {
  if (!streaming_) return;
  if (stream_has_body_ && stream_framing_ == BodyFraming::kChunked) {
    std::string end = "0\r\n";
    for (const auto& [name, value] : finish->trailers)
      end.append(name).append(": ").append(value).append("\r\n");
    out_.Append(end.append("\r\n"));
  }
  FinishAnswer(stream_keep_alive_);
}

void Session::Take(command::Abort*) {
  Close(/*reset=*/stream_framing_ == BodyFraming::kUntilClose || !streaming_);
}

void Session::Take(command::OnDrained* on_drained) {
  drained_.push_back({std::max<size_t>(on_drained->low_bytes, 1), std::move(on_drained->resume)});
}

void Session::Take(command::Granted* granted) {
  if (closed_) return loop_->context().budget.Release(this, granted->bytes);
  reserved_ += granted->bytes;
  state_ = State::kBody;
  read_deadline_ns_ = After(options().body_timeout_ms);
  try {
    request_.body.Reserve(reserved_);
  } catch (const std::bad_alloc&) {
    base::LogError("no memory for a request body",
                   {{"bytes", std::to_string(reserved_)}, {"peer", peer_}});
    Close(/*reset=*/true);
  }
}

bool Session::MayKeepAlive(const Response& response) const {
  return framing_.keep_alive && !response.close &&
         !loop_->context().stopping.load(std::memory_order_relaxed);
}

void Session::AppendAnswer(Response&& response) {
  const bool keep_alive = MayKeepAlive(response);
  const bool inline_body = response.body.size() <= kInlineBodyBytesMax;
  const bool has_body = !is_head_ && !IsBodiless(response.status);
  ResponseHeadOptions head_options;
  head_options.date = loop_->date();
  head_options.body_bytes = response.body.size();
  head_options.http11 = framing_.http11;
  head_options.keep_alive = keep_alive;
  std::string* tail = out_.Tail();
  const size_t before = tail->size();
  AppendResponseHead(tail, response, head_options);
  if (has_body && inline_body) tail->append(response.body);
  out_.Appended(tail->size() - before);
  if (has_body && !inline_body) out_.AppendOwned(std::move(response.body));
  FinishAnswer(keep_alive);
}

void Session::FinishAnswer(bool keep_alive) {
  ReleaseBody();
  streaming_ = false;
  on_input_ = nullptr;
  state_ = keep_alive ? State::kHead : State::kClosing;
  read_deadline_ns_ = After(options().idle_timeout_ms);
}

// ---- Bytes out

void Session::Flush() {
  if (writing_ || closed_) return;
  iovec slices[OutQueue::kSlicesMax];
  while (!out_.empty()) {
    const int count = out_.Gather(slices);
    const ssize_t sent = TryWrite(slices, count);
    if (sent < 0) return Close(/*reset=*/false);
    if (sent == 0) {
      writing_ = true;
      write_deadline_ns_ = After(options().write_timeout_ms);
      WriteSome(slices, count);
      break;
    }
    IoCounters::Add(&loop_->counters().bytes_sent, static_cast<uint64_t>(sent));
    out_.Consume(static_cast<size_t>(sent));
  }
  queued_bytes_.store(out_.bytes(), std::memory_order_relaxed);
  EndWhenSent();
}

void Session::OnWritten(IoOutcome outcome, size_t bytes) {
  writing_ = false;
  if (closed_) return;
  if (outcome != IoOutcome::kOk) return Close(/*reset=*/false);
  IoCounters::Add(&loop_->counters().bytes_sent, bytes);
  out_.Consume(bytes);
  if (out_.empty() && state_ == State::kHead && !head_started_)
    read_deadline_ns_ = After(options().idle_timeout_ms);
  Advance();
}

// A connection that ends with unread input would be reset by the kernel, and the reset could
// overtake the answer. So the rest of the input is read and thrown away for a moment.
void Session::EndWhenSent() {
  if (state_ != State::kClosing || !out_.empty() || closed_) return;
  state_ = State::kEnding;
  read_deadline_ns_ = After(kLingerMs);
  if (!ShutdownSend()) return;
  state_ = State::kLinger;
  const bool unread = linger_ || begin_ != end_;
  if (!unread || read_ended_) Close(/*reset=*/false);
}

// Runs only between steps, never inside a call on the Responder, so that a writer that goes on at
// once does not recurse.
void Session::RunDrained() {
  for (size_t i = drained_.size(); i-- > 0;) {
    if (!gone() && buffered_bytes() >= drained_[i].low_bytes) continue;
    const std::function<void()> resume = std::move(drained_[i].resume);
    drained_.erase(drained_.begin() + static_cast<ptrdiff_t>(i));
    resume();
  }
}

}  // namespace neurallog::http
