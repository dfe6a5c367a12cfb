// Keeps RocksDB from being opened for writing while a folder is only read, and tells whether it is.
//
// A shared lock on the file on which RocksDB takes an exclusive one. Several readers may hold it.
#pragma once

#include <memory>
#include <string>

#include "neurallog/status.h"

namespace neurallog::storage {

class FolderLock {
 public:
  // `path` is RocksDB's LOCK file. Unavailable while another process has the store open.
  static Result<std::unique_ptr<FolderLock>> Take(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace neurallog::storage
