#include "actions/sink.h"

#include "actions/sink_table.h"

namespace neurallog::actions {

const std::vector<SinkType>& SinkTypes() {
  static const std::vector<SinkType> types = {
      {"webhook", {"secret", "secret_previous", "secret_headers"}, &MakeWebhookSink},
      {"slack", {"url"}, &MakeSlackSink},
      {"teams", {"url"}, &MakeTeamsSink},
      {"discord", {"url"}, &MakeDiscordSink},
      {"telegram", {"token"}, &MakeTelegramSink},
      {"pagerduty", {"routing_key"}, &MakePagerDutySink},
      {"opsgenie", {"api_key"}, &MakeOpsgenieSink},
      {"alertmanager", {"password", "bearer_token"}, &MakeAlertmanagerSink},
      {"email", {"password"}, &MakeEmailSink},
      {"syslog", {}, &MakeSyslogSink},
      {"stream", {}, &MakeStreamSink},
      {"exec", {}, &MakeExecSink},
      {"test", {}, &MakeTestSink},
  };
  return types;
}

const SinkType* FindSinkType(std::string_view name) {
  for (const SinkType& type : SinkTypes())
    if (type.name == name) return &type;
  return nullptr;
}

Outcome OutcomeOfStatus(int status) {
  Outcome outcome;
  outcome.status = status;
  if (status / 100 == 2) return outcome;
  const bool again = status == 408 || status == 425 || status == 429 || status / 100 == 5;
  outcome.kind = status == 410 ? Outcome::Kind::kGone
                 : again       ? Outcome::Kind::kRetry
                               : Outcome::Kind::kFinal;
  outcome.error = "the receiver answered " + std::to_string(status);
  return outcome;
}

}  // namespace neurallog::actions
