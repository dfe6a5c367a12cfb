#include "engine/admission.h"

#include <chrono>

#include "base/thread.h"

namespace neurallog::engine {
namespace {

constexpr std::chrono::microseconds kRetryPause{500};  // between looks at a full ring

}  // namespace

// Counts the request out when it is answered.
class Admission::CountedAck : public ingest::Ack {
 public:
  CountedAck(Admission* owner, size_t bytes, std::unique_ptr<ingest::Ack> inner)
      : owner_(owner), bytes_(bytes), inner_(std::move(inner)) {
    owner_->requests_.fetch_add(1, std::memory_order_relaxed);
    owner_->bytes_.fetch_add(bytes_, std::memory_order_relaxed);
  }
  ~CountedAck() override {
    owner_->requests_.fetch_sub(1, std::memory_order_relaxed);
    owner_->bytes_.fetch_sub(bytes_, std::memory_order_relaxed);
  }
  void Done(const Status& status) override {
    if (inner_) inner_->Done(status);
  }
  std::unique_ptr<ingest::Ack> TakeInner() { return std::move(inner_); }

 private:
  Admission* const owner_;
  const size_t bytes_;
  std::unique_ptr<ingest::Ack> inner_;
};

Admission::Admission(Engine* engine) : engine_(engine) {
  thread_ = base::StartThread("nl-admission", [this] { Run(); });
}

Status Admission::Submit(ingest::IngestEvent* event, bool may_wait) {
  NL_RETURN_IF_ERROR(engine_->WriteStatus());
  if (engine_->short_of_memory()) return Unavailable("the server is short of memory");
  if (requests_in_flight() >= options_.requests_in_flight_max)
    return ResourceExhausted(std::to_string(requests_in_flight()) +
                             " requests are being stored, which is the maximum");
  if (event->batch->payload_bytes() > wal::kPayloadBytesMax)
    return TooLarge("the records take " + std::to_string(event->batch->payload_bytes()) +
                    " bytes in the log, more than " + std::to_string(wal::kPayloadBytesMax));
  const size_t bytes = event->batch->memory_bytes();
  const size_t held = bytes_.load(std::memory_order_relaxed);
  if (held > 0 && held + bytes > options_.bytes_in_flight_max)
    return Unavailable(std::to_string(held) + " bytes of batches are being stored, and " +
                       std::to_string(bytes) + " more are over the maximum");

  auto counted = std::make_unique<CountedAck>(this, bytes, std::move(event->ack));
  CountedAck* const raw = counted.get();
  event->ack = std::move(counted);
  if (waiting_count_.load(std::memory_order_acquire) == 0 && engine_->TryAppend(event)) return {};
  if (!may_wait) {
    event->ack = raw->TakeInner();
    return Unavailable("the ring is full");
  }
  base::MutexLock lock(mutex_);
  waiting_.push_back(
      {std::move(*event),
       engine_->clock().MonotonicNs() + options_.queue_wait_ns.load(std::memory_order_relaxed)});
  waiting_count_.store(waiting_.size(), std::memory_order_release);
  wake_.NotifyOne();
  return {};
}

void Admission::Stop() {
  if (!thread_.joinable()) return;
  {
    base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.NotifyOne();
  thread_.join();
}

void Admission::Run() {
  base::MutexLock lock(mutex_);
  for (;;) {
    while (waiting_.empty() && !stop_) wake_.Wait(mutex_);
    if (waiting_.empty()) return;
    Waiting& first = waiting_.front();
    Status refused = stop_ ? Unavailable("the server is shutting down") : engine_->WriteStatus();
    if (refused.ok() && !engine_->TryAppend(&first.event)) {
      if (engine_->clock().MonotonicNs() < first.deadline_ns) {
        wake_.WaitFor(mutex_, kRetryPause);
        continue;
      }
      refused = Unavailable("the ring has been full for longer than a request may wait");
    }
    if (!refused.ok()) first.event.ack->Done(refused);
    waiting_.pop_front();
    waiting_count_.store(waiting_.size(), std::memory_order_release);
  }
}

}  // namespace neurallog::engine
