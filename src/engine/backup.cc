// A backup of a running engine. What is copied must hold still meanwhile: RocksDB's checkpoint is a folder of hard links, and log segments
// get second names beside it (wal::Writer::LinkSegments). So the engine is held up for no longer than a flush.
//
// The order makes the backup exact: blocks first, then the durable LSN is read, then the log is linked. Rows of the blocks stand at or
// below that LSN, and the log is copied up to it: restored, the folder holds the rows up to there and no other.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "backup/repository.h"
#include "engine/engine.h"
#include "neurallog/version.h"
#include "wal/reader.h"

namespace neurallog::engine {
namespace {

// A folder in the data folder, gone at the end of the scope.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) { Remove(); }
  ~TemporaryFolder() { Remove(); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  void Remove() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string path_;
};

// The file at folder/path as it is now.
Result<backup::SourceFile> Describe(const std::string& folder, const std::string& path) {
  const std::string full = folder + "/" + path;
  struct stat info;
  if (stat(full.c_str(), &info) != 0) return IoError("stat " + full + ": " + std::strerror(errno));
  return backup::SourceFile{path, full, static_cast<uint64_t>(info.st_size),
                            info.st_mtim.tv_sec * base::kNsPerSecond + info.st_mtim.tv_nsec};
}

Status ListStore(io::FileSystem* file_system, const std::string& folder,
                 std::vector<backup::SourceFile>* files) {
  NL_TRY(std::vector<std::string> names, file_system->List(folder + "/store"));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    NL_TRY(backup::SourceFile file, Describe(folder, "store/" + name));
    files->push_back(std::move(file));
  }
  return {};
}

// The segments, each up to its last frame that was durable. A log without frames is its last segment's header, which keeps its number.
Status ListLog(io::FileSystem* file_system, const std::string& folder, uint64_t first_lsn,
               uint64_t durable_lsn, std::vector<backup::SourceFile>* files) {
  std::map<uint64_t, uint64_t> ends;  // by segment
  NL_TRY(const wal::ReplaySummary log,
         wal::Replay(file_system, folder + "/wal", {first_lsn, durable_lsn},
                     [&](const wal::Frame& frame) -> Status {
                       if (frame.info.lsn <= durable_lsn)
                         ends[frame.segment] = wal::AlignUp(frame.end_offset);
                       return {};
                     }));
  if (!log.damage.empty())
    return Corruption("the write-ahead log is damaged: " + log.damage.front());
  if (ends.empty() && log.last_segment != 0) ends[log.last_segment] = wal::kSegmentHeaderBytes;
  for (const auto& [number, end] : ends) {
    NL_TRY(backup::SourceFile file, Describe(folder, "wal/" + wal::SegmentName(number)));
    file.bytes = std::min(file.bytes, end);
    files->push_back(std::move(file));
  }
  return {};
}

}  // namespace

std::string Engine::BackupFolder() const { return options_.data_dir + "/backup.tmp"; }

Result<backup::Manifest> Engine::CreateBackup(backup::Repository* repository,
                                              backup::Progress* progress) {
  if (!damage_.empty()) return WriteStatus();
  if (backup_running_.exchange(true)) return Conflict("a backup is being made already");
  const std::shared_ptr<void> running(nullptr, [this](void*) { backup_running_ = false; });
  io::FileSystem* const files_of = environment_.file_system;
  const TemporaryFolder folder(BackupFolder());
  NL_RETURN_IF_ERROR(files_of->CreateDirectories(folder.path() + "/wal"));

  backup::Source source{environment_.clock->WallNs(), std::string(kVersion), 0};
  NL_TRY(const uint64_t first_lsn, HoldStill(folder.path(), &source.durable_lsn));
  std::vector<backup::SourceFile> files;
  NL_RETURN_IF_ERROR(ListStore(files_of, folder.path(), &files));
  NL_RETURN_IF_ERROR(ListLog(files_of, folder.path(), first_lsn, source.durable_lsn, &files));
  return repository->Create(files_of, source, files, progress);
}

Result<uint64_t> Engine::HoldStill(const std::string& folder, uint64_t* durable_lsn) {
  wal::Writer& writer = journaler_->writer();
  writer.Pin();
  const std::shared_ptr<void> pinned(nullptr, [&writer](void*) { writer.Unpin(); });
  NL_RETURN_IF_ERROR(store_->Checkpoint(folder + "/store"));
  *durable_lsn = writer.durable_lsn();
  NL_TRY(const std::vector<wal::Writer::LiveSegment> segments,
         writer.LinkSegments(folder + "/wal"));
  return segments.empty() ? *durable_lsn + 1 : segments.front().first_lsn;
}

}  // namespace neurallog::engine
