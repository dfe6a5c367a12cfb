#include "api/compressor.h"

#include <zlib.h>
#include <zstd.h>

#include <vector>

namespace neurallog::api {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

class GzipCompressor : public Compressor {
 public:
  GzipCompressor() {
    constexpr int kLevel = 1, kGzipWindow = 15 + 16, kMemoryLevel = 8;
    is_good_ = deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                            Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipCompressor() override { deflateEnd(&stream_); }

  Status Compress(std::string* piece, bool is_last) override {
    if (!is_good_) return Internal("gzip: cannot begin a stream");
    std::string out;
    stream_.next_in = reinterpret_cast<Bytef*>(piece->data());
    stream_.avail_in = static_cast<uInt>(piece->size());
    int result = Z_OK;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(room_.data());
      stream_.avail_out = kPieceBytes;
      result = deflate(&stream_, is_last ? Z_FINISH : Z_NO_FLUSH);
      out.append(room_.data(), kPieceBytes - stream_.avail_out);
    } while (result == Z_OK && stream_.avail_out == 0);
    if (is_last && result != Z_STREAM_END) return Internal("gzip: cannot end a stream");
    *piece = std::move(out);
    return {};
  }

 private:
  z_stream stream_{};
  std::vector<char> room_ = std::vector<char>(kPieceBytes);
  bool is_good_ = false;
};

class ZstdCompressor : public Compressor {
 public:
  ZstdCompressor() : context_(ZSTD_createCCtx()) {}
  ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }

  Status Compress(std::string* piece, bool is_last) override {
    std::string out;
    ZSTD_inBuffer in{piece->data(), piece->size(), 0};
    size_t left = 0;
    do {
      const size_t size = out.size();
      out.resize(size + kPieceBytes);
      ZSTD_outBuffer to{out.data() + size, kPieceBytes, 0};
      left = ZSTD_compressStream2(context_, &to, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return Internal(std::string("zstd: ") + ZSTD_getErrorName(left));
      out.resize(size + to.pos);
    } while (is_last ? left != 0 : in.pos < in.size);
    *piece = std::move(out);
    return {};
  }

 private:
  ZSTD_CCtx* const context_;
};

}  // namespace

std::unique_ptr<Compressor> MakeCompressor(Compression compression) {
  if (compression == Compression::kGzip) return std::make_unique<GzipCompressor>();
  if (compression == Compression::kZstd) return std::make_unique<ZstdCompressor>();
  return nullptr;
}

}  // namespace neurallog::api
