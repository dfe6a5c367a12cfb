#include <catch2/catch.hpp>

#include "filter/bitmap.h"

namespace neurallog::filter {
namespace {

TEST_CASE("a range of rows is kept whatever its place in the words") {
  for (const uint32_t rows : {0u, 1u, 63u, 64u, 65u, 130u}) {
    for (uint32_t begin = 0; begin <= rows; ++begin) {
      for (uint32_t end = begin; end <= rows + 1; ++end) {
        Bitmap bitmap(rows, true);
        bitmap.KeepRange(begin, end);
        uint32_t wrong = 0;
        for (uint32_t row = 0; row < rows; ++row)
          wrong += bitmap.Test(row) != (row >= begin && row < end) ? 1 : 0;
        REQUIRE(wrong == 0);
        REQUIRE(bitmap.Count() == std::min(end, rows) - begin);
      }
    }
  }
}

TEST_CASE("a full bitmap has no bits past its last row") {
  CHECK(Bitmap(65, true).Count() == 65);
  CHECK_FALSE(Bitmap(0, true).Any());
}

}  // namespace
}  // namespace neurallog::filter
