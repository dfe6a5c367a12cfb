#include "answer_parser.h"

#include <algorithm>
#include <charconv>

namespace neurallog::bench {
namespace {

bool SameName(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x) == y;
  });
}

bool ReadNumber(std::string_view text, int base, uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number, base);
  const std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  return error == std::errc() && (rest.empty() || rest[0] == ';' || rest[0] == ' ');
}

}  // namespace

void AnswerParser::Reset() {
  state_ = State::kHead;
  pending_.clear();
  body_head_.clear();
  remaining_ = body_bytes_ = body_lines_ = 0;
  status_ = 0;
  keep_alive_ = true;
  chunked_ = has_length_ = false;
}

AnswerParser::Result AnswerParser::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kHead: TakeHead(&bytes); break;
      case State::kBody:
      case State::kChunkData:
      case State::kUntilClose: TakeBody(&bytes); break;
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailer: TakeLine(&bytes); break;
      case State::kDone: state_ = State::kMalformed; break;
      case State::kMalformed: return Result::kMalformed;
    }
  }
  if (state_ == State::kMalformed) return Result::kMalformed;
  return state_ == State::kDone ? Result::kDone : Result::kMore;
}

AnswerParser::Result AnswerParser::Close() const {
  return state_ == State::kUntilClose ? Result::kDone : Result::kMalformed;
}

void AnswerParser::TakeHead(std::string_view* bytes) {
  // The end may lie across two pieces.
  const size_t searched = pending_.size() < 3 ? 0 : pending_.size() - 3;
  const size_t before = pending_.size();
  pending_.append(*bytes);
  const size_t end = pending_.find("\r\n\r\n", searched);
  if (end == std::string::npos) {
    *bytes = {};
    if (pending_.size() > kHeadBytesMax) state_ = State::kMalformed;
    return;
  }
  bytes->remove_prefix(end + 4 - before);
  ReadHead(std::string_view(pending_).substr(0, end + 2));
  pending_.clear();
}

void AnswerParser::ReadHead(std::string_view head) {
  uint64_t status = 0;
  if (!head.starts_with("HTTP/1.") || head.size() < 14 ||
      !ReadNumber(head.substr(9, 3), 10, &status)) {
    state_ = State::kMalformed;
    return;
  }
  status_ = static_cast<int>(status);
  keep_alive_ = head[7] == '1';
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
      ReadHeader(line.substr(0, colon), value);
    }
    at = end + 2;
  }
  if (state_ == State::kMalformed) return;
  if (status_ / 100 == 1) return;  // an interim answer; the real one follows
  if (status_ == 204 || status_ == 304) {
    state_ = State::kDone;
  } else if (chunked_) {
    state_ = State::kChunkSize;
  } else if (has_length_) {
    state_ = remaining_ == 0 ? State::kDone : State::kBody;
  } else {
    state_ = State::kUntilClose;
    keep_alive_ = false;
  }
}

void AnswerParser::ReadHeader(std::string_view name, std::string_view value) {
  if (SameName(name, "content-length")) {
    has_length_ = true;
    if (!ReadNumber(value, 10, &remaining_)) state_ = State::kMalformed;
  } else if (SameName(name, "transfer-encoding")) {
    chunked_ = SameName(value, "chunked");
  } else if (SameName(name, "connection")) {
    keep_alive_ = !SameName(value, "close");
  }
}

void AnswerParser::TakeBody(std::string_view* bytes) {
  const bool until_close = state_ == State::kUntilClose;
  const size_t taken = until_close
                           ? bytes->size()
                           : static_cast<size_t>(std::min<uint64_t>(remaining_, bytes->size()));
  const std::string_view piece = bytes->substr(0, taken);
  if (body_head_.size() < kBodyHeadBytes)
    body_head_.append(piece.substr(0, kBodyHeadBytes - body_head_.size()));
  body_bytes_ += taken;
  body_lines_ += static_cast<uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
  bytes->remove_prefix(taken);
  if (until_close) return;
  remaining_ -= taken;
  if (remaining_ == 0) state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
}

void AnswerParser::TakeLine(std::string_view* bytes) {
  const size_t feed = bytes->find('\n');
  pending_.append(bytes->substr(0, feed));
  if (pending_.size() > kHeadBytesMax) {
    state_ = State::kMalformed;
    return;
  }
  if (feed == std::string_view::npos) {
    *bytes = {};
    return;
  }
  bytes->remove_prefix(feed + 1);
  if (pending_.ends_with('\r')) pending_.pop_back();
  ReadLine(pending_);
  pending_.clear();
}

void AnswerParser::ReadLine(std::string_view line) {
  if (state_ == State::kChunkEnd) {
    state_ = line.empty() ? State::kChunkSize : State::kMalformed;
  } else if (state_ == State::kTrailer) {
    if (line.empty()) state_ = State::kDone;
  } else if (!ReadNumber(line, 16, &remaining_)) {
    state_ = State::kMalformed;
  } else {
    state_ = remaining_ == 0 ? State::kTrailer : State::kChunkData;
  }
}

}  // namespace neurallog::bench
