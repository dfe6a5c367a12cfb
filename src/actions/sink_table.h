// Each function is at the end of the file of its sink.
#pragma once

#include <memory>
#include <string_view>

#include "actions/sink.h"

namespace neurallog::actions {

using MadeSink = Result<std::unique_ptr<Sink>>;

MadeSink MakeTestSink(TenantId tenant, std::string_view config_json, SinkHost* host);

}  // namespace neurallog::actions
