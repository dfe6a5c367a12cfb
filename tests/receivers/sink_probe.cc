// Makes one attempt with a sink: sink_probe TYPE CONFIG NOTICE [CA_FILE], and prints how it ended as JSON.
// Receivers of the loopback are allowed.
#include <cstdio>
#include <future>

#include "actions/json_object.h"
#include "actions/sink_services.h"
#include "base/clock.h"

using namespace neurallog;

namespace {

std::string_view KindName(actions::Outcome::Kind kind) {
  constexpr std::string_view kNames[] = {"delivered", "retry", "final", "gone"};
  return kNames[static_cast<size_t>(kind)];
}

Result<actions::Outcome> Attempt(const std::string& type, const std::string& config,
                                 const std::string& notice, const std::string& ca_file) {
  actions::SinkOptions options;
  options.allow_cidrs = {"127.0.0.0/8"};
  options.ca_file = ca_file;
  NL_TRY(const auto services, actions::SinkServices::Start(options, {}));
  const actions::SinkType* const found = actions::FindSinkType(type);
  if (found == nullptr) return NotFound("type " + type);
  NL_TRY(const auto sink, found->make(TenantId{1}, config, services->host()));
  actions::Attempt attempt;
  attempt.delivery_id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  attempt.dedup_key = "alert_7";
  attempt.wall_ns = base::Clock::System().WallNs();
  attempt.notice = notice;
  std::promise<actions::Outcome> promise;
  sink->Deliver(attempt, [&](actions::Outcome outcome) { promise.set_value(std::move(outcome)); });
  return promise.get_future().get();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const Result<actions::Outcome> outcome =
      Attempt(argv[1], argv[2], argv[3], argc > 4 ? argv[4] : "");
  if (!outcome.ok()) {
    std::fprintf(stderr, "%s\n", outcome.status().ToString().c_str());
    return 1;
  }
  actions::JsonObject json;
  json.Text("outcome", KindName(outcome->kind))
      .Raw("status", std::to_string(outcome->status))
      .Text("error", outcome->error)
      .Text("answer", outcome->answer);
  std::printf("%s\n", json.Finish().c_str());
  return 0;
}
