#include "block/blob.h"

#include <zstd.h>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "block/block_format.h"
#include "block/typed_text.h"

namespace neurallog::block {
namespace {

constexpr size_t kZstdBytesMin = 48;  // below, its frame costs what it saves
constexpr size_t kSampleBytes =
    8 << 10;  // a sample that does not shrink saves the work on the rest
constexpr size_t kSampledBytesMin = 64 << 10;
constexpr size_t kHexBytesMin = 256;
constexpr size_t kScratchBytesKept = 4 << 20;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

struct Compressor {
  std::unique_ptr<ZSTD_CCtx, FreeContext> context{ZSTD_createCCtx()};
  base::Buffer scratch;

  // Empty when it does not save at least an eighth. Valid until the next call.
  std::string_view Compress(std::string_view raw, int level, std::string_view prefix = {}) {
    scratch.Clear();
    const size_t bound = ZSTD_compressBound(raw.size());
    char* const to = scratch.Prepare(bound);
    const size_t stored =
        prefix.empty() ? ZSTD_compressCCtx(context.get(), to, bound, raw.data(), raw.size(), level)
                       : ZSTD_compress_usingDict(context.get(), to, bound, raw.data(), raw.size(),
                                                 prefix.data(), prefix.size(), level);
    if (ZSTD_isError(stored) != 0 || stored + raw.size() / 8 >= raw.size()) return {};
    return {scratch.data(), stored};
  }
};

Compressor& ThreadCompressor() {
  thread_local Compressor compressor;
  return compressor;
}

ZSTD_DCtx* ThreadDecompressor() {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context{ZSTD_createDCtx()};
  NL_CHECK(context != nullptr);
  return context.get();
}

bool SampleShrinks(Compressor* compressor, std::string_view raw, int level) {
  return !compressor->Compress(raw.substr(raw.size() / 2, kSampleBytes), level).empty();
}

// Identifiers: hexadecimal digits with so many letters among them that zstd cannot beat half a byte
// for each.
bool IsHexText(std::string_view raw) {
  if (raw.size() < kHexBytesMin || raw.size() % 2 != 0) return false;
  const std::string_view sample = raw.substr(0, kHexBytesMin);
  const auto letters = std::count_if(sample.begin(), sample.end(), [](char c) { return c >= 'a'; });
  return static_cast<size_t>(letters) * 4 >= sample.size();
}

bool AppendHexBlob(std::string_view raw, std::string* to) {
  const size_t start = to->size();
  to->push_back(static_cast<char>(BlobCodec::kHex));
  base::AppendVarint(to, raw.size());
  const size_t packed = to->size();
  to->resize(packed + raw.size() / 2);
  if (PackHex(raw, to->data() + packed)) return true;
  to->resize(start);
  return false;
}

}  // namespace

void AppendBlob(std::string_view raw, int zstd_level, std::string* to) {
  if (IsHexText(raw) && AppendHexBlob(raw, to)) return;
  std::string_view stored;
  Compressor& compressor = ThreadCompressor();
  if (compressor.context != nullptr && raw.size() >= kZstdBytesMin &&
      (raw.size() < kSampledBytesMin || SampleShrinks(&compressor, raw, zstd_level))) {
    stored = compressor.Compress(raw, zstd_level);
  }
  const bool is_zstd = !stored.empty();
  to->push_back(static_cast<char>(is_zstd ? BlobCodec::kZstd : BlobCodec::kRaw));
  base::AppendVarint(to, raw.size());
  if (is_zstd) base::AppendVarint(to, stored.size());
  to->append(is_zstd ? stored : raw);
  if (compressor.scratch.capacity() > kScratchBytesKept) compressor.scratch = base::Buffer();
}

void AppendBlobBehind(std::string_view prefix, std::string_view raw, int zstd_level,
                      std::string* to) {
  Compressor& compressor = ThreadCompressor();
  std::string_view stored;
  if (compressor.context != nullptr && raw.size() >= kZstdBytesMin)
    stored = compressor.Compress(raw, zstd_level, prefix);
  if (stored.empty()) return AppendBlob(raw, zstd_level, to);
  to->push_back(static_cast<char>(BlobCodec::kZstdBehind));
  base::AppendVarint(to, raw.size());
  base::AppendVarint(to, stored.size());
  to->append(stored);
}

void AppendRawBlob(std::string_view raw, std::string* to) {
  to->push_back(static_cast<char>(BlobCodec::kRaw));
  base::AppendVarint(to, raw.size());
  to->append(raw);
}

Status DecodeBlob(base::ByteReader* reader, uint64_t raw_bytes_max, base::Buffer* to,
                  std::string_view prefix) {
  const auto codec = reader->ReadLe<uint8_t>();
  const uint64_t raw_bytes = reader->ReadVarint();
  if (raw_bytes > raw_bytes_max || raw_bytes > kColumnBytesMax)
    return Corruption(
        fmt::format("a string section claims {} bytes of at most {}", raw_bytes, raw_bytes_max));
  if (codec == static_cast<uint8_t>(BlobCodec::kRaw)) {
    const std::string_view raw = reader->ReadBytes(raw_bytes);
    if (!reader->ok()) return Corruption("a string section ends early");
    to->Append(raw);
    return Status::Ok();
  }
  if (codec == static_cast<uint8_t>(BlobCodec::kHex)) {
    const std::string_view packed = reader->ReadBytes(raw_bytes / 2);
    if (!reader->ok() || raw_bytes % 2 != 0) return Corruption("a string section ends early");
    UnpackHex(packed, to->Prepare(raw_bytes));
    to->Commit(raw_bytes);
    return Status::Ok();
  }
  const bool is_behind = codec == static_cast<uint8_t>(BlobCodec::kZstdBehind) && !prefix.empty();
  if (codec != static_cast<uint8_t>(BlobCodec::kZstd) && !is_behind)
    return Corruption(fmt::format("unknown string codec {}", codec));
  const std::string_view stored = reader->ReadLengthPrefixed();
  if (!reader->ok()) return Corruption("a string section ends early");
  // zstd cannot expand further than its own frame says, so a lie about raw_bytes is found before
  // memory is taken.
  if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != raw_bytes)
    return Corruption(fmt::format("a zstd frame does not hold the {} bytes it should", raw_bytes));
  if (!is_behind) prefix = {};
  const size_t got =
      ZSTD_decompress_usingDict(ThreadDecompressor(), to->Prepare(raw_bytes), raw_bytes,
                                stored.data(), stored.size(), prefix.data(), prefix.size());
  if (ZSTD_isError(got) != 0) return Corruption(fmt::format("zstd: {}", ZSTD_getErrorName(got)));
  if (got != raw_bytes)
    return Corruption(fmt::format("a zstd frame holds {} bytes instead of {}", got, raw_bytes));
  to->Commit(raw_bytes);
  return Status::Ok();
}

}  // namespace neurallog::block
