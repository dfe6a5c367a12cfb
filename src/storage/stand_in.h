// Files that stand in for SST files which are lost or cannot be opened, so that the other files of their column family can be read.
// Internal: no other room includes it.
//
// RocksDB reads a key through all files that may hold it, and fails when one of them cannot be opened. A stand-in is opened in its place
// and holds nothing but a tombstone for the lost file's first key. The folder itself stays as it is.
#pragma once

#include <rocksdb/file_system.h>
#include <rocksdb/metadata.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::storage {

// The bytes of a table that RocksDB takes for the file. It must be as long as the one that is lost, which a very small one (about 1 KiB)
// cannot be: InvalidArgument.
Result<std::string> MakeStandIn(const rocksdb::SstFileMetaData& lost);

// The system's files, but these in the place of those with their names.
std::shared_ptr<rocksdb::FileSystem> WithStandIns(std::map<std::string, std::string> bytes_by_name);

}  // namespace neurallog::storage
