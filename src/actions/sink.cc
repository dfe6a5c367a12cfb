#include "actions/sink.h"

#include "actions/sink_table.h"

namespace neurallog::actions {

const std::vector<SinkType>& SinkTypes() {
  static const std::vector<SinkType> types = {
      {"webhook", {"secret", "secret_previous", "secret_headers", "client_key"}, &MakeWebhookSink},
      {"slack", {"url", "client_key"}, &MakeSlackSink},
      {"teams", {"url", "client_key"}, &MakeTeamsSink},
      {"discord", {"url", "client_key"}, &MakeDiscordSink},
      {"telegram", {"token", "client_key"}, &MakeTelegramSink},
      {"pagerduty", {"routing_key", "client_key"}, &MakePagerDutySink},
      {"opsgenie", {"api_key", "client_key"}, &MakeOpsgenieSink},
      {"alertmanager", {"password", "bearer_token", "client_key"}, &MakeAlertmanagerSink},
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
