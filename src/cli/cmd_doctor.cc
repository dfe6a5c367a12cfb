#include <fmt/format.h>

#include <cstdio>

#include "base/log.h"
#include "cli/commands.h"
#include "engine/doctor.h"

namespace neurallog::cli {
namespace {

constexpr int kClean = 0, kDamaged = 1, kCannotRun = 2;

int CannotRun(const Status& status) {
  fmt::print(stderr, "neurallog: {}\n", status.message());
  return kCannotRun;
}

void Print(const engine::Doctor& doctor) {
  for (const engine::Finding& finding : doctor.findings())
    fmt::print("damage: {}\n", engine::ToText(finding));
  const storage::InspectorStats& stats = doctor.stats();
  fmt::print(
      "{} partitions, {} files, {} blocks of {} rows, {} column chunks, {} bytes, {} log frames: "
      "{}\n",
      stats.partitions, stats.files, stats.blocks, stats.rows, stats.chunks, stats.bytes,
      doctor.log_frames(),
      doctor.findings().empty() ? "no damage"
                                : std::to_string(doctor.findings().size()) + " damaged");
}

}  // namespace

int Examine(const std::string& data_dir, bool repair) {
  base::SetLogLevel(base::LogLevel::kError);
  auto doctor = engine::Doctor::Open(data_dir, repair);
  if (!doctor.ok()) return CannotRun(doctor.status());
  (*doctor)->Examine();
  Print(**doctor);
  if ((*doctor)->findings().empty()) return kClean;
  if (!repair) return kDamaged;
  const auto quarantine = (*doctor)->Repair();
  if (!quarantine.ok()) {
    fmt::print(stderr, "neurallog: repair: {}\n", quarantine.status().message());
    return kDamaged;
  }
  fmt::print("repaired; what was there lies in {}\n", *quarantine);
  (*doctor)->Examine();
  Print(**doctor);
  return (*doctor)->findings().empty() ? kClean : kDamaged;
}

}  // namespace neurallog::cli
