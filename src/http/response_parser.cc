#include "http/response_parser.h"

#include <algorithm>
#include <charconv>

#include "http/url.h"

namespace neurallog::http {
namespace {

constexpr size_t kHeadBytesMax = 256 * 1024;

}  // namespace

void ResponseParser::Begin(Options options) {
  options_ = std::move(options);
  state_ = State::kHead;
  keep_alive_ = false;
  remaining_ = 0;
  head_.clear();
  chunks_ = ChunkDecoder();
  response_ = ClientResponse();
}

Result<bool> ResponseParser::Feed(std::string_view* input) {
  while (!input->empty() && state_ == State::kHead) NL_RETURN_IF_ERROR(FeedHead(input));
  if (state_ == State::kLength) {
    const std::string_view piece = input->substr(0, remaining_);
    input->remove_prefix(piece.size());
    remaining_ -= piece.size();
    if (remaining_ == 0) state_ = State::kDone;
    NL_RETURN_IF_ERROR(Take(piece));
  } else if (state_ == State::kChunked) {
    NL_RETURN_IF_ERROR(FeedChunked(input));
  } else if (state_ == State::kUntilClose) {
    const std::string_view piece = std::exchange(*input, {});
    NL_RETURN_IF_ERROR(Take(piece));
  }
  return state_ == State::kDone;
}

Status ResponseParser::FeedEnd() {
  if (state_ == State::kUntilClose) {
    state_ = State::kDone;
    return Status::Ok();
  }
  return Unavailable(state_ == State::kHead ? "the connection ended before the head of the response"
                                            : "the connection ended in the middle of the response");
}

Status ResponseParser::FeedHead(std::string_view* input) {
  const size_t before = head_.size();
  head_.append(*input);
  const size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (std::min(end, head_.size()) > kHeadBytesMax)
    return TooLarge("the head of the response is too large");
  if (end == std::string::npos) {
    *input = {};
    return Status::Ok();
  }
  input->remove_prefix(end + 4 - before);
  head_.resize(end + 2);
  NL_RETURN_IF_ERROR(ParseHead());
  head_.clear();
  return response_.status < 200 ? Status::Ok() : ChooseFraming();
}

Status ResponseParser::ParseHead() {
  response_ = ClientResponse();
  const std::string_view head = head_;
  const size_t line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ')
    return Unavailable("the response is not HTTP/1.1");
  if (std::from_chars(line.data() + 9, line.data() + 12, response_.status).ptr != line.data() + 12)
    return Unavailable("the response has no status");
  keep_alive_ = line[7] == '1';
  return ParseFields(head.substr(line_end + 2));
}

Status ResponseParser::ParseFields(std::string_view fields) {
  while (!fields.empty()) {
    const std::string_view field = fields.substr(0, fields.find("\r\n"));
    fields.remove_prefix(field.size() + 2);
    const size_t colon = field.find(':');
    if (colon == std::string_view::npos) return Unavailable("the response has a malformed header");
    const size_t value = std::min(field.find_first_not_of(" \t", colon + 1), field.size());
    response_.headers.emplace_back(field.substr(0, colon), field.substr(value));
  }
  return Status::Ok();
}

Status ResponseParser::ChooseFraming() {
  if (SameName(response_.FindHeader("connection"), "close")) keep_alive_ = false;
  state_ = State::kDone;
  if (options_.bodiless || response_.status == 204 || response_.status == 304) return Status::Ok();
  const std::string_view length = response_.FindHeader("content-length");
  if (SameName(response_.FindHeader("transfer-encoding"), "chunked")) {
    state_ = State::kChunked;
  } else if (length.empty()) {
    state_ = State::kUntilClose;
    keep_alive_ = false;
  } else {
    const auto [end, error] =
        std::from_chars(length.data(), length.data() + length.size(), remaining_);
    if (error != std::errc() || end != length.data() + length.size())
      return Unavailable("the response has an invalid Content-Length");
    if (remaining_ > options_.body_bytes_max && !options_.cut_long_body)
      return TooLarge("the response has " + std::to_string(remaining_) + " bytes");
    if (remaining_ > 0) state_ = State::kLength;
  }
  return Status::Ok();
}

Status ResponseParser::FeedChunked(std::string_view* input) {
  while (state_ == State::kChunked) {
    std::string_view data;
    switch (chunks_.Next(input, &data)) {
      case ChunkDecoder::Outcome::kMalformed:
        return Unavailable("the response has a malformed chunk");
      case ChunkDecoder::Outcome::kMore: return Status::Ok();
      case ChunkDecoder::Outcome::kData: NL_RETURN_IF_ERROR(Take(data)); break;
      case ChunkDecoder::Outcome::kDone:
        state_ = State::kDone;
        return ParseFields(chunks_.trailers());
    }
  }
  return Status::Ok();
}

Status ResponseParser::Take(std::string_view piece) {
  if (piece.empty()) return Status::Ok();
  if (options_.on_body && response_.status / 100 == 2)
    return options_.on_body(piece) ? Status::Ok() : Cancelled("the caller ended the response");
  const size_t room = options_.body_bytes_max - response_.body.size();
  response_.body.append(piece.substr(0, room));
  if (piece.size() <= room) return Status::Ok();
  if (!options_.cut_long_body)
    return TooLarge("the response has more than " + std::to_string(options_.body_bytes_max) +
                    " bytes");
  state_ = State::kDone;
  keep_alive_ = false;
  return Status::Ok();
}

}  // namespace neurallog::http
