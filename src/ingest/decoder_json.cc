// How a body becomes records:
//
//   lines    objects one after the other. A window of whole lines is split into tokens at once and walked record by record.
//   array    [element, ...] or {"logs": [element, ...]}. Windows end between two elements where such a place is found near.
//
// A window that stage 1 refuses (one bad string is enough) is read again record by record, each alone, so that only the bad ones are
// lost. A record that fails is stepped over: to the next line, or to where its brackets close (ScanExtent). Each byte is looked at a
// bounded number of times: see strict_until_ and multi_line_.
#include "ingest/decoder_json.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "base/ascii.h"
#include "ingest/field_rules.h"
#include "ingest/json_scalar.h"
#include "ingest/json_tokens.h"
#include "ingest/record_walker.h"

namespace neurallog::ingest {
namespace {

using Outcome = RecordWalker::Outcome;

constexpr size_t kWindowBytes = 64u << 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kNotAnObject = "not a JSON object";

using base::IsSpace;

const char* SkipSpace(const char* at, const char* end) {
  while (at < end && IsSpace(*at)) ++at;
  return at;
}

JsonTokens& ThreadTokens() {
  thread_local JsonTokens tokens;
  return tokens;
}

class BodyDecoder {
 public:
  BodyDecoder(std::string_view body, const FieldRules& rules, KeyTree* keys,
              const DecodeLimits& limits, int64_t arrival_ns)
      : begin_(body.data()),
        end_(body.data() + body.size()),
        limits_(limits),
        builder_(body.size()),
        walker_(limits, rules, arrival_ns, keys, &builder_),
        tokens_(ThreadTokens()) {}

  // `multi_line`: an object may span lines.
  DecodeResult DecodeLines(bool multi_line);
  // `elements` follows the '['. `closer` is what must follow the ']': nothing or "}". Nothing when something else follows it.
  std::optional<DecodeResult> DecodeArray(const char* elements, std::string_view closer);

 private:
  enum class Place { kElement, kSeparator, kClosed, kLost };

  const char* LineEnd(const char* at);
  const char* LinesWindowEnd(const char* at);
  const char* DecodeLinesWindow(const char* at, const char* cut);
  const char* WalkLines(const char* cut);
  const char* StepOverRecord(uint32_t token, Outcome outcome, const char* cut);
  const char* MultiLineEnd(const char* record);
  uint32_t LineLimit(const char* record);
  bool IsFollowedWell() const;
  uint32_t TokenFrom(uint32_t token, const char* at) const;

  const char* ArrayWindowEnd(const char* at) const;
  const char* DecodeArrayWindow(const char* at, const char* cut);
  bool IsSeparatorNext() const;
  std::string WhyNotAnElement(const char* element, Outcome outcome);
  const char* DecodeElementAlone(const char* at);
  const char* StepOverElement(const char* element, std::string_view reason);
  const char* ReadSeparator(const char* at);

  void DecodeAlone(const char* from, const char* to);
  void Accept();
  void Reject(std::string_view reason);
  void RejectWalked(const char* record, Outcome outcome);
  std::string WalkerReason(const char* record, Outcome outcome) const;
  DecodeResult Finish();

  const char* const begin_;
  const char* const end_;
  const DecodeLimits limits_;
  model::RecordBatchBuilder builder_;
  RecordWalker walker_;
  JsonTokens& tokens_;
  DecodeResult result_;
  uint64_t index_ = 0;

  const char* alone_until_ = nullptr;  // stage 1 refused a window that reaches to here
  const char* strict_until_ =
      nullptr;  // a broken record was walked to here: until then, no record may leave its line
  const char* line_begin_ = nullptr;  // no line ends between line_begin_ and line_end_ but there
  const char* line_end_ = nullptr;
  bool multi_line_ =
      false;  // objects may span lines, and none has been found to be unclosed so far
  Place place_ = Place::kElement;
};

void BodyDecoder::Accept() {
  walker_.Accept();
  ++result_.accepted;
  ++index_;
}

void BodyDecoder::Reject(std::string_view reason) {
  if (result_.errors.size() < limits_.errors_reported_max)
    result_.errors.push_back({index_, std::string(reason)});
  ++result_.rejected;
  ++index_;
}

// The record's row is begun.
void BodyDecoder::RejectWalked(const char* record, Outcome outcome) {
  walker_.Abandon();
  Reject(WalkerReason(record, outcome));
}

std::string BodyDecoder::WalkerReason(const char* record, Outcome outcome) const {
  if (result_.errors.size() >= limits_.errors_reported_max) return {};
  if (outcome == Outcome::kIncomplete) return "unclosed bracket";
  if (outcome == Outcome::kRefused) return walker_.reason();
  return "byte " + std::to_string(walker_.where() - record) + ": " + walker_.reason();
}

// A stretch that holds one record, or should.
void BodyDecoder::DecodeAlone(const char* from, const char* to) {
  from = SkipSpace(from, to);
  while (to > from && IsSpace(to[-1])) --to;
  const auto bytes = static_cast<size_t>(to - from);
  if (bytes == 0 || *from != '{') return Reject(kNotAnObject);
  if (bytes > limits_.record_bytes_max)
    return Reject("record has " + std::to_string(bytes) + " bytes, more than " +
                  std::to_string(limits_.record_bytes_max));
  if (const char* fault = tokens_.Load(from, to)) return Reject(fault);
  walker_.Begin(&tokens_);
  const Outcome outcome = walker_.Encode(0, tokens_.count());
  if (outcome != Outcome::kEncoded) return RejectWalked(from, outcome);
  if (walker_.next_token() == tokens_.count()) return Accept();
  walker_.Abandon();
  Reject("unexpected text after the record");
}

DecodeResult BodyDecoder::Finish() {
  result_.batch = builder_.Finish();
  return std::move(result_);
}

// ---- lines

DecodeResult BodyDecoder::DecodeLines(bool multi_line) {
  multi_line_ = multi_line;
  const char* at = begin_;
  while ((at = SkipSpace(at, end_)) < end_)
    at = DecodeLinesWindow(at, at < alone_until_ ? LineEnd(at) : LinesWindowEnd(at));
  return Finish();
}

// The byte after the line's '\n', or the end of the body.
const char* BodyDecoder::LineEnd(const char* at) {
  if (at < line_begin_ || at >= line_end_) {
    const void* found = std::memchr(at, '\n', static_cast<size_t>(end_ - at));
    line_begin_ = at;
    line_end_ = found == nullptr ? end_ : static_cast<const char*>(found) + 1;
  }
  return line_end_;
}

const char* BodyDecoder::LinesWindowEnd(const char* at) {
  if (static_cast<size_t>(end_ - at) <= kWindowBytes) return end_;
  if (at >= line_begin_ && at + kWindowBytes < line_end_) return line_end_;
  const void* found = memrchr(at, '\n', kWindowBytes);
  return found == nullptr ? LineEnd(at) : static_cast<const char*>(found) + 1;
}

// Returns where to go on.
const char* BodyDecoder::DecodeLinesWindow(const char* at, const char* cut) {
  if (static_cast<size_t>(cut - at) > kWindowBytes) {
    // One long line: a long record, or many of them one after the other.
    const Scan scan = *at == '{' ? ScanExtent(Extent::kObject, at, cut) : Scan{};
    if (scan.end != nullptr) return DecodeAlone(at, scan.end), scan.end;
    const char* end = *at == '{' ? MultiLineEnd(at) : nullptr;
    if (end != nullptr) return DecodeAlone(at, end), end;
    Reject(scan.fault == nullptr ? kNotAnObject : scan.fault);
    return cut;
  }
  const char* fault = tokens_.Load(at, cut);
  if (fault == nullptr) return WalkLines(cut);
  if (LineEnd(at) < cut) {
    alone_until_ = cut;
    return at;
  }
  Reject(fault);
  return cut;
}

const char* BodyDecoder::WalkLines(const char* cut) {
  walker_.Begin(&tokens_);
  for (uint32_t token = 0; token < tokens_.count();) {
    const char* record = tokens_.at(token);
    if (*record != '{') {
      Reject(kNotAnObject);
      token = TokenFrom(token, LineEnd(record));
      continue;
    }
    Outcome outcome =
        walker_.Encode(token, record < strict_until_ ? LineLimit(record) : tokens_.count());
    if (outcome == Outcome::kEncoded && IsFollowedWell()) {
      Accept();
      token = walker_.next_token();
      continue;
    }
    const char* next = StepOverRecord(token, outcome, cut);
    if (next >= cut) return next;
    token = TokenFrom(token, next);
  }
  return cut;
}

// Behind a record stands another one, or the end of its line.
bool BodyDecoder::IsFollowedWell() const {
  const uint32_t next = walker_.next_token();
  if (next >= tokens_.count() || *tokens_.at(next) == '{') return true;
  const char* end = tokens_.at(next - 1);
  return std::memchr(end, '\n', static_cast<size_t>(tokens_.at(next) - end)) != nullptr;
}

// How many tokens of the window belong to the record's line and what is before.
uint32_t BodyDecoder::LineLimit(const char* record) {
  const auto line_end = static_cast<uint32_t>(LineEnd(record) - tokens_.begin());
  return static_cast<uint32_t>(
      std::lower_bound(tokens_.offsets(), tokens_.offsets() + tokens_.count(), line_end) -
      tokens_.offsets());
}

uint32_t BodyDecoder::TokenFrom(uint32_t token, const char* at) const {
  while (token < tokens_.count() && tokens_.at(token) < at) ++token;
  return token;
}

// A record did not make a row, or junk follows it. Rejects it, or reads it alone when it reaches past the window. Returns where to go on.
const char* BodyDecoder::StepOverRecord(uint32_t token, Outcome outcome, const char* cut) {
  const char* record = tokens_.at(token);
  const char* line_end = LineEnd(record);
  const char* record_end = MultiLineEnd(record);
  if (outcome == Outcome::kEncoded) {
    walker_.Abandon();
    Reject("unexpected text after the record");
    return LineEnd(tokens_.at(walker_.next_token() - 1));
  }
  if (outcome == Outcome::kIncomplete && record_end != nullptr && record_end > cut) {
    walker_.Abandon();
    DecodeAlone(record, record_end);
    return record_end;
  }
  const char* walked_to = outcome == Outcome::kIncomplete ? cut : walker_.where();
  RejectWalked(record, outcome);
  if (record_end != nullptr && record_end > line_end) return record_end;
  strict_until_ = std::max(strict_until_, walked_to);
  return line_end;
}

// The end of an object that spans lines, or nullptr. When the next line begins with '{' the record rather was cut short.
const char* BodyDecoder::MultiLineEnd(const char* record) {
  if (!multi_line_) return nullptr;
  const char* next_line = SkipSpace(LineEnd(record), end_);
  if (next_line == end_ || *next_line == '{') return nullptr;
  const Scan scan = ScanExtent(Extent::kObject, record, end_);
  multi_line_ = scan.end != nullptr;
  return scan.end;
}

// ---- arrays

std::optional<DecodeResult> BodyDecoder::DecodeArray(const char* elements,
                                                     std::string_view closer) {
  const char* at = SkipSpace(elements, end_);
  if (at < end_ && *at == ']') {
    place_ = Place::kClosed;
    ++at;
  }
  while (place_ == Place::kElement || place_ == Place::kSeparator) {
    at = SkipSpace(at, end_);
    if (place_ == Place::kSeparator) {
      at = ReadSeparator(at);
    } else if (at == end_) {
      Reject("the array is not closed");
      place_ = Place::kLost;
    } else if (at < alone_until_) {
      at = DecodeElementAlone(at);
    } else {
      at = DecodeArrayWindow(at, ArrayWindowEnd(at));
    }
  }
  if (place_ == Place::kLost) return Finish();
  at = SkipSpace(at, end_);
  if (!closer.empty()) {
    if (at == end_ || *at != closer[0]) return std::nullopt;
    at = SkipSpace(at + 1, end_);
  }
  if (at < end_) {
    if (!closer.empty()) return std::nullopt;
    Reject("unexpected text after the array");
  }
  return Finish();
}

const char* BodyDecoder::ReadSeparator(const char* at) {
  if (at < end_ && *at == ',') {
    place_ = Place::kElement;
    return at + 1;
  }
  if (at < end_ && *at == ']') {
    place_ = Place::kClosed;
    return at + 1;
  }
  Reject("the array is not closed");
  place_ = Place::kLost;
  return at;
}

// Just before an element's '{', found as `},{"` with white space between; failing that, anywhere.
const char* BodyDecoder::ArrayWindowEnd(const char* at) const {
  if (static_cast<size_t>(end_ - at) <= kWindowBytes) return end_;
  constexpr int kTries = 64;
  const char* found = at + kWindowBytes;
  for (int i = 0; i < kTries; ++i) {
    found = static_cast<const char*>(memrchr(at, '{', static_cast<size_t>(found - at)));
    if (found == nullptr || found == at) break;
    const char* before = found;
    while (before > at && IsSpace(before[-1])) --before;
    if (before == at || before[-1] != ',') continue;
    --before;
    while (before > at && IsSpace(before[-1])) --before;
    if (before > at && before[-1] == '}' && *SkipSpace(found + 1, end_) == '"') return found;
  }
  return at + kWindowBytes;
}

// Begins at an element. Returns where to go on.
const char* BodyDecoder::DecodeArrayWindow(const char* at, const char* cut) {
  if (tokens_.Load(at, cut) != nullptr) {
    alone_until_ = cut;
    return at;
  }
  walker_.Begin(&tokens_);
  for (uint32_t token = 0; token < tokens_.count();) {
    const char* here = tokens_.at(token);
    if (place_ == Place::kSeparator) {
      if (*here != ',') return here;
      place_ = Place::kElement;
      ++token;
      continue;
    }
    const Outcome outcome =
        *here == '{' ? walker_.Encode(token, tokens_.count()) : Outcome::kRefused;
    if (outcome == Outcome::kEncoded && IsSeparatorNext()) {
      Accept();
      place_ = Place::kSeparator;
      token = walker_.next_token();
      continue;
    }
    if (outcome == Outcome::kIncomplete) {
      walker_.Abandon();
      return token > 0 && cut < end_ ? here : DecodeElementAlone(here);
    }
    const char* next = StepOverElement(here, WhyNotAnElement(here, outcome));
    if (next >= cut || place_ == Place::kLost) return next;
    token = TokenFrom(token, next);
  }
  return place_ == Place::kSeparator ? tokens_.at(tokens_.count() - 1) + 1 : cut;
}

bool BodyDecoder::IsSeparatorNext() const {
  const uint32_t next = walker_.next_token();
  const char* at =
      next < tokens_.count() ? tokens_.at(next) : SkipSpace(tokens_.at(next - 1) + 1, end_);
  return at == end_ || *at == ',' || *at == ']';
}

std::string BodyDecoder::WhyNotAnElement(const char* element, Outcome outcome) {
  if (*element != '{') return std::string(kNotAnObject);
  walker_.Abandon();
  if (outcome == Outcome::kEncoded) return "expected ',' or ']' after the element";
  return WalkerReason(element, outcome);
}

const char* BodyDecoder::DecodeElementAlone(const char* element) {
  const Scan scan = ScanExtent(Extent::kElement, element, end_);
  if (scan.end == nullptr) return StepOverElement(element, {});
  DecodeAlone(element, scan.end);
  place_ = Place::kSeparator;
  return scan.end;
}

// Rejects the element and goes to its end, when it has one.
const char* BodyDecoder::StepOverElement(const char* element, std::string_view reason) {
  const Scan scan = ScanExtent(Extent::kElement, element, end_);
  if (scan.end != nullptr) {
    Reject(reason);
    place_ = Place::kSeparator;
    return scan.end;
  }
  Reject(std::string(scan.fault) + "; the rest of the array cannot be read");
  place_ = Place::kLost;
  return end_;
}

// ---- bodies

std::string_view WithoutByteOrderMark(std::string_view body) {
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  return body;
}

// Where the elements of {"logs": [ begin, or nullptr.
const char* WrappedElements(std::string_view body) {
  const char* at = body.data();
  const char* end = at + body.size();
  for (std::string_view part : {"{", "\"logs\"", ":", "["}) {
    at = SkipSpace(at, end);
    if (static_cast<size_t>(end - at) < part.size() ||
        std::memcmp(at, part.data(), part.size()) != 0)
      return nullptr;
    at += part.size();
  }
  return at;
}

// Refuses a body of which nothing could be read and that does not look like JSON records either.
Result<DecodeResult> CheckReadable(DecodeResult result, char first) {
  if (result.accepted > 0 || first == '{' || first == '[') return result;
  std::string reason = result.errors.empty() ? std::string(kNotAnObject) : result.errors[0].reason;
  return InvalidArgument("the body holds no JSON object; its first record: " + reason);
}

Result<DecodeResult> Decode(std::string_view body, const FieldRules& rules, KeyTree* keys,
                            bool ndjson_hint, bool only_lines, const DecodeLimits& limits,
                            int64_t arrival_ns) {
  if (body.size() > limits.body_bytes_max)
    return TooLarge("the body has " + std::to_string(body.size()) + " bytes, more than " +
                    std::to_string(limits.body_bytes_max));
  body = WithoutByteOrderMark(body);
  const char* first = SkipSpace(body.data(), body.data() + body.size());
  if (first == body.data() + body.size()) return InvalidArgument("the body is empty");
  if (*first == '[' && !only_lines) {
    BodyDecoder decoder(body, rules, keys, limits, arrival_ns);
    return std::move(*decoder.DecodeArray(first + 1, ""));
  }
  const char* wrapped = ndjson_hint || only_lines ? nullptr : WrappedElements(body);
  if (wrapped != nullptr) {
    BodyDecoder decoder(body, rules, keys, limits, arrival_ns);
    std::optional<DecodeResult> result = decoder.DecodeArray(wrapped, "}");
    if (result.has_value()) return std::move(*result);
  }
  BodyDecoder decoder(body, rules, keys, limits, arrival_ns);
  return CheckReadable(decoder.DecodeLines(/*multi_line=*/!ndjson_hint), *first);
}

}  // namespace

Result<DecodeResult> DecodeNative(const base::Buffer& body, bool ndjson_hint,
                                  const DecodeLimits& limits, int64_t arrival_ns) {
  static const FieldRules rules = FieldRules::Native();
  thread_local KeyTree keys;
  return Decode(body.view(), rules, &keys, ndjson_hint, /*only_lines=*/false, limits, arrival_ns);
}

Result<DecodeResult> DecodeJsonLines(const base::Buffer& body, const JsonLineParams& params,
                                     const DecodeLimits& limits, int64_t arrival_ns) {
  const FieldRules rules = FieldRules::JsonLines(params);
  KeyTree keys;
  return Decode(body.view(), rules, &keys, /*ndjson_hint=*/true, /*only_lines=*/true, limits,
                arrival_ns);
}

}  // namespace neurallog::ingest
