#include "backup/repository.h"

#include <algorithm>

#include "base/time_format.h"

namespace neurallog::backup {
namespace {

constexpr size_t kManifestBytesMax = 256u << 20;  // about 800,000 files
constexpr int kBackupsPerSecondMax = 1000;

// "backups/20261121T023401Z.json" to its id, or empty.
std::string IdOf(std::string_view object) {
  constexpr std::string_view kFolder = "backups/", kSuffix = ".json";
  if (!object.starts_with(kFolder) || !object.ends_with(kSuffix)) return {};
  object.remove_prefix(kFolder.size());
  object.remove_suffix(kSuffix.size());
  return std::string(object);
}

// RFC 3339 without its punctuation and fraction.
std::string TimeId(int64_t created_ns) {
  std::string id = base::FormatRfc3339(created_ns).substr(0, 19);
  std::erase_if(id, [](char c) { return c == '-' || c == ':'; });
  return id + "Z";
}

}  // namespace

Result<std::map<std::string, uint64_t>> Repository::Objects() const {
  NL_TRY(const std::vector<objstore::ObjectInfo> listed, store_->List("files"));
  std::map<std::string, uint64_t> objects;
  for (const objstore::ObjectInfo& object : listed) objects[object.name] = object.bytes;
  return objects;
}

Result<std::vector<Manifest>> Repository::List(std::vector<std::string>* damage) const {
  NL_TRY(const std::vector<objstore::ObjectInfo> listed, store_->List("backups"));
  std::vector<Manifest> manifests;
  for (const objstore::ObjectInfo& object : listed) {
    const std::string id = IdOf(object.name);
    if (id.empty()) continue;
    auto manifest = Find(id);
    if (!manifest.ok() && manifest.status().code() != Code::kCorruption) return manifest.status();
    if (manifest.ok()) {
      manifests.push_back(std::move(manifest).value());
    } else {
      damage->emplace_back(manifest.status().message());
    }
  }
  std::sort(manifests.begin(), manifests.end(), [](const Manifest& a, const Manifest& b) {
    return a.created_ns != b.created_ns ? a.created_ns < b.created_ns : a.id < b.id;
  });
  return manifests;
}

Result<Manifest> Repository::Find(const std::string& id) const {
  if (id.empty()) {
    std::vector<std::string> damage;
    NL_TRY(std::vector<Manifest> manifests, List(&damage));
    if (!manifests.empty()) return std::move(manifests.back());
    return NotFound(damage.empty() ? "there is no backup" : "no backup can be read: " + damage[0]);
  }
  auto text = objstore::ReadObject(*store_, ManifestObject(id), kManifestBytesMax);
  if (text.status().code() == Code::kNotFound) return NotFound("there is no backup " + id);
  if (!text.ok()) return text.status().Annotate("backup " + id);
  auto manifest = DecodeManifest(*text);
  if (!manifest.ok()) return manifest.status().Annotate("backup " + id);
  if (manifest->id != id)
    return Corruption("backup " + id + ": its manifest is of " + manifest->id);
  return manifest;
}

Result<std::string> Repository::NewId(int64_t created_ns) const {
  NL_TRY(const std::vector<objstore::ObjectInfo> listed, store_->List("backups"));
  const auto is_taken = [&](const std::string& id) {
    return std::any_of(listed.begin(), listed.end(),
                       [&](const auto& object) { return IdOf(object.name) == id; });
  };
  const std::string id = TimeId(created_ns);
  if (!is_taken(id)) return id;
  for (int i = 2; i < kBackupsPerSecondMax; ++i)
    if (const std::string numbered = id + "-" + std::to_string(i); !is_taken(numbered))
      return numbered;
  return Conflict("there are " + std::to_string(kBackupsPerSecondMax) + " backups of this second");
}

}  // namespace neurallog::backup
