#include "cli/input_file.h"

#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

namespace neurallog::cli {
namespace {

constexpr size_t kReadBytes = 256 << 10;

using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// The bytes of the file, also those that were read to find out its kind.
class Bytes {
 public:
  Bytes(FilePtr file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  // All that is at hand; empty at the end. Good until the next call.
  Result<std::string_view> Take() {
    if (!std::exchange(is_untaken_, false)) NL_RETURN_IF_ERROR(Fill());
    return std::string_view(block_);
  }
  // What Take will return first.
  Result<std::string_view> Peek() {
    NL_RETURN_IF_ERROR(Fill());
    is_untaken_ = true;
    return std::string_view(block_);
  }
  Status Damaged(const std::string& how) const {
    return Corruption(std::string(name_).append(": the compressed data is ").append(how));
  }

 private:
  Status Fill() {
    block_.resize(kReadBytes);
    block_.resize(std::fread(block_.data(), 1, kReadBytes, file_.get()));
    if (std::ferror(file_.get()) == 0) return {};
    return IoError(std::string("read ").append(name_).append(": ").append(std::strerror(errno)));
  }

  FilePtr file_;
  std::string name_;
  std::string block_;
  bool is_untaken_ = false;
};

class PlainFile : public InputFile {
 public:
  explicit PlainFile(Bytes bytes) : bytes_(std::move(bytes)) {}

  Result<bool> Read(std::string* to) override {
    NL_TRY(const std::string_view taken, bytes_.Take());
    to->append(taken);
    return !taken.empty();
  }

 private:
  Bytes bytes_;
};

class GzipFile : public InputFile {
 public:
  explicit GzipFile(Bytes bytes) : bytes_(std::move(bytes)) {
    constexpr int kOnlyGzip = 16;
    inflateInit2(&stream_, MAX_WBITS + kOnlyGzip);
  }
  ~GzipFile() override { inflateEnd(&stream_); }

  Result<bool> Read(std::string* to) override {
    for (const size_t before = to->size(); to->size() == before;) {
      if (stream_.avail_in == 0) {
        NL_TRY(const std::string_view taken, bytes_.Take());
        if (taken.empty() && in_member_) return bytes_.Damaged("cut off");
        if (taken.empty()) return false;
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(taken.data()));
        stream_.avail_in = static_cast<uInt>(taken.size());
      }
      NL_RETURN_IF_ERROR(Inflate(to));
    }
    return true;
  }

 private:
  Status Inflate(std::string* to) {
    const size_t before = to->size();
    to->resize(before + kReadBytes);
    stream_.next_out = reinterpret_cast<Bytef*>(to->data() + before);
    stream_.avail_out = kReadBytes;
    const int outcome = inflate(&stream_, Z_NO_FLUSH);
    to->erase(to->size() - stream_.avail_out);
    in_member_ = outcome != Z_STREAM_END;
    if (!in_member_) inflateReset(&stream_);
    const bool good = outcome == Z_OK || outcome == Z_STREAM_END || outcome == Z_BUF_ERROR;
    return good ? Status() : bytes_.Damaged("damaged");
  }

  Bytes bytes_;
  z_stream stream_{};
  bool in_member_ = false;
};

class ZstdFile : public InputFile {
 public:
  explicit ZstdFile(Bytes bytes) : bytes_(std::move(bytes)), stream_(ZSTD_createDStream()) {}
  ~ZstdFile() override { ZSTD_freeDStream(stream_); }

  Result<bool> Read(std::string* to) override {
    for (const size_t before = to->size(); to->size() == before;) {
      if (in_.pos == in_.size) {
        NL_TRY(const std::string_view taken, bytes_.Take());
        if (taken.empty() && wanted_ != 0) return bytes_.Damaged("cut off");
        if (taken.empty()) return false;
        in_ = {taken.data(), taken.size(), 0};
      }
      to->resize(before + kReadBytes);
      ZSTD_outBuffer out{to->data() + before, kReadBytes, 0};
      wanted_ = ZSTD_decompressStream(stream_, &out, &in_);
      to->resize(before + out.pos);
      if (ZSTD_isError(wanted_) != 0) return bytes_.Damaged("damaged");
    }
    return true;
  }

 private:
  Bytes bytes_;
  ZSTD_DStream* const stream_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  size_t wanted_ = 0;  // 0: between frames
};

}  // namespace

Result<std::unique_ptr<InputFile>> InputFile::Open(const std::string& path) {
  FilePtr file(stdin, [](std::FILE*) { return 0; });
  if (path != "-") file = FilePtr(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file)
    return NotFound(std::string("open ").append(path).append(": ").append(std::strerror(errno)));
  Bytes bytes(std::move(file), path);
  NL_TRY(const std::string_view begin, bytes.Peek());
  const bool is_gzip = begin.starts_with("\x1f\x8b");
  const bool is_zstd = begin.starts_with("\x28\xb5\x2f\xfd");
  std::unique_ptr<InputFile> input;
  if (is_gzip) {
    input = std::make_unique<GzipFile>(std::move(bytes));
  } else if (is_zstd) {
    input = std::make_unique<ZstdFile>(std::move(bytes));
  } else {
    input = std::make_unique<PlainFile>(std::move(bytes));
  }
  return input;
}

}  // namespace neurallog::cli
