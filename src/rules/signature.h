// What is known of all records that agree in their steady values: which groups of rules they are for, which rules
// match them whatever their other values are, and of which the rest of the program is still to be run. Plain data.
#pragma once

#include <cstdint>
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

  uint32_t id = 0;
  std::vector<Part> parts;
  std::vector<int32_t> alias_sets;
  std::vector<uint32_t> passed;   // tests that need not be evaluated
  std::vector<uint32_t> matched;  // rules
  std::vector<Pending> pending;
  std::vector<Rest> rests;

  size_t memory_bytes() const {
    return parts.capacity() * sizeof(Part) + alias_sets.capacity() * 4 + passed.capacity() * 4 +
           matched.capacity() * 4 + pending.capacity() * sizeof(Pending) +
           rests.capacity() * sizeof(Rest);
  }
};

}  // namespace neurallog::rules
