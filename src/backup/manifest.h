// What one backup holds: the list of its files, as the JSON object backups/<id>.json. docs/formats/backup.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::backup {

// One file of the data folder.
struct FileEntry {
  std::string path;  // inside the data folder, "store/000012.sst"
  uint64_t bytes = 0;
  std::string sha256;       // names the object that holds the bytes
  int64_t modified_ns = 0;  // of the source when it was read; an equal file is not read again
};

// A plain value.
struct Manifest {
  std::string id;  // its time, "20261121T023401Z", with "-2" and so on when a second has several
  int64_t created_ns = 0;
  std::string server_version;
  uint64_t durable_lsn = 0;  // every log frame up to here is in the backup and none behind it
  std::vector<FileEntry> files;
  uint64_t new_files = 0;  // those that no earlier backup had
  uint64_t new_bytes = 0;

  uint64_t bytes() const;
};

std::string EncodeManifest(const Manifest& manifest);
// Corruption when the text's checksum or its form is wrong.
Result<Manifest> DecodeManifest(std::string_view text);

std::string ManifestObject(std::string_view id);
std::string FileObject(std::string_view sha256);

}  // namespace neurallog::backup
