#include <fcntl.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include "base/bytes.h"
#include "workloads.h"

namespace neurallog::bench {
namespace {

class FdCloser {
 public:
  explicit FdCloser(int fd) : fd_(fd) {}
  ~FdCloser() {
    if (fd_ >= 0) close(fd_);
  }
  FdCloser(const FdCloser&) = delete;
  FdCloser& operator=(const FdCloser&) = delete;

 private:
  int fd_;
};

Result<std::string> ReadFile(const std::string& path, uint64_t bytes_max) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const FdCloser closer(fd);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0)
    return IoError(fmt::format("{}: {}", path, std::strerror(errno)));
  std::string bytes(std::min(bytes_max, static_cast<uint64_t>(info.st_size)), '\0');
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t count = pread(fd, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (count <= 0)
      return IoError(fmt::format("{}: cannot be read at {}: {}", path, at,
                                 count < 0 ? std::strerror(errno) : "end of file"));
    at += static_cast<size_t>(count);
  }
  return bytes;
}

Result<std::string> Gzip(std::string_view plain) {
  static constexpr int kLevel = 6;
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
      libdeflate_alloc_compressor(kLevel), libdeflate_free_compressor);
  if (compressor == nullptr) return Internal("libdeflate: no memory");
  std::string packed(libdeflate_gzip_compress_bound(compressor.get(), plain.size()), '\0');
  packed.resize(libdeflate_gzip_compress(compressor.get(), plain.data(), plain.size(),
                                         packed.data(), packed.size()));
  if (packed.empty()) return Internal("libdeflate: output does not fit its bound");
  return packed;
}

// One record of the .idx file, little-endian: offset u64, length u32, logs u32, tenant u32, pad
// u32, first_seq u64.
struct IndexEntry {
  static constexpr size_t kBytes = 32;
  uint64_t offset;
  uint32_t length;
  uint32_t logs;
  uint32_t tenant;
  uint64_t first_seq;

  static IndexEntry Read(const char* at) {
    return {base::LoadLe<uint64_t>(at), base::LoadLe<uint32_t>(at + 8),
            base::LoadLe<uint32_t>(at + 12), base::LoadLe<uint32_t>(at + 16),
            base::LoadLe<uint64_t>(at + 24)};
  }
};

class FileBatches final : public CountingWorkload {
 public:
  FileBatches(const RequestHead& head, const FileOptions& options)
      : CountingWorkload(options.batches_max),
        options_(options),
        head_(head.Text("application/x-ndjson")) {
    if (options.gzip) head_.append("Content-Encoding: gzip\r\n");
  }

  Status Load() {
    for (const std::string& file : options_.files) NL_RETURN_IF_ERROR(LoadFile(file));
    return batches_.empty() ? InvalidArgument("the files hold no batch") : Status::Ok();
  }

 private:
  struct Batch {
    std::string head_end;  // "Content-Length: 123\r\n\r\n"
    std::string_view body;
    uint64_t logs;
    uint64_t first_seq;
  };

  bool full() const { return options_.batches_max > 0 && batches_.size() >= options_.batches_max; }

  Status LoadFile(const std::string& file) {
    if (full()) return Status::Ok();
    NL_TRY(const std::string index, ReadFile(file + ".idx", UINT64_MAX));
    if (index.size() % IndexEntry::kBytes != 0)
      return Corruption(fmt::format("{}.idx: {} bytes are not whole entries", file, index.size()));
    const uint64_t wanted =
        options_.batches_max > 0 ? options_.batches_max - batches_.size() : UINT64_MAX;
    const size_t count = std::min<uint64_t>(index.size() / IndexEntry::kBytes, wanted);
    uint64_t bytes_needed = 0;
    for (size_t i = 0; i < count; ++i) {
      const IndexEntry entry = IndexEntry::Read(index.data() + i * IndexEntry::kBytes);
      bytes_needed = std::max(bytes_needed, entry.offset + entry.length);
    }
    NL_TRY(std::string bytes, ReadFile(file, bytes_needed));
    if (bytes.size() < bytes_needed)
      return Corruption(fmt::format("{}: the index needs {} bytes, the file has {}", file,
                                    bytes_needed, bytes.size()));
    for (size_t i = 0; i < count; ++i)
      NL_RETURN_IF_ERROR(AddBatch(IndexEntry::Read(index.data() + i * IndexEntry::kBytes), bytes));
    if (!options_.gzip)
      texts_.push_back(std::move(bytes));  // a long string keeps its bytes where they are
    return Status::Ok();
  }

  Status AddBatch(const IndexEntry& entry, const std::string& bytes) {
    std::string_view body = std::string_view(bytes).substr(entry.offset, entry.length);
    if (options_.gzip) {
      NL_TRY(std::string packed, Gzip(body));
      body = texts_.emplace_back(std::move(packed));
    }
    std::string end = options_.tenant_header.empty()
                          ? ""
                          : fmt::format("{}: t{:05}\r\n", options_.tenant_header, entry.tenant);
    end.append(fmt::format("Content-Length: {}\r\n\r\n", body.size()));
    batches_.push_back({std::move(end), body, entry.logs, entry.first_seq});
    return Status::Ok();
  }

  bool Fill(int, Request* request) override {
    if (next_ == batches_.size()) return false;
    const Batch& batch = batches_[next_++];
    request->parts[0] = Part(head_);
    request->parts[1] = Part(batch.head_end);
    request->parts[2] = {.iov_base = const_cast<char*>(batch.body.data()),
                         .iov_len = batch.body.size()};
    request->parts_count = 3;
    request->body_bytes = batch.body.size();
    request->logs = batch.logs;
    request->first_seq = batch.first_seq;
    return true;
  }

  const FileOptions options_;
  std::string head_;
  std::deque<std::string>
      texts_;  // the files, or the compressed bodies; a deque does not move its strings
  std::vector<Batch> batches_;
  size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<CountingWorkload>> FileWorkload(const RequestHead& head,
                                                       const FileOptions& options) {
  auto workload = std::make_unique<FileBatches>(head, options);
  NL_RETURN_IF_ERROR(workload->Load());
  return std::unique_ptr<CountingWorkload>(std::move(workload));
}

}  // namespace neurallog::bench
