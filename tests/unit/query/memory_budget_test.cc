#include "query/memory_budget.h"

#include <catch2/catch.hpp>

namespace neurallog::query {
namespace {

TEST_CASE("when all queries need too much, those end that hold more than an even share") {
  MemoryPool pool;
  pool.bytes_max = 100;
  MemoryBudget large(1000, &pool);
  size_t of_large = 0;
  CHECK(large.Charge(&of_large, 95).ok());
  {
    MemoryBudget small(1000, &pool);
    size_t of_small = 0;
    CHECK(small.Charge(&of_small, 50).ok());
    CHECK(large.Charge(&of_large, 96).code() == Code::kResourceExhausted);
    CHECK(small.Charge(&of_small, 51).code() == Code::kResourceExhausted);
    large.Release(&of_large);
    CHECK(small.Charge(&of_small, 52).ok());
  }
  CHECK(pool.used == 0);
  CHECK(pool.queries == 1);
  CHECK(large.Charge(&of_large, 101).code() == Code::kResourceExhausted);
}

}  // namespace
}  // namespace neurallog::query
