#include "engine/doctor.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "auth/api_key.h"
#include "base/bytes.h"
#include "base/time_format.h"
#include "engine/checkpoint.h"
#include "model/record_batch.h"
#include "storage/damage_registry.h"
#include "tenant/registry.h"

namespace neurallog::engine {
namespace {

namespace fs = std::filesystem;

// Ranges of "all time" are not worth telling.
std::optional<TimeRange> Known(const TimeRange& range) {
  const TimeRange all;
  return range.start_ns == all.start_ns && range.end_ns == all.end_ns
             ? std::nullopt
             : std::optional<TimeRange>(range);
}

}  // namespace

std::string ToText(const Finding& finding) {
  std::string text = finding.place;
  if (!finding.tenant.empty()) text += ", tenant " + finding.tenant;
  if (!finding.block.empty()) text += ", block " + finding.block;
  if (finding.range)
    text += ", " + base::FormatRfc3339(finding.range->start_ns) + " to " +
            base::FormatRfc3339(finding.range->end_ns);
  if (finding.rows) text += ", " + std::to_string(*finding.rows) + " rows";
  return text + ": " + finding.what + "; " + finding.remedy;
}

Result<std::unique_ptr<Doctor>> Doctor::Open(const std::string& data_dir, bool may_repair) {
  const bool is_half_repaired = fs::exists(data_dir + "/" + kRepairMark);
  if (!fs::exists(data_dir + "/store") && !is_half_repaired)
    return NotFound(data_dir + " holds no data of a server");
  if (is_half_repaired && !may_repair)
    return Conflict("a repair of " + data_dir + " did not end; run it again");
  std::unique_ptr<Doctor> doctor(new Doctor(data_dir));
  NL_RETURN_IF_ERROR(doctor->FinishSwap());
  NL_RETURN_IF_ERROR(doctor->Lock());
  return doctor;
}

Doctor::~Doctor() {
  if (lock_ >= 0) close(lock_);
}

// The lock that RocksDB takes when it opens a store for writing. A store that was just restored has no such file yet.
Status Doctor::Lock() {
  const std::string path = StorePath() + "/LOCK";
  lock_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (lock_ < 0)
    return errno == ENOENT ? Status() : IoError("open " + path + ": " + std::strerror(errno));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(lock_, F_SETLK, &lock) == 0) return {};
  return Conflict("a server has " + data_dir_ + " open; stop it first");
}

const std::vector<Finding>& Doctor::Examine() {
  findings_.clear();
  store_damage_.clear();
  headless_segments_.clear();
  tenants_.clear();
  log_frames_ = 0;
  store_unreadable_ = log_damaged_ = false;
  expectation_ = {};
  ExamineStore();
  ExamineLog();
  return findings_;
}

void Doctor::ExamineStore() {
  auto inspector = storage::Inspector::Open(StorePath());
  if (!inspector.ok()) {
    store_unreadable_ = true;
    return Add({"store",
                "",
                "",
                {},
                {},
                std::string(inspector.status().message()),
                "cannot be repaired: restore a backup"});
  }
  ExamineMeta(**inspector);
  (*inspector)->Check(TenantIds(), [this](const storage::StoreDamage& damage) {
    AddStoreDamage(damage);
  });
  stats_ = (*inspector)->stats();
}

void Doctor::ExamineMeta(const storage::Inspector& inspector) {
  const auto bad = [this](std::string_view key, const Status& status) {
    storage::StoreDamage damage;
    damage.family = "meta";
    damage.what = "entry " + std::string(key) + ": " + std::string(status.message());
    damage.keys.push_back({std::string(key), std::string(key) + '\0'});
    AddStoreDamage(damage);
  };
  inspector.ScanMeta("tenant/", [&](std::string_view key, std::string_view value) {
    const auto info = tenant::DecodeTenant(value);
    info.ok() ? static_cast<void>(tenants_[info->id] = info->name) : bad(key, info.status());
  });
  inspector.ScanMeta("key/", [&](std::string_view key, std::string_view value) {
    const auto decoded = auth::DecodeKey(value);
    if (!decoded.ok()) bad(key, decoded.status());
  });
  inspector.ScanMeta(kCheckpointKey, [&](std::string_view key, std::string_view value) {
    if (key == kCheckpointKey && value.size() == 16)
      expectation_ = {base::LoadLe<uint64_t>(value.data()),
                      base::LoadLe<uint64_t>(value.data() + 8)};
  });
}

std::vector<TenantId> Doctor::TenantIds() const {
  std::vector<TenantId> ids;
  for (const auto& [id, name] : tenants_) ids.push_back(id);
  return ids;
}

std::string Doctor::TenantName(TenantId id) const {
  const auto found = tenants_.find(id);
  return found != tenants_.end()
             ? found->second
             : "number " + std::to_string(static_cast<uint32_t>(id)) + " (without a name)";
}

void Doctor::AddStoreDamage(const storage::StoreDamage& damage) {
  store_damage_.push_back(damage);
  Finding finding;
  finding.place = damage.family == "meta" ? damage.family : "partition " + damage.family;
  if (damage.tenant) finding.tenant = TenantName(*damage.tenant);
  if (damage.block) finding.block = storage::BlockName(*damage.block);
  finding.range = Known(damage.range);
  finding.rows = damage.rows;
  finding.what = damage.what;
  finding.remedy = damage.rebuild ? "a repair writes the partition anew with what can be read"
                   : damage.block ? "a repair removes the block"
                                  : "a repair removes the entry";
  Add(std::move(finding));
}

void Doctor::ExamineLog() {
  const auto damaged = [this](std::string what, std::string remedy) {
    log_damaged_ = true;
    Add({"log", "", "", {}, {}, std::move(what), std::move(remedy)});
  };
  const std::string remedy = "a repair keeps what can be read and lets the rest go";
  if (!fs::exists(LogPath())) {
    if (expectation_.needed_from <= expectation_.durable_lsn)
      damaged("its folder is missing, and frames from " + std::to_string(expectation_.needed_from) +
                  " on are needed",
              remedy);
    return;
  }
  const auto log = wal::Replay(
      &io::FileSystem::Posix(), LogPath(), expectation_, [&](const wal::Frame& frame) -> Status {
        ++log_frames_;
        const auto batch = model::RecordBatch::Decode(frame.payload);
        if (!batch.ok())
          damaged("frame " + std::to_string(frame.info.lsn) + " of tenant " +
                      TenantName(frame.info.tenant) + ": " + std::string(batch.status().message()),
                  "cannot be repaired: restore a backup");
        return {};
      });
  if (!log.ok()) return damaged(std::string(log.status().message()), "look at the disk");
  for (const std::string& what : log->damage) damaged(what, remedy);
  headless_segments_ = log->headless_segments;
}

}  // namespace neurallog::engine
