// JsonTokens: where the tokens of a stretch of JSON text begin, found by simdjson's stage 1.
//
//   JsonTokens tokens;
//   if (const char* fault = tokens.Load(begin, end)) ...   // the stretch cannot be read as a whole
//   for (uint32_t t = 0; t < tokens.count(); ++t) ... *tokens.at(t)
//
// A token is one of []{}:, or the first byte of a string, number or literal. After Load, strings are closed, hold no raw control
// characters and the text is UTF-8; nothing else is checked. Behind the last token stand kBeyond more that point at the end of the
// stretch, so that a walk may look ahead before it compares with count(). The text must have 64 readable bytes after its end.
//
// This is the only door to simdjson: its On-Demand front end skips some checks (it does not validate what is not read) and costs more
// than walking the indexes does.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>

namespace simdjson::internal {
class dom_parser_implementation;
}

namespace neurallog::ingest {

class JsonTokens {
 public:
  static constexpr uint32_t kBeyond = 8;

  JsonTokens();
  ~JsonTokens();

  // Returns nullptr, or the reason why the stretch cannot be split into tokens. At most 1 GiB; keeps its memory for the next one.
  const char* Load(const char* begin, const char* end);

  const char* begin() const { return begin_; }
  const char* end() const { return end_; }
  uint32_t count() const { return count_; }
  const char* at(uint32_t token) const { return begin_ + offsets_[token]; }
  const uint32_t* offsets() const { return offsets_; }

 private:
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  const uint32_t* offsets_ = nullptr;
  uint32_t count_ = 0;
};

// The closing quote of a string token when the next token begins at `next`: between them is nothing but white space.
inline const char* ClosingQuote(const char* next) {
  do --next;
  while (*next != '"');
  return next;
}

}  // namespace neurallog::ingest
