// What is known of all records that agree in their steady values: a matcher's memory.
//
//   Signature* known = cache.Find(key);                  // the steady values of a record, as bytes
//   if (known == nullptr) known = cache.Add(key, Make());
//
// A signature says which groups of rules a record is for, which rules match it whatever its other values are,
// and of which the rest of the program is still to be run. At its bound the cache forgets everything. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace neurallog::rules {

struct Signature {
  // A rule whose program comes to a test that depends on other values, and where it goes on from there.
  struct Rest {
    uint32_t rule;
    int32_t if_true;
    int32_t if_false;
  };
  // Rules that wait for the same test.
  struct Pending {
    uint32_t test;
    uint32_t first;  // in `rests`
    uint32_t count;
    bool only_if_true;  // if it does not pass, none of them matches
  };

  // A group of rules that the record is for, and its part of `pending`.
  struct Part {
    uint32_t group;
    uint32_t first;
    uint32_t count;
  };

  std::vector<Part> parts;
  std::vector<int32_t> alias_sets;
  std::vector<uint32_t> passed;   // tests that need not be evaluated
  std::vector<uint32_t> matched;  // rules
  std::vector<Pending> pending;
  std::vector<Rest> rests;

  size_t memory_bytes() const;
};

class SignatureCache {
 public:
  static constexpr size_t kBytesMax = 1 << 20;
  static constexpr uint32_t kWindow = 8192;  // look-ups
  static constexpr uint32_t kBadWindows = 4;

  const Signature* Find(std::string_view key);
  const Signature* Add(std::string_view key, Signature signature);
  void Clear();
  size_t size() const { return entries_.size(); }

  // Several windows of look-ups in a row are over of which too many found nothing; says so once.
  bool IsThrashing();

 private:
  struct Entry {
    uint64_t hash;
    std::string key;
    Signature signature;
  };
  // The slot of the entry, or the free one where it would be.
  uint32_t* SlotOf(uint64_t hash, std::string_view key);
  void Grow();

  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<uint32_t> slots_ = std::vector<uint32_t>(64);  // entry + 1; 0: free
  size_t bytes_ = 0;
  uint32_t lookups_ = 0;
  uint32_t misses_ = 0;
  uint32_t bad_windows_ = 0;
};

}  // namespace neurallog::rules
