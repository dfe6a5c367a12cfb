// After a start: the directories of the tenants with the most blocks are read before a query needs them.
#include <algorithm>
#include <utility>

#include "base/thread.h"
#include "engine/engine.h"

namespace neurallog::engine {
namespace {

// A directory takes several times the bytes of the stored headers.
constexpr uint64_t kMemoryPerStored = 6;

}  // namespace

void Engine::StartPreload() {
  preloader_ = base::StartThread("nl-preload", [this] { PreloadDirectories(); });
}

// Half of the bound is left to the tenants that are asked for.
void Engine::PreloadDirectories() {
  const std::vector<ingest::TenantLog*> logs = TenantLogs();
  std::vector<storage::Keyspace> keyspaces;
  for (const ingest::TenantLog* log : logs) keyspaces.push_back(log->keyspace());
  const std::vector<uint64_t> sizes = store_->HeaderBytes(keyspaces);
  std::vector<std::pair<uint64_t, ingest::TenantLog*>> by_size;
  for (size_t i = 0; i < logs.size(); ++i)
    if (sizes[i] > 0) by_size.emplace_back(sizes[i], logs[i]);
  std::sort(by_size.rbegin(), by_size.rend());

  const Compactor::Host host = CompactorHost();
  size_t held = 0;
  for (const auto& [size, log] : by_size) {
    if (closing_.load() || held + size * kMemoryPerStored > options_.directory_bytes_max) return;
    const auto directory = log->Blocks([&](const std::string& what) { host.damage(*log, what); });
    if (directory.ok()) held += (*directory)->memory_bytes();
    if (held > options_.directory_bytes_max / 2) return;
  }
}

}  // namespace neurallog::engine
