#include "ingest/inflate.h"

#include <libdeflate.h>
#include <zstd.h>

#include <catch2/catch.hpp>

#include "decode_support.h"

namespace neurallog::ingest {
namespace {

using DeflateCall = decltype(&libdeflate_gzip_compress);

std::string Deflated(DeflateCall call, std::string_view text) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string out(text.size() + 1024, '\0');
  out.resize(call(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

std::string Gzip(std::string_view text) { return Deflated(libdeflate_gzip_compress, text); }

std::string Zstd(std::string_view text, bool size_in_header = true) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, size_in_header ? 1 : 0);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

Result<base::Buffer> Undo(std::string_view encoding, std::string_view body,
                          size_t bytes_max = 64u << 20) {
  DecodeLimits limits;
  limits.body_bytes_max = bytes_max;
  return Inflate(encoding, BodyOf(body), limits);
}

std::string Text(std::string_view encoding, std::string_view body) {
  auto result = Undo(encoding, body);
  INFO(encoding << ": " << result.status().ToString());
  REQUIRE(result.ok());
  return std::string(result->view());
}

std::string Sample() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i * 7919 % 1000) + "\n";
  return text;
}

TEST_CASE("each encoding is undone") {
  const std::string text = Sample();
  for (const char* none : {"", "identity", " Identity , ", ","}) CHECK(Text(none, text) == text);
  CHECK(Text("gzip", Gzip(text)) == text);
  CHECK(Text(" X-GZip ", Gzip(text)) == text);
  CHECK(Text("deflate", Deflated(libdeflate_zlib_compress, text)) == text);
  CHECK(Text("deflate", Deflated(libdeflate_deflate_compress, text)) == text);
  CHECK(Text("zstd", Zstd(text)) == text);
  CHECK(Text("zstd", Zstd(text, /*size_in_header=*/false)) == text);
}

TEST_CASE("an empty text is undone too") {
  CHECK(Text("gzip", Gzip("")).empty());
  CHECK(Text("deflate", Deflated(libdeflate_zlib_compress, "")).empty());
  CHECK(Text("zstd", Zstd("")).empty());
  CHECK(Text("zstd", Zstd("", false)).empty());
}

TEST_CASE("members and frames follow each other") {
  const std::string text = Sample();
  CHECK(Text("gzip", Gzip("a") + Gzip(text) + Gzip("b")) == "a" + text + "b");
  CHECK(Text("zstd", Zstd("a") + Zstd(text, false) + Zstd(text) + Zstd("b", false)) ==
        "a" + text + text + "b");
}

TEST_CASE("two encodings are undone last to first, three are refused") {
  CHECK(Text("gzip, zstd", Zstd(Gzip("text"))) == "text");
  CHECK(Text("deflate,identity,gzip", Gzip(Deflated(libdeflate_zlib_compress, "text"))) == "text");
  CHECK(Undo("gzip,gzip,gzip", Gzip(Gzip(Gzip("text")))).status().code() == Code::kUnsupported);
}

TEST_CASE("an unknown encoding is named") {
  const Status status = Undo("br", "x").status();
  CHECK(status.code() == Code::kUnsupported);
  CHECK(status.message() == "content encoding 'br': expected gzip, deflate, zstd or identity");
}

TEST_CASE("cut and over-long streams are refused") {
  const std::string text = Sample();
  for (const auto& [encoding, packed] : {std::pair<std::string, std::string>{"gzip", Gzip(text)},
                                         {"deflate", Deflated(libdeflate_zlib_compress, text)},
                                         {"deflate", Deflated(libdeflate_deflate_compress, text)},
                                         {"zstd", Zstd(text)},
                                         {"zstd", Zstd(text, false)}}) {
    for (const size_t cut :
         {size_t{0}, size_t{1}, size_t{5}, packed.size() / 2, packed.size() - 1}) {
      INFO(encoding << " cut at " << cut);
      CHECK(Undo(encoding, packed.substr(0, cut)).status().code() == Code::kInvalidArgument);
    }
    CHECK(Undo(encoding, packed + "junk").status().code() == Code::kInvalidArgument);
  }
}

TEST_CASE("every flipped byte gives an error or some text, never more") {
  const std::string text = "{\"message\":\"a short text that is packed, packed, packed\"}";
  for (const auto& [encoding, packed] : {std::pair<std::string, std::string>{"gzip", Gzip(text)},
                                         {"zstd", Zstd(text)},
                                         {"zstd", Zstd(text, false)},
                                         {"deflate", Deflated(libdeflate_zlib_compress, text)}}) {
    for (size_t i = 0; i < packed.size(); ++i) {
      std::string broken = packed;
      broken[i] = static_cast<char>(broken[i] ^ 0x41);
      const auto result = Undo(encoding, broken, 4096);
      CHECK((!result.ok() || result->size() <= 4096));
    }
  }
}

TEST_CASE(
    "a body that unpacks beyond the limit is refused and takes no more memory than the limit") {
  const std::string zeros(32u << 20, '\0');
  for (const auto& [encoding, packed] : {std::pair<std::string, std::string>{"gzip", Gzip(zeros)},
                                         {"deflate", Deflated(libdeflate_zlib_compress, zeros)},
                                         {"zstd", Zstd(zeros)},
                                         {"zstd", Zstd(zeros, false)},
                                         {"gzip,gzip", Gzip(Gzip(zeros))}}) {
    INFO(encoding);
    CHECK(Undo(encoding, packed, zeros.size() - 1).status().code() == Code::kTooLarge);
    CHECK(Undo(encoding, packed, 100'000).status().code() == Code::kTooLarge);
    const auto exact = Undo(encoding, packed, zeros.size());
    REQUIRE(exact.ok());
    CHECK(exact->size() == zeros.size());
    CHECK(exact->capacity() <= zeros.size());
  }
  CHECK(Undo("", "12345", 4).status().code() == Code::kTooLarge);
  CHECK(Undo("gzip", Gzip("ab") + Gzip("cd"), 3).status().code() == Code::kTooLarge);
  CHECK(Undo("zstd", Zstd("ab") + Zstd("cd"), 3).status().code() == Code::kTooLarge);
}

}  // namespace
}  // namespace neurallog::ingest
