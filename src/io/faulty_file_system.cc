#include "io/faulty_file_system.h"

namespace neurallog::io {

class FaultyFile : public File {
 public:
  FaultyFile(FaultyFileSystem* owner, std::unique_ptr<File> real)
      : owner_(owner), real_(std::move(real)) {}

  Status WriteAt(uint64_t offset, const void* data, size_t count) override {
    switch (owner_->NextWriteFault()) {
      case FaultyFileSystem::WriteFault::kNone: return real_->WriteAt(offset, data, count);
      case FaultyFileSystem::WriteFault::kNoSpace:
        return Unavailable("injected: no space left on device");
      case FaultyFileSystem::WriteFault::kIoError: return IoError("injected: write error");
      case FaultyFileSystem::WriteFault::kShortWrite: {
        const size_t half = count / 2 / kDirectAlignment * kDirectAlignment;
        NL_RETURN_IF_ERROR(real_->WriteAt(offset, data, half));
        return IoError("injected: short write");
      }
    }
    return Internal("unknown fault");
  }
  Status ReadAt(uint64_t offset, void* to, size_t count, size_t* read) override {
    return real_->ReadAt(offset, to, count, read);
  }
  Status Sync() override {
    return owner_->sync_fails_ ? IoError("injected: fdatasync error") : real_->Sync();
  }
  Status Allocate(uint64_t bytes) override {
    if (owner_->write_fault_ == FaultyFileSystem::WriteFault::kNoSpace)
      return Unavailable("injected: no space left on device");
    return real_->Allocate(bytes);
  }
  Result<uint64_t> Size() override { return real_->Size(); }

 private:
  FaultyFileSystem* const owner_;
  const std::unique_ptr<File> real_;
};

FaultyFileSystem::WriteFault FaultyFileSystem::NextWriteFault() {
  if (write_fault_ == WriteFault::kNone) return WriteFault::kNone;
  return writes_before_fault_.fetch_sub(1) > 0 ? WriteFault::kNone : write_fault_.load();
}

Result<std::unique_ptr<File>> FaultyFileSystem::Open(const std::string& path, OpenMode mode,
                                                     bool direct) {
  NL_TRY(std::unique_ptr<File> file, real_->Open(path, mode, direct));
  return std::unique_ptr<File>(std::make_unique<FaultyFile>(this, std::move(file)));
}

}  // namespace neurallog::io
