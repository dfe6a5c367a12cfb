// A place that holds backups, all of the same server: files are stored once, under the SHA-256 of their bytes, and shared by the backups
// that need them; each backup is a manifest that is written last.
//
//   Repository repository(objstore::OpenLocalStore(&file_system, "/backup/neurallog"));
//   NL_TRY(Manifest made, repository.Create(source, files, &progress));
//   NL_TRY(VerifyReport report, repository.Verify({}, &progress));
//   NL_RETURN_IF_ERROR(repository.Restore(made.id, &file_system, "/var/lib/neurallog", &progress));
//
// Only new bytes are copied. A backup that does not end is not listed; what it has copied is used by the next one or removed by Prune.
// One writer (Create, Prune) at a time, others get Conflict. Memory: manifests, about 300 bytes per file.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backup/manifest.h"
#include "io/file_system.h"
#include "objstore/object_store.h"

namespace neurallog::backup {

// What another thread may watch, and how it ends the work: every loop looks at `cancelled` once per MiB.
struct Progress {
  std::atomic<uint64_t> files_total{0};
  std::atomic<uint64_t> files_done{0};
  std::atomic<uint64_t> bytes_total{0};
  std::atomic<uint64_t> bytes_done{0};
  std::atomic<bool> cancelled{false};
};

// A file to be kept, as it is now: nobody changes its first `bytes` bytes while it is read.
struct SourceFile {
  std::string path;       // inside the data folder
  std::string read_from;  // where it is
  uint64_t bytes = 0;
  int64_t modified_ns = 0;
};

struct Source {
  int64_t created_ns = 0;
  std::string server_version;
  uint64_t durable_lsn = 0;
};

// One object that cannot be restored, and whom it hurts.
struct BadObject {
  std::string what;  // "files/0a1b...: 100 bytes, expected 4096"
  std::vector<std::string> paths;
  std::vector<std::string> backups;
};

struct VerifyReport {
  uint64_t backups = 0;
  uint64_t objects = 0;
  uint64_t bytes = 0;
  std::vector<BadObject> bad;
};

struct PruneReport {
  std::vector<std::string> removed;  // ids
  uint64_t files = 0;
  uint64_t bytes = 0;
};

// Thread-safe.
class Repository {
 public:
  explicit Repository(std::unique_ptr<objstore::ObjectStore> store) : store_(std::move(store)) {}

  // Unavailable: the place is full. Whatever goes wrong, the backups that were there stay as they are.
  Result<Manifest> Create(io::FileSystem* file_system, const Source& source,
                          const std::vector<SourceFile>& files, Progress* progress);

  // Oldest first. A damaged manifest is reported in `damage` and left out.
  Result<std::vector<Manifest>> List(std::vector<std::string>* damage) const;
  // The newest for an empty id. NotFound when there is none.
  Result<Manifest> Find(const std::string& id) const;

  // Reads every object of one backup, or of all for an empty id.
  Result<VerifyReport> Verify(const std::string& id, Progress* progress) const;

  // Writes the data folder as it was. Conflict when `data_dir` holds anything. A restore that did not end leaves a mark (kRestoreMark)
  // that keeps a server from starting there.
  Status Restore(const Manifest& manifest, io::FileSystem* file_system, const std::string& data_dir,
                 Progress* progress) const;

  // Keeps the newest `keep` backups (at least one) and removes what no kept backup needs.
  Result<PruneReport> Prune(size_t keep);

 private:
  using KnownFiles = std::map<std::string, FileEntry>;  // by path

  Result<std::string> NewId(int64_t created_ns) const;
  Result<FileEntry> Store(io::FileSystem* file_system, const SourceFile& file,
                          const KnownFiles& known, std::map<std::string, uint64_t>* objects,
                          Manifest* manifest, Progress* progress);
  // Reads an object and compares it; its bytes go to `sink`.
  Status ReadChecked(const FileEntry& file, Progress* progress,
                     const std::function<Status(std::string_view)>& sink) const;
  Result<std::map<std::string, uint64_t>> Objects() const;

  const std::unique_ptr<objstore::ObjectStore> store_;
};

// In the data folder while it is being restored.
inline constexpr char kRestoreMark[] = "restore.incomplete";

}  // namespace neurallog::backup
