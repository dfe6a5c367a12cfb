#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>

#include "io/file_system.h"

namespace neurallog::io {
namespace {

Status ErrnoStatus(const std::string& what, int error) {
  std::string message = what + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) return Unavailable(std::move(message));
  if (error == ENOENT) return NotFound(std::move(message));
  return IoError(std::move(message));
}

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path, bool direct)
      : fd_(fd), path_(std::move(path)), direct_(direct) {}
  ~PosixFile() override { close(fd_); }

  Status WriteAt(uint64_t offset, const void* data, size_t count) override {
    const char* at = static_cast<const char*>(data);
    while (count > 0) {
      const ssize_t written = pwrite(fd_, at, count, static_cast<off_t>(offset));
      if (written < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus("write " + path_, errno);
      }
      at += written;
      offset += static_cast<uint64_t>(written);
      count -= static_cast<size_t>(written);
    }
    return {};
  }

  Status ReadAt(uint64_t offset, void* to, size_t count, size_t* read) override {
    *read = 0;
    while (*read < count) {
      const ssize_t got = pread(fd_, static_cast<char*>(to) + *read, count - *read,
                                static_cast<off_t>(offset + *read));
      if (got == 0) break;
      if (got < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus("read " + path_, errno);
      }
      *read += static_cast<size_t>(got);
      if (direct_ && *read % kDirectAlignment != 0) break;  // only the end of the file does that
    }
    return {};
  }

  Status Sync() override {
    if (fdatasync(fd_) != 0) return ErrnoStatus("fdatasync " + path_, errno);
    return {};
  }

  Status Allocate(uint64_t bytes) override {
    int error;
    do {
      error = fallocate(fd_, 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
    } while (error == EINTR);
    if (error == EOPNOTSUPP)
      return {};  // such file systems find out about space when they are written
    return error == 0 ? Status() : ErrnoStatus("allocate " + path_, error);
  }

  Result<uint64_t> Size() override {
    struct stat info;
    if (fstat(fd_, &info) != 0) return ErrnoStatus("stat " + path_, errno);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const int fd_;
  const std::string path_;
  const bool direct_;
};

class PosixFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode, bool direct) override {
    const int flags = (mode == OpenMode::kRead ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC;
    int fd = open(path.c_str(), flags | (direct ? O_DIRECT : 0), 0640);
    if (fd < 0 && direct && errno == EINVAL) {
      direct = false;
      fd = open(path.c_str(), flags, 0640);
    }
    if (fd < 0) return ErrnoStatus("open " + path, errno);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path, direct));
  }

  Result<std::vector<std::string>> List(const std::string& directory) override {
    DIR* handle = opendir(directory.c_str());
    if (handle == nullptr) return ErrnoStatus("list " + directory, errno);
    std::vector<std::string> names;
    while (const dirent* entry = readdir(handle)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(handle);
    return names;
  }

  Status CreateDirectories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? ErrnoStatus("create directory " + path, error.value()) : Status();
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus("rename " + from, errno);
    return {};
  }

  Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return ErrnoStatus("remove " + path, errno);
    return {};
  }

  Status Link(const std::string& existing, const std::string& added) override {
    if (link(existing.c_str(), added.c_str()) != 0) return ErrnoStatus("link " + existing, errno);
    return {};
  }

  Status SyncDirectory(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ErrnoStatus("open directory " + path, errno);
    const int error = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error == 0 ? Status() : ErrnoStatus("fsync directory " + path, error);
  }
};

}  // namespace

FileSystem& FileSystem::Posix() {
  static PosixFileSystem file_system;
  return file_system;
}

AlignedBuffer::AlignedBuffer(size_t capacity)
    : data_(static_cast<char*>(std::aligned_alloc(
          kDirectAlignment,
          (capacity + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment))),
      capacity_(capacity) {
  if (data_ == nullptr) throw std::bad_alloc();
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

}  // namespace neurallog::io
