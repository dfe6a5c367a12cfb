#include "backup/manifest.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"
#include "base/json_text.h"
#include "base/json_value.h"
#include "base/time_format.h"

namespace neurallog::backup {
namespace {

constexpr uint64_t kVersion = 1;
// The last member of the document, of fixed length: the CRC-32C of all bytes before it.
constexpr std::string_view kChecksumMember = ",\n\"crc32c\":\"";
constexpr std::string_view kEnd = "\"}\n";
constexpr size_t kChecksumBytes = kChecksumMember.size() + 8 + kEnd.size();

std::string Checksum(std::string_view text) {
  char hex[9];
  std::snprintf(hex, sizeof(hex), "%08x", base::Crc32c(0, text.data(), text.size()));
  return std::string(kChecksumMember).append(hex).append(kEnd);
}

void AppendMember(std::string* json, std::string_view name, std::string_view text) {
  json->append("\"").append(name).append("\":");
  base::AppendJsonString(json, text);
}

void AppendMember(std::string* json, std::string_view name, int64_t number) {
  json->append("\"").append(name).append("\":").append(std::to_string(number));
}

void AppendFile(std::string* json, const FileEntry& file) {
  json->append("{");
  AppendMember(json, "path", file.path);
  json->append(",");
  AppendMember(json, "bytes", static_cast<int64_t>(file.bytes));
  json->append(",");
  AppendMember(json, "sha256", file.sha256);
  json->append(",");
  AppendMember(json, "modified_ns", file.modified_ns);
  json->append("}");
}

// A path that stays inside the folder it is restored to.
bool IsInside(std::string_view path) {
  return !path.empty() && path.front() != '/' && path.find("..") == std::string_view::npos &&
         path.find('\0') == std::string_view::npos;
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status ReadFile(const base::JsonValue& json, FileEntry* file) {
  NL_TRY(file->path, json.String("path"));
  NL_TRY(file->bytes, json.Unsigned("bytes"));
  NL_TRY(file->sha256, json.String("sha256"));
  NL_TRY(file->modified_ns, json.Signed("modified_ns"));
  if (IsInside(file->path) && IsSha256(file->sha256)) return {};
  return InvalidArgument("file \"" + file->path + "\" with sha256 \"" + file->sha256 +
                         "\" is not allowed");
}

Result<Manifest> ReadManifest(const base::JsonValue& json) {
  NL_TRY(const uint64_t version, json.Unsigned("version"));
  if (version != kVersion)
    return InvalidArgument("version " + std::to_string(version) + ", expected " +
                           std::to_string(kVersion));
  Manifest manifest;
  NL_TRY(manifest.id, json.String("id"));
  NL_TRY(manifest.created_ns, json.Signed("created_ns"));
  NL_TRY(manifest.server_version, json.String("server_version"));
  NL_TRY(manifest.durable_lsn, json.Unsigned("durable_lsn"));
  NL_TRY(manifest.new_files, json.Unsigned("new_files"));
  NL_TRY(manifest.new_bytes, json.Unsigned("new_bytes"));
  NL_TRY(const base::JsonValue* files, json.Array("files"));
  for (const base::JsonValue& item : files->items())
    NL_RETURN_IF_ERROR(ReadFile(item, &manifest.files.emplace_back()));
  return manifest;
}

}  // namespace

uint64_t Manifest::bytes() const {
  uint64_t total = 0;
  for (const FileEntry& file : files) total += file.bytes;
  return total;
}

std::string EncodeManifest(const Manifest& manifest) {
  std::string json = "{";
  AppendMember(&json, "version", static_cast<int64_t>(kVersion));
  json.append(",\n");
  AppendMember(&json, "id", manifest.id);
  json.append(",\n");
  AppendMember(&json, "created", base::FormatRfc3339(manifest.created_ns));
  json.append(",\n");
  AppendMember(&json, "created_ns", manifest.created_ns);
  json.append(",\n");
  AppendMember(&json, "server_version", manifest.server_version);
  json.append(",\n");
  AppendMember(&json, "durable_lsn", static_cast<int64_t>(manifest.durable_lsn));
  json.append(",\n");
  AppendMember(&json, "new_files", static_cast<int64_t>(manifest.new_files));
  json.append(",\n");
  AppendMember(&json, "new_bytes", static_cast<int64_t>(manifest.new_bytes));
  json.append(",\n\"files\":[");
  for (const FileEntry& file : manifest.files) {
    json.append(json.back() == '[' ? "\n" : ",\n");
    AppendFile(&json, file);
  }
  json.append("]");
  return json + Checksum(json);
}

Result<Manifest> DecodeManifest(std::string_view text) {
  if (text.size() < kChecksumBytes) return Corruption("manifest is cut off");
  const std::string_view covered = text.substr(0, text.size() - kChecksumBytes);
  if (text.substr(covered.size()) != Checksum(covered))
    return Corruption("manifest: checksum mismatch");
  const auto json = base::ParseJson(text);
  if (!json.ok()) return Corruption("manifest: " + std::string(json.status().message()));
  auto manifest = ReadManifest(*json);
  if (!manifest.ok()) return Corruption("manifest: " + std::string(manifest.status().message()));
  return manifest;
}

std::string ManifestObject(std::string_view id) { return "backups/" + std::string(id) + ".json"; }
std::string FileObject(std::string_view sha256) { return "files/" + std::string(sha256); }

}  // namespace neurallog::backup
