// A record of our own making on its way into a tenant's log, as if a client had sent it.
#pragma once

#include <string_view>

#include "engine/engine.h"

namespace neurallog::engine {

// Blocks until the record, a JSON object, is durable; ten seconds at most. What came with the same
// `request` before, and not too long ago, is not written again. InvalidArgument: it is no record.
// Thread-safe.
Status AppendRecord(Engine* engine, TenantId tenant, std::string_view request,
                    std::string_view json);

}  // namespace neurallog::engine
