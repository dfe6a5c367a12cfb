#include <fmt/format.h>
#include <time.h>

#include <cstring>

#include "base/time_format.h"
#include "workloads.h"

namespace neurallog::bench {
namespace {

// A fixed sequence of pseudo-random numbers (SplitMix64): the same bytes in every run.
uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class BuiltinBatches final : public CountingWorkload {
 public:
  BuiltinBatches(const RequestHead& head, int connections, int batch, uint64_t requests_max)
      : CountingWorkload(requests_max),
        batch_(static_cast<uint64_t>(batch)),
        head_(head.Text(batch == 1 ? "application/json" : "application/x-ndjson")),
        slots_(static_cast<size_t>(connections)) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      for (uint64_t k = 0; k < batch_; ++k)
        AppendRecord(&slots_[i], Mix(i * batch_ + k), /*with_line_feed=*/batch > 1);
      slots_[i].head = head_ + fmt::format("Content-Length: {}\r\n\r\n", slots_[i].body.size());
    }
  }

 private:
  static constexpr std::string_view kTimePlace = "2000-01-01T00:00:00.000Z";
  static constexpr size_t kTraceDigits = 16;
  static constexpr size_t kSeqDigits = 12;

  // Of the fields that change in every record, where they stand in the body.
  struct Places {
    size_t time;
    size_t trace;
    size_t seq;
  };
  // One per connection: its request is rewritten in place when the answer to the last one is there.
  struct Slot {
    std::string head;
    std::string body;
    std::vector<Places> places;
  };

  static void AppendRecord(Slot* slot, uint64_t random, bool with_line_feed) {
    static constexpr std::string_view kLevels[] = {"info", "info",  "info", "info",
                                                   "info", "debug", "warn", "error"};
    static constexpr std::string_view kServices[] = {"checkout",  "payment", "search", "gateway",
                                                     "inventory", "session", "mailer", "catalog"};
    static constexpr std::string_view kPaths[] = {"/api/v1/orders", "/api/v1/items",
                                                  "/login",         "/api/v2/search",
                                                  "/healthz",       "/static/app.js"};
    const std::string_view service = kServices[random % std::size(kServices)];
    const std::string_view path = kPaths[(random >> 8) % std::size(kPaths)];
    const uint64_t status = random % 50 == 0 ? 500 : 200;
    const uint64_t duration_ms = (random >> 16) % 900;
    std::string& body = slot->body;
    Places places;
    body.append("{\"timestamp\":\"");
    places.time = body.size();
    body.append(kTimePlace);
    body.append(
        fmt::format("\",\"level\":\"{}\",\"source\":\"{}\",\"message\":\"GET {} returned {} after "
                    "{} ms for user {}\",\"metadata\":{{"
                    "\"host\":\"{}-{:03}\",\"path\":\"{}\",\"status\":{},\"duration_ms\":{},"
                    "\"client_ip\":\"10.{}.{}.{}\",\"trace_id\":\"",
                    kLevels[(random >> 4) % std::size(kLevels)], service, path, status, duration_ms,
                    (random >> 24) % 100'000, service, (random >> 32) % 200, path, status,
                    duration_ms, (random >> 40) % 256, (random >> 48) % 256, random >> 56));
    places.trace = body.size();
    body.append(kTraceDigits, '0').append("\",\"seq\":\"");
    places.seq = body.size();
    body.append(kSeqDigits, '0').append(with_line_feed ? "\"}}\n" : "\"}}");
    slot->places.push_back(places);
  }

  static void WriteDigits(char* to, size_t digits, uint64_t value, unsigned base) {
    for (size_t i = digits; i-- > 0; value /= base) to[i] = "0123456789abcdef"[value % base];
  }

  // "2025-06-01T12:00:00.123Z": always three digits, so that the records keep their length.
  static std::string TimeText() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    std::string text = base::FormatRfc3339(now.tv_sec * 1'000'000'000LL).substr(0, 19);
    return text + fmt::format(".{:03}Z", now.tv_nsec / 1'000'000);
  }

  bool Fill(int connection, Request* request) override {
    Slot& slot = slots_[static_cast<size_t>(connection)];
    const std::string time = TimeText();
    request->first_seq = next_seq_;
    for (const Places& places : slot.places) {
      std::memcpy(slot.body.data() + places.time, time.data(), kTimePlace.size());
      WriteDigits(slot.body.data() + places.trace, kTraceDigits, Mix(next_seq_ / 4), 16);
      WriteDigits(slot.body.data() + places.seq, kSeqDigits, next_seq_++, 10);
    }
    request->parts[0] = Part(slot.head);
    request->parts[1] = Part(slot.body);
    request->parts_count = 2;
    request->body_bytes = slot.body.size();
    request->logs = batch_;
    return true;
  }

  const uint64_t batch_;
  const std::string head_;
  std::vector<Slot> slots_;
  uint64_t next_seq_ = 1;
};

}  // namespace

std::unique_ptr<CountingWorkload> BuiltinWorkload(const RequestHead& head, int connections,
                                                  int batch, uint64_t requests_max) {
  return std::make_unique<BuiltinBatches>(head, connections, batch, requests_max);
}

}  // namespace neurallog::bench
