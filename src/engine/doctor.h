// Examines a data folder that no server has open, and repairs it when told to.
//
//   NL_TRY(auto doctor, Doctor::Open("/var/lib/neurallog"));
//   for (const Finding& finding : doctor->Examine()) ...;
//   if (!doctor->findings().empty()) NL_TRY(std::string quarantine, doctor->Repair());
//
// Examine reads every byte and changes nothing. Repair takes what is damaged out of the way, so that a server starts and serves the rest:
// damaged blocks go, files that cannot be read in whole are written anew without what is unreadable, the readable rows of a damaged log are
// put into blocks. The store and the log as they were stay in <data_dir>/quarantine/<time>, with a report.
// Not thread-safe. Holds RocksDB's lock from Open on.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "storage/inspector.h"
#include "wal/reader.h"

namespace neurallog::engine {

// One damaged thing, as it is told to people.
struct Finding {
  std::string place;               // "partition d20261121", "meta", "log", "store"
  std::string tenant;              // empty: none, or not known
  std::string block;               // "lsn/row/rewrite", or empty
  std::optional<TimeRange> range;  // of the rows that are concerned
  std::optional<uint64_t> rows;    // that go with it; nothing: not known
  std::string what;
  std::string remedy;  // what Repair does, or what else helps
};
std::string ToText(const Finding& finding);

class Doctor {
 public:
  // Conflict when a server has the folder open, NotFound when there is nothing to examine. A repair that did not end is ended, if it may.
  static Result<std::unique_ptr<Doctor>> Open(const std::string& data_dir, bool may_repair);
  ~Doctor();

  const std::vector<Finding>& Examine();
  const std::vector<Finding>& findings() const { return findings_; }
  const storage::InspectorStats& stats() const { return stats_; }
  uint64_t log_frames() const { return log_frames_; }

  // After Examine. Returns the quarantine folder. Needs free space for the partitions whose files are damaged. When it fails, or the
  // process dies, the folder is as it was, or calling it again goes on.
  Result<std::string> Repair();

  // In the data folder while the repaired store takes the place of the damaged one.
  static constexpr char kRepairMark[] = "repair.incomplete";

 private:
  explicit Doctor(std::string data_dir) : data_dir_(std::move(data_dir)) {}
  Status Lock();
  Status FinishSwap();
  void ExamineStore();
  void ExamineMeta(const storage::Inspector& inspector);
  void ExamineLog();
  void Add(Finding finding) { findings_.push_back(std::move(finding)); }
  void AddStoreDamage(const storage::StoreDamage& damage);
  std::string TenantName(TenantId id) const;
  std::vector<TenantId> TenantIds() const;

  Status RepairStore(const std::string& quarantine);
  Status RepairLog(const std::string& quarantine);
  Status WriteReport(const std::string& quarantine) const;
  std::string StorePath() const { return data_dir_ + "/store"; }
  std::string LogPath() const { return data_dir_ + "/wal"; }

  const std::string data_dir_;
  int lock_ = -1;
  std::vector<Finding> findings_;
  std::vector<storage::StoreDamage> store_damage_;
  bool store_unreadable_ = false;
  bool log_damaged_ = false;
  std::vector<uint64_t> headless_segments_;
  wal::ReplayExpectation expectation_;
  std::map<TenantId, std::string> tenants_;
  storage::InspectorStats stats_;
  uint64_t log_frames_ = 0;
};

}  // namespace neurallog::engine
