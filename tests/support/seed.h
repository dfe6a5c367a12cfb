// The seed of tests on random input: the same in every run, so that the test command's outcome
// belongs to the commit. NL_SEED=N gives another one, NL_SEED=random one of its own to each test.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace neurallog::testing {

inline uint64_t RandomSeed() {
  const char* const given = std::getenv("NL_SEED");
  if (given == nullptr) return 1;
  return std::string(given) == "random" ? std::random_device{}() : std::strtoull(given, nullptr, 10);
}

}  // namespace neurallog::testing
