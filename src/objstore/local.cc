#include "objstore/local.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>

namespace neurallog::objstore {
namespace {

constexpr std::string_view kTemporaryPrefix = "tmp-";
constexpr char kLockName[] = "lock";

bool IsValidName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("._-/").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), allowed) && name.front() != '/' &&
         name.back() != '/' && name.find("..") == std::string_view::npos &&
         name.find("//") == std::string_view::npos;
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

class LocalWriter : public ObjectWriter {
 public:
  LocalWriter(io::FileSystem* file_system, std::unique_ptr<io::File> file, std::string temporary,
              std::string path)
      : file_system_(file_system),
        file_(std::move(file)),
        temporary_(std::move(temporary)),
        path_(std::move(path)) {}

  ~LocalWriter() override {
    if (committed_) return;
    file_.reset();
    [[maybe_unused]] const Status removed = file_system_->Remove(temporary_);
  }

  Status Append(std::string_view bytes) override {
    NL_RETURN_IF_ERROR(file_->WriteAt(offset_, bytes.data(), bytes.size()));
    offset_ += bytes.size();
    return {};
  }

  Status Commit() override {
    NL_RETURN_IF_ERROR(file_->Sync());
    file_.reset();
    NL_RETURN_IF_ERROR(file_system_->Rename(temporary_, path_));
    committed_ = true;
    return file_system_->SyncDirectory(FolderOf(path_));
  }

 private:
  io::FileSystem* const file_system_;
  std::unique_ptr<io::File> file_;
  const std::string temporary_;
  const std::string path_;
  uint64_t offset_ = 0;
  bool committed_ = false;
};

class LocalReader : public ObjectReader {
 public:
  explicit LocalReader(std::unique_ptr<io::File> file) : file_(std::move(file)) {}

  Result<size_t> Read(char* to, size_t count) override {
    size_t read;
    NL_RETURN_IF_ERROR(file_->ReadAt(offset_, to, count, &read));
    offset_ += read;
    return read;
  }

 private:
  const std::unique_ptr<io::File> file_;
  uint64_t offset_ = 0;
};

class LocalLock : public StoreLock {
 public:
  explicit LocalLock(int fd) : fd_(fd) {}
  ~LocalLock() override { close(fd_); }

 private:
  const int fd_;
};

class LocalStore : public ObjectStore {
 public:
  LocalStore(io::FileSystem* file_system, std::string directory)
      : file_system_(file_system), directory_(std::move(directory)) {}

  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name) override {
    NL_TRY(const std::string path, Path(name));
    NL_RETURN_IF_ERROR(file_system_->CreateDirectories(FolderOf(path)));
    const std::string temporary = FolderOf(path) + "/" + std::string(kTemporaryPrefix) +
                                  std::to_string(run_) + "-" +
                                  std::to_string(next_temporary_.fetch_add(1));
    NL_TRY(auto file, file_system_->Open(temporary, io::OpenMode::kWrite, /*direct=*/false));
    return std::unique_ptr<ObjectWriter>(
        std::make_unique<LocalWriter>(file_system_, std::move(file), temporary, path));
  }

  Result<std::unique_ptr<ObjectReader>> Open(const std::string& name) const override {
    NL_TRY(const std::string path, Path(name));
    NL_TRY(auto file, file_system_->Open(path, io::OpenMode::kRead, /*direct=*/false));
    return std::unique_ptr<ObjectReader>(std::make_unique<LocalReader>(std::move(file)));
  }

  Result<std::vector<ObjectInfo>> List(const std::string& folder) const override {
    std::vector<ObjectInfo> objects;
    const auto names = file_system_->List(directory_ + "/" + folder);
    if (names.status().code() == Code::kNotFound) return objects;
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (name.starts_with(kTemporaryPrefix)) continue;
      NL_TRY(auto file, file_system_->Open(directory_ + "/" + folder + "/" + name,
                                           io::OpenMode::kRead, /*direct=*/false));
      NL_TRY(const uint64_t bytes, file->Size());
      objects.push_back({folder + "/" + name, bytes});
    }
    std::sort(objects.begin(), objects.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return objects;
  }

  Status Delete(const std::string& name) override {
    NL_TRY(const std::string path, Path(name));
    NL_RETURN_IF_ERROR(file_system_->Remove(path));
    return file_system_->SyncDirectory(FolderOf(path));
  }

  Result<std::unique_ptr<StoreLock>> Lock() override {
    NL_RETURN_IF_ERROR(file_system_->CreateDirectories(directory_));
    const std::string path = directory_ + "/" + kLockName;
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
      const std::string message = "open " + path + ": " + std::strerror(errno);
      return errno == ENOSPC || errno == EDQUOT ? Unavailable(message) : IoError(message);
    }
    auto lock = std::make_unique<LocalLock>(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
      return Conflict("another process is changing " + directory_);
    NL_TRY(const std::vector<std::string> names, file_system_->List(directory_));
    for (const std::string& folder : names)
      NL_RETURN_IF_ERROR(RemoveTemporaries(directory_ + "/" + folder));
    return std::unique_ptr<StoreLock>(std::move(lock));
  }

 private:
  Result<std::string> Path(const std::string& name) const {
    if (!IsValidName(name)) return InvalidArgument("object name \"" + name + "\" is not allowed");
    return directory_ + "/" + name;
  }

  // Of writers that died; nobody writes while the lock is being taken. What cannot be listed is not a folder of ours.
  Status RemoveTemporaries(const std::string& folder) const {
    const auto names = file_system_->List(folder);
    if (!names.ok()) return {};
    for (const std::string& name : *names)
      if (name.starts_with(kTemporaryPrefix))
        NL_RETURN_IF_ERROR(file_system_->Remove(folder + "/" + name));
    return {};
  }

  io::FileSystem* const file_system_;
  const std::string directory_;
  const uint32_t run_ = std::random_device()();
  std::atomic<uint64_t> next_temporary_{0};
};

}  // namespace

std::unique_ptr<ObjectStore> OpenLocalStore(io::FileSystem* file_system,
                                            const std::string& directory) {
  return std::make_unique<LocalStore>(file_system, directory);
}

}  // namespace neurallog::objstore
