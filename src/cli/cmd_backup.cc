// Backups: made through a running server or on the folder of a stopped one; listed, verified, restored and pruned where they lie.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "backup/repository.h"
#include "base/json_text.h"
#include "base/json_value.h"
#include "base/time_format.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "objstore/local.h"

namespace neurallog::cli {
namespace {

constexpr std::chrono::milliseconds kPollPause{200};

std::string Absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

backup::Repository OpenRepository(const std::string& directory) {
  return backup::Repository(
      objstore::OpenLocalStore(&io::FileSystem::Posix(), Absolute(directory)));
}

void PrintMade(const std::string& id, uint64_t durable_lsn, uint64_t files, uint64_t bytes,
               uint64_t new_files, uint64_t new_bytes) {
  fmt::print("backup {}: log position {}, {} files of {} bytes, {} files of {} bytes new\n", id,
             durable_lsn, files, bytes, new_files, new_bytes);
}

Status CreateOffline(const std::string& data_dir, const std::string& directory) {
  return WithEngine(data_dir, [&](engine::Engine& engine) -> Status {
    backup::Repository repository = OpenRepository(directory);
    backup::Progress progress;
    NL_TRY(const backup::Manifest made, engine.CreateBackup(&repository, &progress));
    PrintMade(made.id, made.durable_lsn, made.files.size(), made.bytes(), made.new_files,
              made.new_bytes);
    return {};
  });
}

// One look at the job: true when it has ended well.
Result<bool> LookAt(const AdminTarget& target, const std::string& id) {
  NL_TRY(const std::string text, CallServer(target, "GET", "/v1/backups/jobs/" + id, ""));
  NL_TRY(const base::JsonValue job, base::ParseJson(text));
  NL_TRY(const std::string state, job.String("state"));
  if (state == "running") return false;
  if (state != "done") {
    NL_TRY(const std::string error, job.String("error"));
    return Unavailable("the backup failed: " + error);
  }
  NL_TRY(const std::string backup, job.String("backup"));
  NL_TRY(const uint64_t durable_lsn, job.Unsigned("durable_lsn"));
  NL_TRY(const uint64_t files, job.Unsigned("files"));
  NL_TRY(const uint64_t bytes, job.Unsigned("bytes"));
  NL_TRY(const uint64_t new_files, job.Unsigned("new_files"));
  NL_TRY(const uint64_t new_bytes, job.Unsigned("new_bytes"));
  PrintMade(backup, durable_lsn, files, bytes, new_files, new_bytes);
  return true;
}

Status CreateOnline(const AdminTarget& target, const std::string& directory) {
  std::string body = "{\"directory\":";
  base::AppendJsonString(&body, Absolute(directory));
  NL_TRY(const std::string text, CallServer(target, "POST", "/v1/backups", body + "}"));
  NL_TRY(const base::JsonValue job, base::ParseJson(text));
  NL_TRY(const std::string id, job.String("id"));
  for (;;) {
    NL_TRY(const bool is_done, LookAt(target, id));
    if (is_done) return {};
    std::this_thread::sleep_for(kPollPause);
  }
}

Status Verify(const std::string& directory, const std::string& id) {
  backup::Progress progress;
  NL_TRY(const backup::VerifyReport report, OpenRepository(directory).Verify(id, &progress));
  for (const backup::BadObject& bad : report.bad) {
    fmt::print("damaged: {}\n", bad.what);
    for (const std::string& path : bad.paths) fmt::print("  is {}\n", path);
    for (const std::string& backup : bad.backups) fmt::print("  in backup {}\n", backup);
  }
  fmt::print("{} backups, {} objects, {} bytes read\n", report.backups, report.objects,
             report.bytes);
  if (report.bad.empty()) return {};
  return Corruption(std::to_string(report.bad.size()) + " objects are damaged or missing");
}

Status List(const std::string& directory) {
  std::vector<std::string> damage;
  NL_TRY(const std::vector<backup::Manifest> manifests, OpenRepository(directory).List(&damage));
  for (const backup::Manifest& manifest : manifests)
    fmt::print("{}\t{}\tlog position {}\t{} files\t{} bytes\t{} new\n", manifest.id,
               base::FormatRfc3339(manifest.created_ns), manifest.durable_lsn,
               manifest.files.size(), manifest.bytes(), manifest.new_bytes);
  if (damage.empty()) return {};
  return Corruption(damage.front());
}

Status Restore(const std::string& directory, const std::string& id, const std::string& data_dir) {
  const backup::Repository repository = OpenRepository(directory);
  backup::Progress progress;
  NL_TRY(const backup::Manifest manifest, repository.Find(id));
  NL_RETURN_IF_ERROR(
      repository.Restore(manifest, &io::FileSystem::Posix(), Absolute(data_dir), &progress));
  fmt::print("backup {} restored to {}: log position {}, {} files of {} bytes\n", manifest.id,
             data_dir, manifest.durable_lsn, manifest.files.size(), manifest.bytes());
  return {};
}

Status Prune(const std::string& directory, size_t keep) {
  NL_TRY(const backup::PruneReport report, OpenRepository(directory).Prune(keep));
  for (const std::string& id : report.removed) fmt::print("removed backup {}\n", id);
  fmt::print("{} files of {} bytes removed\n", report.files, report.bytes);
  return {};
}

}  // namespace

int CreateBackup(const AdminTarget& target, const std::string& directory) {
  return Finish(target.data_dir ? CreateOffline(*target.data_dir, directory)
                                : CreateOnline(target, directory));
}
int ListBackups(const std::string& directory) { return Finish(List(directory)); }
int VerifyBackups(const std::string& directory, const std::string& id) {
  return Finish(Verify(directory, id));
}
int RestoreBackup(const std::string& directory, const std::string& id,
                  const std::string& data_dir) {
  return Finish(Restore(directory, id, data_dir));
}
int PruneBackups(const std::string& directory, size_t keep) {
  return Finish(Prune(directory, keep));
}

}  // namespace neurallog::cli
