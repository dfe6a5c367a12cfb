// The sink that tells nobody: to try rules and actions without a receiver.
// Configuration: {"name": what its endpoint is called}; nothing is needed.
#include "actions/sink_table.h"
#include "base/json_value.h"

namespace neurallog::actions {
namespace {

class TestSink : public Sink {
 public:
  TestSink(std::string name, const SinkHost* host) : name_(std::move(name)), host_(host) {}

  std::string endpoint() const override { return "test://" + name_; }
  void Deliver(const Attempt& attempt, std::function<void(Outcome)> done) override {
    done(host_->on_test ? host_->on_test(attempt) : Outcome());
  }
  Result<std::string> Preview(std::string_view notice) const override {
    return std::string(notice);
  }

 private:
  const std::string name_;
  const SinkHost* const host_;
};

}  // namespace

MadeSink MakeTestSink(TenantId tenant, std::string_view config_json, SinkHost* host) {
  NL_TRY(const base::JsonValue config, base::ParseJson(config_json));
  std::string name = std::to_string(static_cast<uint32_t>(tenant));
  for (const std::string& member : config.names()) {
    if (member != "name") return InvalidArgument("config: unknown member " + member);
    NL_TRY(name, config.String(member));
  }
  return MadeSink(std::make_unique<TestSink>(std::move(name), host));
}

}  // namespace neurallog::actions
