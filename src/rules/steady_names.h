// Which names of records have few different values, so that what rules say of these can be remembered.
//
//   SteadyNames steady;
//   steady.Add(number);                      // a name, by numbers that count up
//   switch (steady.use(number)) ...          // kVaried at first
//   if (steady.is_learning() && steady.Learn(number, value)) steady.Promote(number);   // now or soon
//
// A name is steady when of its first kLearned values at most an eighth are new. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace neurallog::rules {

class SteadyNames {
 public:
  static constexpr uint32_t kLearned = 1024;
  static constexpr size_t kValueBytesMax = 256;  // a longer value makes its name a varied one

  enum class Use : uint8_t { kNone, kVaried, kSteady };

  // `is_of_use`: rules look at its values. `is_forced`: it is steady whatever comes, from the start.
  void Add(bool is_of_use, bool is_forced);
  void Clear();

  Use use(uint32_t name) const { return uses_[name]; }
  size_t size() const { return uses_.size(); }
  bool is_learning() const { return learning_ > 0; }
  // True, once: the name is a steady one.
  bool Learn(uint32_t name, std::string_view value);

  void Promote(uint32_t name) { uses_[name] = Use::kSteady; }
  void Demote(uint32_t name) { uses_[name] = Use::kVaried; }
  // The steady name with the most values, if there is one that is not forced; else kNoName.
  static constexpr uint32_t kNoName = UINT32_MAX;
  uint32_t most_varied() const;

 private:
  static constexpr size_t kRecent = 512;  // in sets of four

  struct Seen {
    bool is_forced = false;
    uint32_t values = 0;
    uint32_t fresh = 0;
    std::unique_ptr<std::array<uint32_t, kRecent>> recent;  // hashes; none: nothing is learned
  };

  std::vector<Use> uses_;
  std::vector<Seen> seen_;
  size_t learning_ = 0;
};

}  // namespace neurallog::rules
