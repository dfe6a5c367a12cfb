// A file system that fails on command, for tests: it passes calls on to another one until told to break.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace neurallog::io {

// Thread-safe: the switches may be thrown while files are in use.
class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem* real) : real_(real) {}

  enum class WriteFault : uint8_t {
    kNone,
    kNoSpace,     // fails with Unavailable and writes nothing; Allocate fails too
    kIoError,     // fails with IoError and writes nothing
    kShortWrite,  // writes the first half, then fails with IoError
  };
  void set_write_fault(WriteFault fault) { write_fault_ = fault; }
  void set_sync_fails(bool fails) { sync_fails_ = fails; }
  // Lets this many more writes through before the write fault begins.
  void set_writes_before_fault(int64_t count) { writes_before_fault_ = count; }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode, bool direct) override;
  Result<std::vector<std::string>> List(const std::string& directory) override {
    return real_->List(directory);
  }
  Status CreateDirectories(const std::string& path) override {
    return real_->CreateDirectories(path);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return real_->Rename(from, to);
  }
  Status Remove(const std::string& path) override { return real_->Remove(path); }
  Status Link(const std::string& existing, const std::string& added) override {
    return real_->Link(existing, added);
  }
  Status SyncDirectory(const std::string& path) override { return real_->SyncDirectory(path); }

 private:
  friend class FaultyFile;
  // The fault that strikes this write.
  WriteFault NextWriteFault();

  FileSystem* const real_;
  std::atomic<WriteFault> write_fault_{WriteFault::kNone};
  std::atomic<bool> sync_fails_{false};
  std::atomic<int64_t> writes_before_fault_{0};
};

}  // namespace neurallog::io
