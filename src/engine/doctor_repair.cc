// Repair: a good store is made beside the damaged one and takes its place by two renames under a mark; then the log's readable rows are
// sealed into it and the log begins anew.
#include <unistd.h>

#include <filesystem>

#include "base/clock.h"
#include "base/time_format.h"
#include "engine/doctor.h"
#include "engine/engine.h"

namespace neurallog::engine {
namespace {

namespace fs = std::filesystem;

io::FileSystem& Files() { return io::FileSystem::Posix(); }

Status WriteFile(const std::string& path, std::string_view text) {
  NL_TRY(auto file, Files().Open(path, io::OpenMode::kWrite, /*direct=*/false));
  NL_RETURN_IF_ERROR(file->WriteAt(0, text.data(), text.size()));
  return file->Sync();
}

// "2026-11-21T03:04:05.123Z" without its colons.
std::string QuarantineName() {
  std::string name = base::FormatRfc3339(base::Clock::System().WallNs());
  std::erase(name, ':');
  return name;
}

}  // namespace

Result<std::string> Doctor::Repair() {
  if (store_unreadable_)
    return Corruption("the store cannot be opened; a repair could save nothing: restore a backup");
  const std::string quarantine = data_dir_ + "/quarantine/" + QuarantineName();
  NL_RETURN_IF_ERROR(Files().CreateDirectories(quarantine));
  NL_RETURN_IF_ERROR(WriteReport(quarantine));
  if (!store_damage_.empty()) NL_RETURN_IF_ERROR(RepairStore(quarantine));
  if (log_damaged_) NL_RETURN_IF_ERROR(RepairLog(quarantine));
  return quarantine;
}

Status Doctor::WriteReport(const std::string& quarantine) const {
  std::string report;
  for (const Finding& finding : findings_) report += ToText(finding) + "\n";
  NL_RETURN_IF_ERROR(WriteFile(quarantine + "/report.txt", report));
  NL_RETURN_IF_ERROR(Files().SyncDirectory(quarantine));
  return Files().SyncDirectory(data_dir_);
}

Status Doctor::RepairStore(const std::string& quarantine) {
  const std::string repaired = data_dir_ + "/store.repair";
  NL_RETURN_IF_ERROR(storage::RepairCopy(StorePath(), repaired, TenantIds(), store_damage_));
  NL_TRY(const auto inspector, storage::Inspector::Open(repaired));
  Status status;
  inspector->Check(TenantIds(), [&](const storage::StoreDamage& damage) {
    status = Corruption("the repaired store is damaged still: " + damage.what);
  });
  NL_RETURN_IF_ERROR(status);
  NL_RETURN_IF_ERROR(Files().SyncDirectory(repaired));
  NL_RETURN_IF_ERROR(WriteFile(data_dir_ + "/" + kRepairMark, quarantine));
  NL_RETURN_IF_ERROR(Files().SyncDirectory(data_dir_));
  NL_RETURN_IF_ERROR(Files().Rename(StorePath(), quarantine + "/store"));
  NL_RETURN_IF_ERROR(Files().SyncDirectory(quarantine));
  return FinishSwap();
}

// Also after a crash anywhere between: the mark is there, and the store is either the old one, gone, or the new one.
Status Doctor::FinishSwap() {
  const std::string mark = data_dir_ + "/" + kRepairMark, repaired = data_dir_ + "/store.repair";
  if (!fs::exists(mark)) return {};
  if (!fs::exists(StorePath())) {
    if (!fs::exists(repaired))
      return Corruption(data_dir_ + " holds neither store nor store.repair");
    NL_RETURN_IF_ERROR(Files().Rename(repaired, StorePath()));
  }
  NL_RETURN_IF_ERROR(Files().SyncDirectory(data_dir_));
  NL_RETURN_IF_ERROR(Files().Remove(mark));
  return Files().SyncDirectory(data_dir_);
}

// Segments get second names in the quarantine; those that cannot be read at all move there. Then the engine takes in what is readable,
// and a clean close lets the old segments go.
Status Doctor::RepairLog(const std::string& quarantine) {
  const std::string kept = quarantine + "/wal";
  NL_RETURN_IF_ERROR(Files().CreateDirectories(kept));
  NL_TRY(const std::vector<std::string> names, Files().List(LogPath()));
  for (const std::string& name : names) {
    uint64_t number;
    if (wal::ParseSegmentName(name, &number))
      NL_RETURN_IF_ERROR(Files().Link(LogPath() + "/" + name, kept + "/" + name));
  }
  NL_RETURN_IF_ERROR(Files().SyncDirectory(kept));
  for (const uint64_t number : headless_segments_)
    NL_RETURN_IF_ERROR(Files().Remove(LogPath() + "/" + wal::SegmentName(number)));

  if (lock_ >= 0) close(std::exchange(lock_, -1));
  EngineOptions options;
  options.data_dir = data_dir_;
  options.wal_accept_damage = true;
  options.wal.segment_bytes = 1u << 20;
  options.wal.recycle_segments_max = 0;  // the quarantine's names must keep their bytes
  metrics::Registry registry;
  Environment environment;
  environment.metrics = &registry;
  {
    NL_TRY(const auto engine, Engine::Open(options, environment));
    engine->Close();
  }
  return Lock();
}

}  // namespace neurallog::engine
