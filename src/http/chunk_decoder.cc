#include "http/chunk_decoder.h"

#include <algorithm>

#include "base/ascii.h"

namespace neurallog::http {
namespace {

// Extensions of one chunk, or all trailers, may take this much.
constexpr uint32_t kExtraBytesMax = 4096;
constexpr uint64_t kChunkBytesMax = uint64_t{1} << 62;

using base::HexDigit;

bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

}  // namespace

ChunkDecoder::Outcome ChunkDecoder::Next(std::string_view* input, std::string_view* data) {
  while (!input->empty()) {
    if (state_ == State::kData) {
      *data = input->substr(0, remaining_);
      input->remove_prefix(data->size());
      Skip(data->size());
      return Outcome::kData;
    }
    if (!Step(input->front())) return Outcome::kMalformed;
    input->remove_prefix(1);
    if (done_) return Outcome::kDone;
  }
  return Outcome::kMore;
}

void ChunkDecoder::Skip(uint64_t bytes) {
  remaining_ -= bytes;
  if (remaining_ == 0) state_ = State::kDataCr;
}

bool ChunkDecoder::Step(char c) {
  switch (state_) {
    case State::kSizeFirst:
      remaining_ = 0;
      extra_bytes_ = 0;
      return HexDigit(c) >= 0 && GoTo(State::kSize) && OnSize(c);
    case State::kSize: return OnSize(c);
    case State::kExtension: return c == '\r' ? GoTo(State::kSizeLf) : !IsControl(c) && OnExtra();
    case State::kSizeLf: return c == '\n' && GoTo(remaining_ == 0 ? State::kTrailer : State::kData);
    case State::kData: return false;
    case State::kDataCr: return c == '\r' && GoTo(State::kDataLf);
    case State::kDataLf: return c == '\n' && GoTo(State::kSizeFirst);
    case State::kTrailer:
      if (c == '\r') return GoTo(State::kEndLf);
      return !IsControl(c) && c != ' ' && c != '\t' && c != ':' && OnTrailer(c) &&
             GoTo(State::kTrailerLine);
    case State::kTrailerLine:
      return c == '\r' ? GoTo(State::kTrailerLf) : !IsControl(c) && OnTrailer(c);
    case State::kTrailerLf: trailers_.append("\r\n"); return c == '\n' && GoTo(State::kTrailer);
    case State::kEndLf: done_ = c == '\n'; return done_;
  }
  return false;
}

bool ChunkDecoder::OnSize(char c) {
  if (c == '\r') return GoTo(State::kSizeLf);
  if (c == ';') return GoTo(State::kExtension);
  const int digit = HexDigit(c);
  if (digit < 0 || remaining_ >= kChunkBytesMax / 16 || !OnExtra()) return false;
  remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
  return true;
}

bool ChunkDecoder::OnTrailer(char c) {
  trailers_.push_back(c);
  return OnExtra();
}

bool ChunkDecoder::OnExtra() { return ++extra_bytes_ <= kExtraBytesMax; }

}  // namespace neurallog::http
