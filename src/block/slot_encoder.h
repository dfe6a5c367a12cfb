// Writes slots: finds what all values of a variable have in common and stores the rest.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "block/slot_format.h"
#include "index/token_set.h"

namespace neurallog::block {

// Reuses its buffers from slot to slot and column to column. Values are variables (words with a
// digit among them) that lie in buffers with 64 readable bytes behind their end. Not thread-safe.
class SlotEncoder {
 public:
  void Clear();
  // All words of the values go to `tokens` when it is given.
  void Add(std::span<const std::string_view> values, index::TokenSet* tokens);
  // A slot with the values of the one that was added `distance` slots before.
  void AddCopy(size_t distance);
  // Adds texts without a shape, for whoever knows how many they are.
  void AddTexts(std::span<const std::string_view> texts, index::TokenSet* tokens);

  std::string_view stream(Stream which) const { return streams_[static_cast<size_t>(which)]; }

 private:
  // Returns the distinct values where they are known, else all.
  std::span<const std::string_view> Put(std::span<const std::string_view> values);
  void PutTexts(std::span<const std::string_view> texts);
  // How values look that are a number with constant text around it.
  struct NumberForm {
    std::string_view prefix;
    std::string_view suffix;
    size_t scale = 0;   // digits behind the point
    size_t digits = 0;  // of the first value's part before the point
    bool canonical = true;
    bool one_length = true;

    bool Learn(std::string_view first);
    bool Read(std::string_view value, uint64_t* number);
    // The same where there is nothing but digits.
    bool ReadBare(std::string_view value, uint64_t* number);
  };

  bool AddConst(std::span<const std::string_view> values);
  bool AddDict(std::span<const std::string_view> values, size_t other_bytes);
  bool ReadNumbers(std::span<const std::string_view> values, NumberForm* form);
  bool ReadIpv4(std::span<const std::string_view> values);
  bool AddFixed(std::span<const std::string_view> values);
  bool FindPattern(std::span<const std::string_view> values,
                   std::array<char, kFixedLengthMax>* pattern) const;
  void AddHexDigits(std::span<const std::string_view> values, std::string_view pattern);
  void AddNumbers(const NumberForm& form);
  void PutNumbers(uint8_t kind, const NumberForm* form);

  std::string& to(Stream which) { return streams_[static_cast<size_t>(which)]; }
  void PutShape(uint8_t byte) { to(Stream::kShapes).push_back(static_cast<char>(byte)); }
  void PutText(std::string_view text);

  std::array<std::string, kStreams> streams_;
  std::vector<uint64_t> numbers_;
  std::vector<uint64_t> packed_;
  std::vector<std::string_view> entries_;
  std::vector<uint8_t> codes_;
};

}  // namespace neurallog::block
