// What the server's side of a webhook costs: signs and sends notices to a receiver in another
// process and prints deliveries per core-second of the sender's process.
//
//   webhook_bench http://127.0.0.1:PORT/hook [deliveries] [under way] [bytes of a notice]
//   http_echo is a receiver that is quick enough.
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <thread>

#include "actions/sink_services.h"

namespace {

using namespace neurallog;

double ProcessCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::string Notice(size_t bytes) {
  std::string notice =
      R"({"event":"match","tenant":"acme","rule":{"id":"r1","name":"Disk full"},"records":[{"message":")";
  notice.append(bytes > notice.size() + 4 ? bytes - notice.size() - 4 : 0, 'x');
  return notice.append("\"}]}");
}

struct Run {
  actions::Sink* sink;
  std::string notice;
  std::atomic<int64_t> ended{0}, failed{0};

  void SendOne(int64_t number) {
    const std::string id = fmt::format("msg_{:026}", number);
    actions::Attempt attempt;
    attempt.delivery_id = id;
    attempt.wall_ns = 1'700'000'000'000'000'000;
    attempt.notice = notice;
    sink->Deliver(attempt, [this](const actions::Outcome& outcome) {
      if (outcome.kind != actions::Outcome::Kind::kDelivered) ++failed;
      ended.fetch_add(1, std::memory_order_release);
    });
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: webhook_bench URL [deliveries] [under way] [bytes]\n");
    return 2;
  }
  const int64_t deliveries = argc > 2 ? std::atoll(argv[2]) : 200'000;
  const int64_t under_way = argc > 3 ? std::atoll(argv[3]) : 64;
  const size_t bytes = argc > 4 ? static_cast<size_t>(std::atoll(argv[4])) : 1024;
  actions::SinkOptions options;
  options.allow_cidrs = {"127.0.0.0/8"};
  auto services = actions::SinkServices::Start(options, {});
  if (!services.ok()) return 1;
  const std::string config =
      fmt::format(R"({{"url":"{}","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})", argv[1]);
  auto sink = actions::FindSinkType("webhook")->make(TenantId{1}, config, (*services)->host());
  if (!sink.ok()) {
    std::fprintf(stderr, "%s\n", sink.status().ToString().c_str());
    return 1;
  }
  Run run{sink->get(), Notice(bytes)};
  const double begin = ProcessCpuSeconds();
  for (int64_t sent = 0; sent < deliveries; ++sent) {
    while (sent - run.ended.load(std::memory_order_acquire) >= under_way)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    run.SendOne(sent);
  }
  while (run.ended < deliveries) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double seconds = ProcessCpuSeconds() - begin;
  fmt::print("deliveries {} failed {} cpu_s {:.2f} per_core_second {:.0f} us_each {:.1f}\n",
             deliveries, run.failed.load(), seconds, static_cast<double>(deliveries) / seconds,
             seconds / static_cast<double>(deliveries) * 1e6);
  return run.failed == 0 ? 0 : 1;
}
