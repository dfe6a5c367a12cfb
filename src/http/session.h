// One connection: reads requests, hands them to the Handler, writes the answers in order.
//
// The protocol is here; bytes come and go through the virtual calls at the end, which a reactor
// implements over a plain or a TLS stream. One request is with the Handler at a time; what the
// client sends ahead waits in the input buffer, and while an answer is being computed a read stays
// open, so that a client that leaves is noticed. States:
//
//   kHandshake -> kHead -> [kBody <-> kWaiting] -> kAnswering -> kHead ...      kClosing -> kLinger
//   or kEnding -> closed
//
// Owned by its io thread; Submit(), buffered_bytes() and gone() may be called from any thread. Its
// memory is bounded by the input buffer, the request body (BodyBudget), and the answers that are
// not sent yet: 256 KiB of whole answers, and what a streaming writer lets pile up.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/body_budget.h"
#include "http/chunk_decoder.h"
#include "http/head_parser.h"
#include "http/io_loop.h"
#include "http/message.h"
#include "http/out_queue.h"
#include "http/response_head.h"

namespace neurallog::http {

class Session : public BodyBudget::Waiter, public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<IoLoop> loop, std::string peer, bool peer_is_loopback);
  ~Session() override;

  // Any thread: a call on the Responder of the given exchange.
  void Submit(uint64_t exchange, CommandBody command);
  size_t buffered_bytes() const {
    return submitted_bytes_.load(std::memory_order_relaxed) +
           queued_bytes_.load(std::memory_order_relaxed);
  }
  bool gone() const { return gone_.load(std::memory_order_relaxed); }
  void OnGranted(size_t bytes) override;

  // A command out of the mailbox; AdvanceIfChanged() follows after a batch of them.
  void Execute(uint64_t exchange, CommandBody command);
  void AdvanceIfChanged();

  bool IsLate(int64_t now_ns) const;
  void OnLate();
  void BeginDrain();
  // `reset` makes the client see an error rather than an end.
  void Close(bool reset);

  size_t slot() const { return slot_; }
  void set_slot(size_t slot) { slot_ = slot; }

 protected:
  enum class IoOutcome { kOk, kEnd, kError };

  // The stream is ready for requests.
  void OnReady();
  void OnRead(IoOutcome outcome, size_t bytes);
  void OnWritten(IoOutcome outcome, size_t bytes);
  void OnShutdown() { Close(/*reset=*/false); }
  bool closed() const { return closed_; }

  // Starts a read or a write that ends in OnRead or OnWritten. At most one of each is open.
  virtual void ReadSome(char* to, size_t bytes) = 0;
  virtual void WriteSome(const iovec* slices, int count) = 0;
  // Writes without waiting: the bytes taken, 0 when WriteSome must be used, -1 when the connection
  // is broken.
  virtual ssize_t TryWrite(const iovec* slices, int count) = 0;
  // Tells the client that nothing more will come. True: done, reading goes on. False: OnShutdown
  // will follow.
  virtual bool ShutdownSend() = 0;
  virtual void CloseStream(bool reset) = 0;

 private:
  enum class State : uint8_t {
    kHandshake,
    kHead,
    kBody,
    kWaiting,
    kAnswering,
    kClosing,
    kLinger,
    kEnding
  };

  // Does all that can be done with the bytes and answers at hand, then writes and reads on.
  void Advance();
  bool Step();
  bool StepHead();
  bool StepUpgraded();
  bool StepBody();
  bool StepLengthBody();
  bool StepChunkedBody();
  bool PrepareChunkRead();

  bool BeginRequest(size_t head_bytes);
  bool BeginBody();
  bool GrowBody(size_t capacity);
  void Dispatch();
  void ReleaseBody();

  // Both end the request without the Handler; Refuse closes the connection afterwards. They return
  // true for Step's sake.
  bool AnswerEarly(Response response);
  bool Refuse(int status, std::string_view detail);

  void Apply(uint64_t exchange, CommandBody* command);
  void Take(command::Send* send);
  void Take(command::Start* start);
  void Take(command::Upgrade* upgrade);
  void Take(command::Write* write);
  void Take(command::Finish* finish);
  void Take(command::Abort* abort);
  void Take(command::OnDrained* on_drained);
  void Take(command::Granted* granted);
  void AppendAnswer(Response&& response);
  void AppendStreamHead(const Response& head);
  void FinishAnswer(bool keep_alive);
  bool MayKeepAlive(const Response& response) const;

  void Flush();
  void EndWhenSent();
  void MaybeRead();
  void ReadInput();
  void OnEnd();
  void RunDrained();
  void MarkGone();

  std::string_view input() const { return {in_.get() + begin_, end_ - begin_}; }
  const ServerOptions& options() const { return loop_->context().options; }
  int64_t After(int timeout_ms) const;

  // Constant after construction.
  const std::shared_ptr<IoLoop> loop_;
  const std::string peer_;
  const bool peer_is_loopback_;
  const size_t in_capacity_;

  // Input: in_[begin_, end_) is unread. While reading_, the bytes after end_ (or of the body, if
  // reading_body_) belong to the reactor.
  std::unique_ptr<char[]> in_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool reading_ = false;
  bool reading_body_ = false;
  bool read_ended_ = false;
  HeadScanner scanner_;
  bool head_started_ = false;
  int blank_lines_ = 0;
  size_t lingered_bytes_ = 0;

  // The request being received or answered.
  State state_ = State::kHandshake;
  uint64_t exchange_ = 0;
  Request request_;
  Framing framing_;
  ChunkDecoder decoder_;
  size_t body_bytes_max_ = 0;
  size_t reserved_ = 0;  // from the BodyBudget: the capacity of request_.body while it is received
  bool is_head_ = false;
  bool in_handler_ = false;
  bool streaming_ = false;
  BodyFraming stream_framing_ = BodyFraming::kChunked;
  bool stream_has_body_ = true;
  bool stream_keep_alive_ = true;
  std::function<void(std::string_view)> on_input_;  // of an upgraded connection

  // Output.
  OutQueue out_;
  bool writing_ = false;
  bool linger_ = false;
  struct Drained {
    size_t low_bytes;
    std::function<void()> resume;
  };
  std::vector<Drained> drained_;

  bool advancing_ = false;
  bool changed_ = false;
  bool closed_ = false;
  bool stalled_ = false;
  int64_t read_deadline_ns_ = 0;  // 0: none
  int64_t write_deadline_ns_ = 0;
  size_t slot_ = 0;

  // Written by the io thread and by callers of Submit; plain figures, except that submitted_ != 0
  // keeps calls in order.
  std::atomic<size_t> submitted_{0};
  std::atomic<size_t> submitted_bytes_{0};
  std::atomic<size_t> queued_bytes_{0};
  std::atomic<bool> gone_{false};
};

}  // namespace neurallog::http
