#include "http/session.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "http/session_responder.h"

namespace neurallog::http {
namespace {

constexpr size_t kBodyFirstBytesMax = 1u << 20;  // reserved at once on the word of Content-Length
constexpr size_t kChunkedFirstBytes = 4096;
constexpr size_t kDirectReadBytesMin =
    16 * 1024;  // chunks larger than this are read straight into the body
constexpr size_t kAnswersPendingBytesMax =
    256 * 1024;  // answers to pipelined requests that the client does not fetch
constexpr size_t kInputBytesMin = 4096;
constexpr size_t kLingerBytesMax = 4u << 20;
constexpr int kBlankLinesMax = 4;  // before a request line; some clients send one after a body

size_t WrittenBytes(const CommandBody& command) {
  const auto* write = std::get_if<command::Write>(&command);
  return write != nullptr ? write->chunk.size() : 0;
}

// What no method begins with: TLS on a plain port and other strangers need not wait for the end of
// a head.
bool CannotStartHead(char c) { return c != '\r' && (c <= ' ' || c >= 0x7f); }

}  // namespace

Session::Session(std::shared_ptr<IoLoop> loop, std::string peer, bool peer_is_loopback)
    : loop_(std::move(loop)),
      peer_(std::move(peer)),
      peer_is_loopback_(peer_is_loopback),
      in_capacity_(std::max(loop_->context().options.head_bytes_max, kInputBytesMin)),
      in_(std::make_unique_for_overwrite<char[]>(in_capacity_)) {
  read_deadline_ns_ = After(options().header_timeout_ms);
}

Session::~Session() = default;

// The clock was read at most one tick ago: one tick more, and nobody is cut off early.
int64_t Session::After(int timeout_ms) const {
  return loop_->coarse_now() + (int64_t{timeout_ms} + IoLoop::kTickMs) * base::kNsPerMs;
}

// ---- From other threads

void Session::Submit(uint64_t exchange, CommandBody command) {
  const bool inside_handler = IoLoop::Current() == loop_.get() && in_handler_ &&
                              exchange == exchange_ && submitted_.load() == 0;
  if (inside_handler) return Apply(exchange, &command);
  submitted_.fetch_add(1);
  submitted_bytes_.fetch_add(WrittenBytes(command), std::memory_order_relaxed);
  Command posted{shared_from_this(), exchange, std::move(command)};
  if (loop_->Post(&posted)) return;
  // The server has stopped. Whoever waits to go on must still hear that it is over.
  if (auto* on_drained = std::get_if<command::OnDrained>(&posted.body)) on_drained->resume();
}

void Session::OnGranted(size_t bytes) { Submit(0, command::Granted{bytes}); }

void Session::Execute(uint64_t exchange, CommandBody command) {
  submitted_.fetch_sub(1);
  submitted_bytes_.fetch_sub(WrittenBytes(command), std::memory_order_relaxed);
  changed_ = true;
  Apply(exchange, &command);
}

void Session::AdvanceIfChanged() {
  if (!std::exchange(changed_, false)) return;
  Advance();
}

// ---- The state machine

void Session::OnReady() {
  state_ = State::kHead;
  read_deadline_ns_ = After(options().idle_timeout_ms);
  MaybeRead();
}

void Session::Advance() {
  if (advancing_) return;
  advancing_ = true;
  do {
    stalled_ = false;
    while (!closed_ && Step()) {
    }
    Flush();
  } while (!closed_ && stalled_ && out_.empty());
  advancing_ = false;
  MaybeRead();
  RunDrained();
}

// True when something was done, so that it is worth trying again.
bool Session::Step() {
  switch (state_) {
    case State::kHead: return StepHead();
    case State::kBody: return StepBody();
    case State::kAnswering: return StepUpgraded();
    case State::kHandshake:
    case State::kWaiting:
    case State::kClosing:
    case State::kLinger:
    case State::kEnding: return false;
  }
  return false;
}

bool Session::StepHead() {
  if (begin_ == end_) {
    if (read_ended_) state_ = State::kClosing;
    return false;
  }
  if (out_.bytes() > kAnswersPendingBytesMax) {
    stalled_ = true;
    return false;
  }
  if (!head_started_) {
    head_started_ = true;
    is_head_ = false;
    read_deadline_ns_ = After(options().header_timeout_ms);
    if (CannotStartHead(in_[begin_])) return Refuse(400, "malformed request line");
  }
  switch (scanner_.Scan(input())) {
    case HeadScanner::Outcome::kMalformed:
      return Refuse(400, "a line of the request head does not end in CRLF");
    case HeadScanner::Outcome::kComplete: return BeginRequest(scanner_.size());
    case HeadScanner::Outcome::kIncomplete: break;
  }
  if (end_ - begin_ >= options().head_bytes_max)
    return Refuse(431, "the request head is too large");
  if (read_ended_) state_ = State::kClosing;
  return false;
}

// Hands over what came in another protocol. It may end the connection.
bool Session::StepUpgraded() {
  if (!on_input_ || begin_ == end_) return false;
  const std::function<void(std::string_view)> on_input = on_input_;
  const std::string_view bytes = input();
  begin_ = end_;
  on_input(bytes);
  return false;
}

bool Session::BeginRequest(size_t head_bytes) {
  scanner_.Reset();
  if (head_bytes == 2) {
    begin_ += 2;
    return ++blank_lines_ <= kBlankLinesMax || Refuse(400, "malformed request line");
  }
  if (head_bytes > options().head_bytes_max) return Refuse(431, "the request head is too large");
  blank_lines_ = 0;
  head_started_ = false;
  request_ = Request();
  framing_ = Framing();
  request_.head = std::make_unique_for_overwrite<char[]>(head_bytes);
  std::memcpy(request_.head.get(), in_.get() + begin_, head_bytes);
  begin_ += head_bytes;
  IoCounters::Add(&loop_->counters().requests, 1);
  const HeadError error = ParseHead(head_bytes, &request_, &framing_);
  if (error.status != 0) return Refuse(error.status, error.detail);

  is_head_ = request_.method == Method::kHead;
  request_.peer = peer_;
  request_.peer_is_loopback = peer_is_loopback_;
  request_.received_ns = loop_->Now();
  body_bytes_max_ = options().body_bytes_max;
  std::optional<Response> refusal = loop_->context().handler->CheckHead(request_, &body_bytes_max_);
  if (refusal.has_value()) return AnswerEarly(std::move(*refusal));
  if (framing_.has_body()) return BeginBody();
  Dispatch();
  return true;
}

bool Session::BeginBody() {
  if (framing_.content_length > body_bytes_max_)
    return Refuse(413, "the request body has " + std::to_string(framing_.content_length) +
                           " bytes, at most " + std::to_string(body_bytes_max_) + " are accepted");
  state_ = State::kBody;
  decoder_ = ChunkDecoder();
  read_deadline_ns_ = After(options().body_timeout_ms);
  return true;
}

bool Session::StepBody() {
  if (reading_body_) return false;
  if (reserved_ == 0) {
    const size_t first = framing_.chunked
                             ? std::max(end_ - begin_, kChunkedFirstBytes)
                             : std::min<size_t>(framing_.content_length, kBodyFirstBytesMax);
    if (!GrowBody(first)) return false;
  }
  if (framing_.expects_continue && begin_ == end_) out_.Append("HTTP/1.1 100 Continue\r\n\r\n");
  framing_.expects_continue = false;
  return framing_.chunked ? StepChunkedBody() : StepLengthBody();
}

bool Session::StepLengthBody() {
  base::Buffer& body = request_.body;
  while (body.size() < framing_.content_length) {
    if (body.size() == reserved_ &&
        !GrowBody(std::min<size_t>(framing_.content_length, 2 * reserved_)))
      return false;
    if (begin_ == end_) {
      if (read_ended_) Close(/*reset=*/false);
      return false;
    }
    const size_t bytes = std::min(end_ - begin_, reserved_ - body.size());
    body.Append(in_.get() + begin_, bytes);
    begin_ += bytes;
  }
  Dispatch();
  return true;
}

bool Session::StepChunkedBody() {
  base::Buffer& body = request_.body;
  const size_t needed = body.size() + (end_ - begin_);
  if (needed > reserved_ && !GrowBody(std::max(needed, std::min(2 * reserved_, body_bytes_max_))))
    return false;
  while (begin_ != end_) {
    std::string_view rest = input(), data;
    const ChunkDecoder::Outcome outcome = decoder_.Next(&rest, &data);
    begin_ = end_ - rest.size();
    if (outcome == ChunkDecoder::Outcome::kMalformed) return Refuse(400, "malformed chunked body");
    if (body.size() + data.size() > body_bytes_max_)
      return Refuse(413,
                    "the request body has more than " + std::to_string(body_bytes_max_) + " bytes");
    body.Append(data);
    if (outcome == ChunkDecoder::Outcome::kDone) {
      Dispatch();
      return true;
    }
  }
  if (read_ended_) {
    Close(/*reset=*/false);
    return false;
  }
  return PrepareChunkRead();
}

// Refuses a chunk that cannot fit before its bytes come, and makes room to read a large one in
// place.
bool Session::PrepareChunkRead() {
  const size_t size = request_.body.size();
  const uint64_t remaining = decoder_.data_remaining();
  if (remaining > body_bytes_max_ - size)
    return Refuse(413,
                  "the request body has more than " + std::to_string(body_bytes_max_) + " bytes");
  if (remaining >= kDirectReadBytesMin && reserved_ - size < kDirectReadBytesMin)
    GrowBody(std::min(size + remaining, std::max(2 * reserved_, size + kDirectReadBytesMin)));
  return false;
}

bool Session::GrowBody(size_t capacity) {
  const size_t bytes = capacity - reserved_;
  if (!loop_->context().budget.Reserve(shared_from_this(), bytes, reserved_)) {
    state_ = State::kWaiting;
    read_deadline_ns_ = 0;
    return false;
  }
  command::Granted granted{bytes};
  Take(&granted);
  return !closed_;
}

void Session::Dispatch() {
  state_ = State::kAnswering;
  read_deadline_ns_ = 0;
  streaming_ = false;
  ++exchange_;
  gone_.store(read_ended_, std::memory_order_relaxed);
  in_handler_ = true;
  try {
    loop_->context().handler->Handle(
        std::move(request_), std::make_shared<SessionResponder>(shared_from_this(), exchange_));
  } catch (const std::exception& error) {
    // The dropped responder has answered 500.
    base::LogError("exception in a request handler", {{"what", error.what()}, {"peer", peer_}});
  }
  in_handler_ = false;
}

void Session::ReleaseBody() {
  if (reserved_ != 0) loop_->context().budget.Release(this, std::exchange(reserved_, 0));
}

bool Session::AnswerEarly(Response response) {
  const bool body_is_here = !framing_.chunked && framing_.content_length <= end_ - begin_;
  if (body_is_here) {
    begin_ += framing_.content_length;
  } else {
    response.close = true;
    linger_ = true;
  }
  AppendAnswer(std::move(response));
  return true;
}

bool Session::Refuse(int status, std::string_view detail) {
  if (status == 400 || status == 431 || status >= 500)
    IoCounters::Add(&loop_->counters().malformed, 1);
  Response response = loop_->context().handler->ErrorResponse(status, detail);
  response.close = true;
  linger_ = true;
  AppendAnswer(std::move(response));
  return true;
}

// ---- Bytes in

void Session::MaybeRead() {
  if (reading_ || closed_ || read_ended_) return;
  switch (state_) {
    case State::kHandshake:
    case State::kWaiting:
    case State::kClosing:
    case State::kEnding: return;
    case State::kHead:
      if (stalled_) return;
      return ReadInput();
    case State::kAnswering:
    case State::kLinger: return ReadInput();
    case State::kBody: break;
  }
  base::Buffer& body = request_.body;
  const uint64_t wanted =
      framing_.chunked ? decoder_.data_remaining() : framing_.content_length - body.size();
  const size_t room = std::min<uint64_t>(wanted, reserved_ - body.size());
  if (begin_ != end_ || room == 0 || (framing_.chunked && room < kDirectReadBytesMin))
    return ReadInput();
  reading_ = reading_body_ = true;
  ReadSome(body.data() + body.size(), room);
}

void Session::ReadInput() {
  if (begin_ == end_ || state_ == State::kLinger) begin_ = end_ = 0;
  if (begin_ > 0 && end_ > in_capacity_ / 2) {
    std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == in_capacity_) return;
  reading_ = true;
  ReadSome(in_.get() + end_, in_capacity_ - end_);
}

void Session::OnRead(IoOutcome outcome, size_t bytes) {
  reading_ = false;
  const bool into_body = std::exchange(reading_body_, false);
  if (closed_) return;
  if (outcome == IoOutcome::kError) return Close(/*reset=*/false);
  if (outcome == IoOutcome::kEnd) return OnEnd();
  IoCounters::Add(&loop_->counters().bytes_received, bytes);
  if (state_ >= State::kClosing) {
    lingered_bytes_ += bytes;
    return lingered_bytes_ > kLingerBytesMax ? Close(/*reset=*/false) : MaybeRead();
  }
  if (into_body) {
    request_.body.Commit(bytes);
    if (framing_.chunked) decoder_.Skip(bytes);
  } else {
    end_ += bytes;
  }
  if (state_ == State::kBody) read_deadline_ns_ = After(options().body_timeout_ms);
  Advance();
}

// The client sends nothing more. It may still wait for a whole answer, but a stream to it is cut.
void Session::OnEnd() {
  read_ended_ = true;
  switch (state_) {
    case State::kAnswering: return streaming_ ? Close(/*reset=*/false) : MarkGone();
    case State::kLinger: return Close(/*reset=*/false);
    case State::kEnding: return;
    case State::kHandshake:
    case State::kHead:
    case State::kBody:
    case State::kWaiting:
    case State::kClosing: return Advance();
  }
}

void Session::MarkGone() {
  gone_.store(true, std::memory_order_relaxed);
  RunDrained();
}

// ---- Ends

bool Session::IsLate(int64_t now_ns) const {
  if (writing_) return now_ns >= write_deadline_ns_;
  return read_deadline_ns_ != 0 && now_ns >= read_deadline_ns_;
}

void Session::OnLate() {
  const bool in_request = (state_ == State::kHead && head_started_) || state_ == State::kBody;
  if (in_request || writing_ || state_ == State::kHandshake)
    IoCounters::Add(&loop_->counters().timeouts, 1);
  if (writing_ || !in_request) return Close(/*reset=*/writing_);
  Refuse(408, state_ == State::kBody ? "the request body did not arrive in time"
                                     : "the request head did not arrive in time");
  Advance();
}

void Session::BeginDrain() {
  const bool between_requests = state_ == State::kHead && begin_ == end_ && out_.empty();
  if (between_requests || state_ == State::kHandshake) Close(/*reset=*/false);
}

void Session::Close(bool reset) {
  if (closed_) return;
  const std::shared_ptr<Session> self = shared_from_this();
  closed_ = true;
  CloseStream(reset);
  if (state_ == State::kWaiting) loop_->context().budget.Cancel(this);
  ReleaseBody();
  on_input_ = nullptr;
  loop_->Remove(this);
  loop_->context().connections_open.fetch_sub(1);
  MarkGone();
}

}  // namespace neurallog::http
