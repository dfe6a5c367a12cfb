// Each function is at the end of the file of its sink.
#pragma once

#include <memory>
#include <string_view>

#include "actions/sink.h"

namespace neurallog::actions {

using MadeSink = Result<std::unique_ptr<Sink>>;

MadeSink MakeWebhookSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeSlackSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeTeamsSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeDiscordSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeTelegramSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakePagerDutySink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeOpsgenieSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeAlertmanagerSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeEmailSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeSyslogSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeStreamSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeExecSink(TenantId tenant, std::string_view config_json, SinkHost* host);
MadeSink MakeTestSink(TenantId tenant, std::string_view config_json, SinkHost* host);

}  // namespace neurallog::actions
