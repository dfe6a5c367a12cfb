#include "ingest/inflate.h"

#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace neurallog::ingest {
namespace {

constexpr size_t kEncodingsMax = 2;
constexpr size_t kFirstCapacity = 64u << 10;
constexpr size_t kDeflateRatioMax = 1032;
constexpr int kZstdWindowLogMax = 23;  // RFC 9659: 8 MiB

Status OverLimit(const DecodeLimits& limits) {
  return TooLarge("the decompressed body exceeds " + std::to_string(limits.body_bytes_max) +
                  " bytes");
}

Status Broken(std::string_view encoding, std::string_view why) {
  return InvalidArgument("broken " + std::string(encoding) + " body: " + std::string(why));
}

// Doubles the capacity up to the limit. False when it is reached already.
bool Grow(base::Buffer* out, size_t bytes_max) {
  if (out->capacity() >= bytes_max) return false;
  out->Reserve(std::min(bytes_max, std::max(kFirstCapacity, 2 * out->capacity())));
  return true;
}

libdeflate_decompressor* ThreadDeflate() {
  thread_local const std::unique_ptr<libdeflate_decompressor,
                                     decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  return decompressor.get();
}

using DeflateCall = decltype(&libdeflate_gzip_decompress_ex);

// Decompresses one stream from the front of *in behind what `out` holds.
Status InflateOne(DeflateCall call, std::string_view encoding, std::string_view* in,
                  base::Buffer* out, const DecodeLimits& limits) {
  for (;;) {
    const size_t room = std::min(out->capacity(), limits.body_bytes_max) - out->size();
    size_t taken = 0;
    size_t written = 0;
    const auto result = call(ThreadDeflate(), in->data(), in->size(), out->data() + out->size(),
                             room, &taken, &written);
    if (result == LIBDEFLATE_SUCCESS) {
      out->Commit(written);
      in->remove_prefix(taken);
      return {};
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return Broken(encoding, "truncated or corrupt");
    if (!Grow(out, limits.body_bytes_max)) return OverLimit(limits);
  }
}

base::Buffer DeflateOutput(size_t in_bytes, size_t expected, const DecodeLimits& limits) {
  const size_t possible =
      in_bytes > limits.body_bytes_max ? limits.body_bytes_max : in_bytes * kDeflateRatioMax;
  const size_t capacity = std::clamp(expected, std::min<size_t>(4 * in_bytes, possible), possible);
  return base::Buffer(std::min(std::max(capacity, kFirstCapacity), limits.body_bytes_max));
}

Result<base::Buffer> InflateGzip(std::string_view in, const DecodeLimits& limits) {
  // The last four bytes of a member hold its length modulo 2^32.
  const size_t expected = in.size() >= 18 ? base::LoadLe<uint32_t>(in.data() + in.size() - 4) : 0;
  base::Buffer out = DeflateOutput(in.size(), expected, limits);
  do {
    NL_RETURN_IF_ERROR(InflateOne(libdeflate_gzip_decompress_ex, "gzip", &in, &out, limits));
  } while (!in.empty());
  return out;
}

bool LooksLikeZlib(std::string_view in) {
  if (in.size() < 2) return false;
  const auto cmf = static_cast<unsigned char>(in[0]);
  const auto flags = static_cast<unsigned char>(in[1]);
  return (cmf & 0x0f) == 8 && cmf >> 4 <= 7 && (cmf << 8 | flags) % 31 == 0;
}

// The standard's deflate is zlib's format, but some clients send the bare stream.
Result<base::Buffer> InflateDeflate(std::string_view in, const DecodeLimits& limits) {
  const std::string_view whole = in;
  base::Buffer out = DeflateOutput(in.size(), 0, limits);
  Status status = Broken("deflate", "truncated or corrupt");
  if (LooksLikeZlib(in))
    status = InflateOne(libdeflate_zlib_decompress_ex, "deflate", &in, &out, limits);
  if (status.code() == Code::kInvalidArgument) {
    in = whole;
    status = InflateOne(libdeflate_deflate_decompress_ex, "deflate", &in, &out, limits);
  }
  NL_RETURN_IF_ERROR(status);
  if (!in.empty()) return Broken("deflate", std::to_string(in.size()) + " bytes follow the stream");
  return out;
}

ZSTD_DCtx* ThreadZstd() {
  thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                                  ZSTD_freeDCtx);
  return context.get();
}

// One frame whose length its header does not tell.
Status InflateZstdStream(std::string_view* in, base::Buffer* out, const DecodeLimits& limits) {
  ZSTD_DCtx* context = ThreadZstd();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kZstdWindowLogMax);
  ZSTD_inBuffer source{in->data(), in->size(), 0};
  for (;;) {
    const size_t capacity = std::min(out->capacity(), limits.body_bytes_max);
    ZSTD_outBuffer sink{out->data(), capacity, out->size()};
    const size_t result = ZSTD_decompressStream(context, &sink, &source);
    if (ZSTD_isError(result)) return Broken("zstd", ZSTD_getErrorName(result));
    out->Resize(sink.pos);
    if (result == 0) break;
    if (sink.pos < capacity && source.pos == source.size) return Broken("zstd", "truncated");
    if (sink.pos == capacity && !Grow(out, limits.body_bytes_max)) return OverLimit(limits);
  }
  in->remove_prefix(source.pos);
  return {};
}

Status InflateZstdFrame(std::string_view* in, base::Buffer* out, const DecodeLimits& limits) {
  const unsigned long long content = ZSTD_getFrameContentSize(in->data(), in->size());
  if (content == ZSTD_CONTENTSIZE_ERROR) return Broken("zstd", "no frame where one should begin");
  if (content == ZSTD_CONTENTSIZE_UNKNOWN) return InflateZstdStream(in, out, limits);
  const size_t frame = ZSTD_findFrameCompressedSize(in->data(), in->size());
  if (ZSTD_isError(frame)) return Broken("zstd", ZSTD_getErrorName(frame));
  if (content > limits.body_bytes_max - out->size()) return OverLimit(limits);
  const size_t written =
      ZSTD_decompressDCtx(ThreadZstd(), out->Prepare(content), content, in->data(), frame);
  if (ZSTD_isError(written)) return Broken("zstd", ZSTD_getErrorName(written));
  out->Commit(written);
  in->remove_prefix(frame);
  return {};
}

Result<base::Buffer> InflateZstd(std::string_view in, const DecodeLimits& limits) {
  base::Buffer out(0);
  do {
    NL_RETURN_IF_ERROR(InflateZstdFrame(&in, &out, limits));
  } while (!in.empty());
  return out;
}

std::string LowerTrimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// The encodings that change the body, in the order in which they were applied.
std::vector<std::string> EncodingsOf(std::string_view content_encoding) {
  std::vector<std::string> encodings;
  while (!content_encoding.empty() && encodings.size() <= kEncodingsMax) {
    const size_t comma = std::min(content_encoding.find(','), content_encoding.size());
    std::string encoding = LowerTrimmed(content_encoding.substr(0, comma));
    if (!encoding.empty() && encoding != "identity") encodings.push_back(std::move(encoding));
    content_encoding.remove_prefix(std::min(comma + 1, content_encoding.size()));
  }
  return encodings;
}

Result<base::Buffer> UndoOne(const std::string& encoding, std::string_view body,
                             const DecodeLimits& limits) {
  if (encoding == "gzip" || encoding == "x-gzip") return InflateGzip(body, limits);
  if (encoding == "deflate") return InflateDeflate(body, limits);
  if (encoding == "zstd") return InflateZstd(body, limits);
  return Unsupported("content encoding '" + encoding.substr(0, 64) +
                     "': expected gzip, deflate, zstd or identity");
}

}  // namespace

Result<base::Buffer> Inflate(std::string_view content_encoding, base::Buffer body,
                             const DecodeLimits& limits) {
  std::vector<std::string> encodings = EncodingsOf(content_encoding);
  if (encodings.size() > kEncodingsMax) return Unsupported("more than two content encodings");
  for (; !encodings.empty(); encodings.pop_back()) {
    NL_TRY(body, UndoOne(encodings.back(), body.view(), limits));
  }
  if (body.size() > limits.body_bytes_max) return OverLimit(limits);
  return body;
}

}  // namespace neurallog::ingest
