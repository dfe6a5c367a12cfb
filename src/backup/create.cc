// Making and removing backups. A file is read twice: once for its name, and once more when no object has it yet.
#include <algorithm>
#include <set>

#include "backup/repository.h"
#include "base/hash.h"
#include "objstore/sha256.h"

namespace neurallog::backup {
namespace {

constexpr size_t kStepBytes = 1u << 20;

// Passes the first `file.bytes` bytes to `sink`.
Status ReadSource(io::FileSystem* file_system, const SourceFile& file, const Progress& progress,
                  const std::function<Status(std::string_view)>& sink) {
  NL_TRY(auto opened, file_system->Open(file.read_from, io::OpenMode::kRead, /*direct=*/false));
  std::string step(std::min<uint64_t>(file.bytes, kStepBytes), '\0');
  for (uint64_t offset = 0; offset < file.bytes;) {
    if (progress.cancelled) return Cancelled("the backup was cancelled");
    const size_t wanted = std::min<uint64_t>(step.size(), file.bytes - offset);
    size_t read;
    NL_RETURN_IF_ERROR(opened->ReadAt(offset, step.data(), wanted, &read));
    if (read < wanted)
      return IoError(file.read_from + " ends at " + std::to_string(offset + read) + ", expected " +
                     std::to_string(file.bytes) + " bytes");
    NL_RETURN_IF_ERROR(sink({step.data(), read}));
    offset += read;
  }
  return {};
}

Status CopyObject(io::FileSystem* file_system, const SourceFile& file, const std::string& name,
                  uint32_t expected_crc, objstore::ObjectStore* store, const Progress& progress) {
  NL_TRY(auto writer, store->Create(name));
  uint32_t crc = 0;
  NL_RETURN_IF_ERROR(ReadSource(file_system, file, progress, [&](std::string_view bytes) {
    crc = base::Crc32c(crc, bytes.data(), bytes.size());
    return writer->Append(bytes);
  }));
  if (crc != expected_crc) return IoError(file.read_from + " reads differently each time");
  return writer->Commit();
}

}  // namespace

Result<Manifest> Repository::Create(io::FileSystem* file_system, const Source& source,
                                    const std::vector<SourceFile>& files, Progress* progress) {
  NL_TRY(const auto lock, store_->Lock());
  NL_TRY(auto objects, Objects());
  KnownFiles known;
  if (const auto last = Find(""); last.ok())
    for (const FileEntry& file : last->files) known[file.path] = file;
  Manifest manifest;
  NL_TRY(manifest.id, NewId(source.created_ns));
  manifest.created_ns = source.created_ns;
  manifest.server_version = source.server_version;
  manifest.durable_lsn = source.durable_lsn;
  progress->files_total = files.size();
  for (const SourceFile& file : files) progress->bytes_total += file.bytes;
  for (const SourceFile& file : files) {
    NL_TRY(FileEntry entry, Store(file_system, file, known, &objects, &manifest, progress));
    manifest.files.push_back(std::move(entry));
  }
  NL_TRY(auto writer, store_->Create(ManifestObject(manifest.id)));
  NL_RETURN_IF_ERROR(writer->Append(EncodeManifest(manifest)));
  NL_RETURN_IF_ERROR(writer->Commit());
  return manifest;
}

Result<FileEntry> Repository::Store(io::FileSystem* file_system, const SourceFile& file,
                                    const KnownFiles& known,
                                    std::map<std::string, uint64_t>* objects, Manifest* manifest,
                                    Progress* progress) {
  FileEntry entry{file.path, file.bytes, "", file.modified_ns};
  const auto is_stored = [&](const std::string& sha256) {
    const auto object = objects->find(FileObject(sha256));
    return object != objects->end() && object->second == file.bytes;
  };
  const auto before = known.find(file.path);
  const bool is_unchanged = before != known.end() && before->second.bytes == file.bytes &&
                            before->second.modified_ns == file.modified_ns &&
                            is_stored(before->second.sha256);
  if (is_unchanged) {
    entry.sha256 = before->second.sha256;
  } else {
    objstore::Sha256 sha256;
    uint32_t crc = 0;
    NL_RETURN_IF_ERROR(ReadSource(file_system, file, *progress, [&](std::string_view bytes) {
      sha256.Update(bytes);
      crc = base::Crc32c(crc, bytes.data(), bytes.size());
      return Status();
    }));
    entry.sha256 = sha256.Finish();
    if (!is_stored(entry.sha256)) {
      NL_RETURN_IF_ERROR(
          CopyObject(file_system, file, FileObject(entry.sha256), crc, store_.get(), *progress));
      (*objects)[FileObject(entry.sha256)] = file.bytes;
      ++manifest->new_files;
      manifest->new_bytes += file.bytes;
    }
  }
  ++progress->files_done;
  progress->bytes_done += file.bytes;
  return entry;
}

// Manifests go first: an interrupted prune leaves objects that nobody needs, never a backup without its objects.
Result<PruneReport> Repository::Prune(size_t keep) {
  NL_TRY(const auto lock, store_->Lock());
  std::vector<std::string> damage;
  NL_TRY(const std::vector<Manifest> manifests, List(&damage));
  if (!damage.empty())
    return Corruption(damage[0] + "; nothing was removed, because what it needs is not known");
  const size_t kept = std::min(std::max<size_t>(keep, 1), manifests.size());
  PruneReport report;
  std::set<std::string> needed;
  for (size_t i = 0; i < manifests.size(); ++i) {
    if (i + kept < manifests.size()) {
      NL_RETURN_IF_ERROR(store_->Delete(ManifestObject(manifests[i].id)));
      report.removed.push_back(manifests[i].id);
    } else {
      for (const FileEntry& file : manifests[i].files) needed.insert(FileObject(file.sha256));
    }
  }
  NL_TRY(const auto objects, Objects());
  for (const auto& [name, bytes] : objects) {
    if (needed.contains(name)) continue;
    NL_RETURN_IF_ERROR(store_->Delete(name));
    ++report.files;
    report.bytes += bytes;
  }
  return report;
}

}  // namespace neurallog::backup
