#include "engine/append_record.h"

#include <chrono>
#include <future>
#include <thread>

#include "ingest/decoder_json.h"

namespace neurallog::engine {
namespace {

// How long the ring may be full, and how long the disk may take.
constexpr std::chrono::seconds kRecordWait(5);
constexpr std::chrono::milliseconds kRingPause(1);

// Keeps the key until the batch is durable; whoever waits may have gone.
class RecordAck : public ingest::Ack {
 public:
  RecordAck(Engine* engine, base::Hash128Value key) : engine_(engine), key_(key) {}

  void Done(const Status& status) override {
    if (status.ok()) {
      engine_->idempotency().Finish(key_, engine_->clock().WallNs(), {1, 0});
    } else {
      engine_->idempotency().Abandon(key_);
    }
    done_.set_value(status);
  }
  std::future<Status> future() { return done_.get_future(); }

 private:
  Engine* const engine_;
  const base::Hash128Value key_;
  std::promise<Status> done_;
};

Result<ingest::DecodeResult> DecodeRecord(std::string_view json, int64_t now_ns) {
  base::Buffer body;
  body.Append(json.data(), json.size());
  NL_TRY(auto decoded, ingest::DecodeNative(body, /*ndjson_hint=*/false, {}, now_ns));
  if (decoded.accepted == 1) return decoded;
  return InvalidArgument("the record is refused: " +
                         (decoded.errors.empty() ? "none" : decoded.errors.front().reason));
}

}  // namespace

Status AppendRecord(Engine* engine, TenantId tenant, std::string_view request,
                    std::string_view json) {
  NL_RETURN_IF_ERROR(engine->WriteStatus());
  ingest::IngestEvent event;
  event.tenant = engine->FindTenant(tenant);
  if (event.tenant == nullptr) return NotFound("the tenant is gone");
  NL_TRY(ingest::DecodeResult decoded, DecodeRecord(json, engine->clock().WallNs()));
  event.batch = std::move(decoded.batch);
  event.request_key = ingest::IdempotencyCache::Key(tenant, request);
  ingest::IdempotencyCache::Answer answer;
  const auto begun =
      engine->idempotency().Begin(event.request_key, engine->clock().WallNs(), &answer);
  if (begun == ingest::IdempotencyCache::Outcome::kAnswered) return {};
  if (begun == ingest::IdempotencyCache::Outcome::kInFlight)
    return Unavailable("the record is on its way already");

  const base::Hash128Value key = event.request_key;
  auto ack = std::make_unique<RecordAck>(engine, key);
  std::future<Status> stored = ack->future();
  event.ack = std::move(ack);
  const auto give_up = std::chrono::steady_clock::now() + kRecordWait;
  while (!engine->TryAppend(&event)) {
    const bool late = std::chrono::steady_clock::now() > give_up;
    const Status writable = late ? Unavailable("the ring is full") : engine->WriteStatus();
    if (!writable.ok()) {
      engine->idempotency().Abandon(key);
      return writable;
    }
    std::this_thread::sleep_for(kRingPause);
  }
  if (stored.wait_for(kRecordWait) == std::future_status::ready) return stored.get();
  return Unavailable("the record was not stored in time");
}

}  // namespace neurallog::engine
