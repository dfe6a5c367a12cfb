// Reads the records of a RocksDB blob file without RocksDB: when the keys that point into it are lost, each record still says its key.
// Internal: no other room includes it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::storage {

// Visits each record whose checksums verify; what does not verify is stepped over. Reads the whole file into memory (at most
// blob_file_size, 256 MiB).
Status ScanBlobFile(
    const std::string& path,
    const std::function<Status(std::string_view key, std::string_view value)>& visit);

}  // namespace neurallog::storage
