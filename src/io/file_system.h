// The file operations of the write-ahead log, behind an interface so that tests can break them (faulty_file_system.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::io {

inline constexpr size_t kDirectAlignment = 4096;

// One open file. Not thread-safe.
class File {
 public:
  virtual ~File() = default;
  // Writes all bytes or fails; after a failure any part of them may have been written. Unavailable when the disk or quota is full.
  // With direct I/O, offset, data and count are multiples of kDirectAlignment.
  virtual Status WriteAt(uint64_t offset, const void* data, size_t count) = 0;
  // Reads up to `count` bytes; `*read` is smaller only at the end of the file. Alignment with direct I/O as in WriteAt.
  virtual Status ReadAt(uint64_t offset, void* to, size_t count, size_t* read) = 0;
  // fdatasync. An error means that written bytes may be lost for good: never try again and call it a success.
  virtual Status Sync() = 0;
  // Reserves disk space for the first `bytes` bytes. Unavailable when there is none.
  virtual Status Allocate(uint64_t bytes) = 0;
  virtual Result<uint64_t> Size() = 0;
};

enum class OpenMode : uint8_t { kRead, kWrite };

// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // kWrite creates the file when it does not exist. `direct` asks for O_DIRECT and is dropped where the file system refuses it.
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode,
                                             bool direct) = 0;
  // Names (not paths) of the entries, unsorted.
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  virtual Status CreateDirectories(const std::string& path) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // Gives the file a second name on the same file system; what is written through one is seen through the other.
  virtual Status Link(const std::string& existing, const std::string& added) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;

  // The operating system's; lives as long as the process.
  static FileSystem& Posix();
};

// Memory aligned for direct I/O. Move-only.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t capacity);
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer();
  char* data() { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  char* data_;
  size_t capacity_;
};

}  // namespace neurallog::io
