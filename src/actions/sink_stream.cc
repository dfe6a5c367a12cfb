// Writes a record into the tenant's own logs, where it can be queried and where rules see it.
//
// Configuration: message (template); fields {name: value}.
//
// A record that came from an action says how many actions it has come through; past kHopsMax the
// next one is refused, so that a rule which matches its own records ends.
#include "actions/blocking_sink.h"
#include "actions/chat_message.h"
#include "actions/http_sink.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"
#include "base/time_format.h"

namespace neurallog::actions {
namespace {

constexpr uint64_t kHopsMax = 3;
constexpr std::string_view kHopsField = "neurallog.hops";
constexpr int64_t kTimeoutNs = 10'000'000'000;

std::string_view LevelOf(const base::JsonValue& notice) {
  const std::string_view severity = TextAt(notice, "rule", "severity");
  if (severity == "critical") return "fatal";
  if (severity == "high") return "error";
  return severity == "medium" ? "warn" : "info";
}

// Through how many actions the records of a notice have come.
uint64_t HopsOf(const base::JsonValue& notice) {
  uint64_t hops = 0;
  const base::JsonValue* const records = notice.Find("records");
  if (records == nullptr) return hops;
  for (const base::JsonValue& record : records->items()) {
    const base::JsonValue* const value = FindPath(record, kHopsField);
    if (value == nullptr) continue;
    const bool one_digit = value->text().size() == 1 && value->text()[0] >= '0';
    hops = std::max<uint64_t>(hops, one_digit ? value->text()[0] - '0' : kHopsMax);
  }
  return hops;
}

class StreamSink : public BlockingSink {
 public:
  StreamSink(SinkHost* host, TenantId tenant, Template message,
             std::vector<std::pair<std::string, std::string>> fields)
      : BlockingSink(host, kTimeoutNs),
        tenant_(tenant),
        message_(std::move(message)),
        fields_(std::move(fields)) {}

  std::string endpoint() const override {
    return "stream://" + std::to_string(static_cast<uint32_t>(tenant_));
  }
  Result<std::string> Preview(std::string_view notice) const override {
    Attempt attempt;
    attempt.delivery_id = "msg_preview";
    attempt.notice = notice;
    return Compose(attempt);
  }

 protected:
  Outcome Run(const Attempt& attempt, int64_t) override {
    const Result<std::string> record = Compose(attempt);
    if (!record.ok()) return OutcomeOfError(record.status());
    const Status appended = host().append(tenant_, attempt.delivery_id, *record);
    return appended.ok() ? Outcome() : OutcomeOfError(appended);
  }

 private:
  Result<std::string> Compose(const Attempt& attempt) const {
    NL_TRY(const base::JsonValue notice, base::ParseJson(attempt.notice));
    const uint64_t hops = HopsOf(notice) + 1;
    if (hops > kHopsMax)
      return InvalidArgument("the record has come through " + std::to_string(kHopsMax) +
                             " actions already");
    NL_TRY(const std::string message, message_.Render(notice));
    JsonObject record;
    record.Text("timestamp", base::FormatRfc3339(attempt.wall_ns))
        .Text("message", message)
        .Text("level", LevelOf(notice))
        .Text("source", "neurallog.actions")
        .Raw(kHopsField, std::to_string(hops))
        .Text("delivery", attempt.delivery_id)
        .TextIfAny("event", TextAt(notice, "event", ""))
        .TextIfAny("rule.id", TextAt(notice, "rule", "id"))
        .TextIfAny("rule.name", TextAt(notice, "rule", "name"))
        .TextIfAny("alert.id", TextAt(notice, "alert", "id"))
        .TextIfAny("action.id", TextAt(notice, "action", "id"))
        .TextIfAny("reason", TextAt(notice, "reason", ""));
    for (const auto& [name, value] : fields_) record.Text(name, value);
    return record.Finish();
  }

  const TenantId tenant_;
  const Template message_;
  const std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace

MadeSink MakeStreamSink(TenantId tenant, std::string_view config_json, SinkHost* host) {
  NL_RETURN_IF_ERROR(CheckBlocking(*host));
  if (!host->append) return Unavailable("this server has no log to write to");
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(Template message, from.Compiled("message",
                                         "{{#event=resolved}}Resolved: {{/event}}{{rule.name}}"
                                         "{{#alert.group}} {{.}}{{/alert.group}}",
                                         Escape::kText));
  NL_TRY(auto fields, from.Pairs("fields"));
  for (const auto& [name, value] : fields)
    if (name == kHopsField || name == "timestamp")
      return InvalidArgument("config.fields: " + name + " is not yours to set");
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(
      std::make_unique<StreamSink>(host, tenant, std::move(message), std::move(fields)));
}

}  // namespace neurallog::actions
