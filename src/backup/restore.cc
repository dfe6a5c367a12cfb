// Reading backups back. Each object's bytes are hashed as they are read, in Verify and in Restore alike.
#include <set>

#include "backup/repository.h"
#include "objstore/sha256.h"

namespace neurallog::backup {
namespace {

constexpr size_t kReadBytes = 1u << 20;

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

Status CheckEmpty(io::FileSystem* file_system, const std::string& data_dir) {
  const auto names = file_system->List(data_dir);
  if (names.status().code() == Code::kNotFound) return {};
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == kRestoreMark)
      return Conflict(data_dir + " holds a restore that did not end; remove the folder first");
    if (name != "lost+found") return Conflict(data_dir + " is not empty: it holds " + name);
  }
  return {};
}

Status WriteMark(io::FileSystem* file_system, const std::string& data_dir) {
  NL_TRY(auto file, file_system->Open(data_dir + "/" + kRestoreMark, io::OpenMode::kWrite,
                                      /*direct=*/false));
  NL_RETURN_IF_ERROR(file->Sync());
  return file_system->SyncDirectory(data_dir);
}

}  // namespace

Status Repository::ReadChecked(const FileEntry& file, Progress* progress,
                               const std::function<Status(std::string_view)>& sink) const {
  const std::string name = FileObject(file.sha256);
  const auto reader = store_->Open(name);
  if (reader.status().code() == Code::kNotFound) return NotFound(name + " is missing");
  if (!reader.ok()) return reader.status();
  objstore::Sha256 sha256;
  std::string step(kReadBytes, '\0');
  uint64_t bytes = 0;
  for (size_t got = kReadBytes; got == kReadBytes;) {
    if (progress->cancelled) return Cancelled("cancelled");
    NL_TRY(got, (*reader)->Read(step.data(), step.size()));
    sha256.Update({step.data(), got});
    bytes += got;
    progress->bytes_done += got;
    if (bytes <= file.bytes) NL_RETURN_IF_ERROR(sink({step.data(), got}));
  }
  if (bytes != file.bytes)
    return Corruption(name + " has " + std::to_string(bytes) + " bytes, expected " +
                      std::to_string(file.bytes));
  if (sha256.Finish() != file.sha256) return Corruption(name + ": checksum mismatch");
  return {};
}

Result<VerifyReport> Repository::Verify(const std::string& id, Progress* progress) const {
  VerifyReport report;
  std::vector<Manifest> manifests;
  std::vector<std::string> damage;
  if (id.empty()) {
    NL_TRY(manifests, List(&damage));
  } else {
    NL_TRY(Manifest manifest, Find(id));
    manifests.push_back(std::move(manifest));
  }
  for (std::string& what : damage) report.bad.push_back({std::move(what), {}, {}});

  struct User {
    const FileEntry* file;
    std::vector<std::string> paths, backups;
  };
  std::map<std::string, User> users;
  for (const Manifest& manifest : manifests) {
    for (const FileEntry& file : manifest.files) {
      User& user = users.try_emplace(file.sha256, User{&file, {}, {}}).first->second;
      if (user.paths.empty() || user.paths.back() != file.path) user.paths.push_back(file.path);
      if (user.backups.empty() || user.backups.back() != manifest.id)
        user.backups.push_back(manifest.id);
    }
  }
  progress->files_total = users.size();
  for (const auto& [sha256, user] : users) progress->bytes_total += user.file->bytes;
  for (auto& [sha256, user] : users) {
    const Status read =
        ReadChecked(*user.file, progress, [](std::string_view) { return Status(); });
    if (read.code() == Code::kCancelled) return read;
    if (!read.ok()) report.bad.push_back({std::string(read.message()), user.paths, user.backups});
    ++progress->files_done;
    report.bytes += user.file->bytes;
  }
  report.backups = manifests.size();
  report.objects = users.size();
  return report;
}

Status Repository::Restore(const Manifest& manifest, io::FileSystem* file_system,
                           const std::string& data_dir, Progress* progress) const {
  NL_RETURN_IF_ERROR(CheckEmpty(file_system, data_dir));
  NL_RETURN_IF_ERROR(file_system->CreateDirectories(data_dir));
  NL_RETURN_IF_ERROR(WriteMark(file_system, data_dir));
  progress->files_total = manifest.files.size();
  progress->bytes_total = manifest.bytes();
  std::set<std::string> folders = {data_dir};
  for (const FileEntry& file : manifest.files) {
    const std::string path = data_dir + "/" + file.path;
    if (folders.insert(FolderOf(path)).second)
      NL_RETURN_IF_ERROR(file_system->CreateDirectories(FolderOf(path)));
    NL_TRY(auto to, file_system->Open(path, io::OpenMode::kWrite, /*direct=*/false));
    uint64_t offset = 0;
    NL_RETURN_IF_ERROR(ReadChecked(file, progress, [&](std::string_view bytes) {
                         offset += bytes.size();
                         return to->WriteAt(offset - bytes.size(), bytes.data(), bytes.size());
                       }).Annotate("restore " + file.path));
    NL_RETURN_IF_ERROR(to->Sync());
    ++progress->files_done;
  }
  for (const std::string& folder : folders) NL_RETURN_IF_ERROR(file_system->SyncDirectory(folder));
  NL_RETURN_IF_ERROR(file_system->Remove(data_dir + "/" + kRestoreMark));
  return file_system->SyncDirectory(data_dir);
}

}  // namespace neurallog::backup
