// The keys in `meta` under which a checkpoint leaves what the next recovery needs.
#pragma once

#include <string_view>

namespace neurallog::engine {

inline constexpr std::string_view kCheckpointKey = "checkpoint";    // wal::ReplayExpectation
inline constexpr std::string_view kIdempotencyKey = "idempotency";  // IdempotencyCache::Encode

}  // namespace neurallog::engine
