// Finds a text in a long buffer: compares two rare bytes of the needle at 16 or 32 places at once,
// then the rest where both agree.
//
//   Finder finder("timeout", /*ignore_case=*/false);
//   for (const char* at = finder.Find(begin, end); at != end; at = finder.Find(at + 1, end)) ...
//
// Reads no byte outside [begin, end). Uses AVX2 where the CPU has it. Case is ignored for A-Z only.
// Immutable and thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace neurallog::filter {

class Finder {
 public:
  // The needle is not empty.
  Finder(std::string_view needle, bool ignore_case);

  // The first occurrence that lies in [begin, end), or `end`.
  const char* Find(const char* begin, const char* end) const { return find_(*this, begin, end); }
  bool Contains(std::string_view text) const {
    return Find(text.data(), text.data() + text.size()) != text.data() + text.size();
  }

  // In lower case when case is ignored.
  const std::string& needle() const { return needle_; }
  bool ignores_case() const { return ignore_case_; }
  size_t size() const { return needle_.size(); }

  // Each way to search, for the test that compares them; ...Avx2 falls back to the next where the
  // CPU lacks it.
  static const char* FindScalar(const Finder& finder, const char* begin, const char* end);
  static const char* FindSse2(const Finder& finder, const char* begin, const char* end);
  static const char* FindAvx2(const Finder& finder, const char* begin, const char* end);

 private:
  bool EqualAt(const char* at) const;

  using FindFunction = const char* (*)(const Finder&, const char*, const char*);

  std::string needle_;  // lower-cased when ignoring case
  bool ignore_case_;
  size_t first_ = 0;  // positions of the two probes, first_ <= second_
  size_t second_ = 0;
  unsigned char fold_first_ = 0;  // 0x20 when the probe is a letter whose case is ignored
  unsigned char fold_second_ = 0;
  FindFunction find_;
};

}  // namespace neurallog::filter
