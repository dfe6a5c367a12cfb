#include "storage/lru_cache.h"

#include <catch2/catch.hpp>

namespace neurallog::storage {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

void PutMiB(LruCache* cache, const std::string& key) {
  cache->Put(key, std::make_shared<const int>(1), kMiB);
}

}  // namespace

TEST_CASE("a cache holds spare memory until it is taken, and keeps what was used last") {
  base::SpareMemory spare(40 * kMiB);
  LruCache cache(10 * kMiB, &spare);
  spare.set_on_taken([&cache] { cache.Shrink(); });
  for (int i = 0; i < 49; ++i) PutMiB(&cache, std::to_string(i));
  CHECK(cache.bytes() >= 49 * kMiB);
  CHECK(cache.bytes_max() == 50 * kMiB);
  REQUIRE(cache.Get<int>("0") != nullptr);

  spare.Take(30 * kMiB);
  CHECK(cache.bytes() <= 20 * kMiB);
  CHECK(cache.Get<int>("0") != nullptr);
  CHECK(cache.Get<int>("1") == nullptr);

  spare.Take(50 * kMiB);  // pools may pass their bounds for a moment
  CHECK(cache.bytes() <= 10 * kMiB);
  CHECK(cache.bytes() > 8 * kMiB);

  spare.GiveBack(80 * kMiB);
  CHECK(cache.bytes_max() == 50 * kMiB);
}

TEST_CASE("a cache without spare memory keeps to its own") {
  LruCache cache(10 * kMiB);
  for (int i = 0; i < 20; ++i) PutMiB(&cache, std::to_string(i));
  CHECK(cache.bytes() <= 10 * kMiB);
  CHECK(cache.Get<int>("19") != nullptr);
  cache.Put("large", std::make_shared<const int>(1), 11 * kMiB);
  CHECK(cache.Get<int>("large") == nullptr);
}

}  // namespace neurallog::storage
