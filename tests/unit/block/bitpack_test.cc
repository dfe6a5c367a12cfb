#include "block/bitpack.h"

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

#include "support/seed.h"

namespace neurallog::block {
namespace {

uint64_t Mask(int width) { return width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1; }

}  // namespace

TEST_CASE("values of every width come back from both unpackers") {
  const uint64_t seed = testing::RandomSeed();
  INFO("seed " << seed);
  std::mt19937_64 rng(seed);
  for (int width = 0; width <= 64; ++width) {
    for (const size_t count : {0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 1024, 1027}) {
      std::vector<uint64_t> values(count);
      for (uint64_t& value : values) value = rng() % 5 == 0 ? Mask(width) : rng() & Mask(width);
      std::string packed = "before";
      PackBits(std::span<const uint64_t>(values), width, &packed);
      REQUIRE(packed.size() == 6 + PackedBytes(count, width));

      // A copy of exactly its size, so that a sanitizer sees a read past the end.
      const std::unique_ptr<char[]> exact(new char[packed.size() - 6]);
      std::copy(packed.begin() + 6, packed.end(), exact.get());
      const std::string_view bytes(exact.get(), packed.size() - 6);
      std::vector<uint64_t> fast(count);
      std::vector<uint64_t> slow(count);
      UnpackBits(bytes, width, std::span<uint64_t>(fast));
      UnpackBitsPortable(bytes, width, slow);
      REQUIRE(fast == values);
      REQUIRE(slow == values);
    }
  }
}

TEST_CASE("16-bit values pack to the same bytes as wide ones and come back") {
  std::mt19937_64 rng(3);
  for (int width = 0; width <= 16; ++width) {
    for (const size_t count : {0, 1, 7, 8, 9, 64, 1001, 8192}) {
      std::vector<uint16_t> narrow(count);
      for (uint16_t& value : narrow) value = static_cast<uint16_t>(rng() & Mask(width));
      const std::vector<uint64_t> wide(narrow.begin(), narrow.end());
      std::string packed_narrow;
      std::string packed_wide;
      PackBits(std::span<const uint16_t>(narrow), width, &packed_narrow);
      PackBits(std::span<const uint64_t>(wide), width, &packed_wide);
      REQUIRE(packed_narrow == packed_wide);
      std::vector<uint16_t> read(count);
      UnpackBits(packed_narrow, width, std::span<uint16_t>(read));
      REQUIRE(read == narrow);
    }
  }
}

}  // namespace neurallog::block
