// What Engine::Recover keeps while it replays the write-ahead log.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/engine.h"

namespace neurallog::engine {

struct Engine::Recovery {
  // The markers of one tenant, read on its first frame.
  struct Markers {
    std::map<const storage::Partition*, storage::LogPosition> of;
    uint64_t max_lsn = 0;
  };
  std::map<TenantId, Markers> markers;
  uint64_t rows = 0;
  uint64_t rows_in_blocks = 0;
  uint64_t frames_of_deleted_tenants = 0;
};

}  // namespace neurallog::engine
