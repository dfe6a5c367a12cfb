#include "index/hash_list.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "index/bit_stream.h"
#include "index/stored.h"

namespace neurallog::index {
namespace {

std::vector<TokenHash> RandomHashes(std::mt19937* random, size_t count, uint64_t range) {
  std::set<TokenHash> hashes;
  while (hashes.size() < count)
    hashes.insert(static_cast<TokenHash>(((uint64_t{(*random)()} << 32) + (*random)()) % range));
  return {hashes.begin(), hashes.end()};
}

}  // namespace

TEST_CASE("a hash list gives back its hashes and finds exactly them") {
  std::mt19937 random(1);
  const uint64_t all = uint64_t{1} << 32;
  for (size_t count : {0, 1, 2, 3, 57, 64, 255, 256, 257, 1000, 20'000})
    for (uint64_t range : {uint64_t{count}, uint64_t{count} * 3 + 1, all}) {
      const auto hashes = RandomHashes(&random, count, range);
      const std::string bytes = EncodeHashList(hashes);
      const auto list = HashList::Decode(bytes);
      REQUIRE(list.ok());
      CHECK(list->size() == count);
      CHECK(list->hashes().ToVector() == hashes);
      for (int i = 0; i < 2000; ++i) {
        const auto probe = static_cast<TokenHash>(i % 2 == 0 || hashes.empty()
                                                      ? random() % std::max<uint64_t>(range, 1)
                                                      : hashes[random() % hashes.size()]);
        if (list->MayContain(probe) != std::binary_search(hashes.begin(), hashes.end(), probe))
          FAIL("hash " << probe << " of " << count);
      }
    }
}

TEST_CASE("the smallest and the largest hash can stand in one list") {
  const std::vector<TokenHash> hashes = {0, 1, UINT32_MAX - 1, UINT32_MAX};
  const std::string bytes = EncodeHashList(hashes);
  const auto list = HashList::Decode(bytes);
  REQUIRE(list.ok());
  for (TokenHash hash : hashes) CHECK(list->MayContain(hash));
  CHECK(!list->MayContain(2));
}

TEST_CASE("the numbers of an Elias-Fano code are found by their place") {
  const std::vector<uint32_t> values = {70, 71, 300, 5000, 5001, 90'000};
  std::string bytes;
  AppendEliasFano(values, 70, &bytes);
  base::ByteReader reader(bytes);
  const auto code = EliasFano::Decode(70, &reader);
  REQUIRE(code.ok());
  for (size_t i = 0; i < values.size(); ++i) CHECK(code->Find(values[i]) == i);
  CHECK(!code->Find(69));
  CHECK(!code->Find(90'001));
}

TEST_CASE("a hash list takes about two bits more than its entropy") {
  std::mt19937 random(2);
  const auto hashes = RandomHashes(&random, 12'000, uint64_t{1} << 32);
  CHECK(EncodeHashList(hashes).size() < 12'000 * 2.7);
}

TEST_CASE("a hash list with a flipped bit or a cut is corrupt") {
  std::mt19937 random(3);
  const std::string bytes = EncodeHashList(RandomHashes(&random, 600, uint64_t{1} << 32));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 8);
    CHECK(HashList::Decode(damaged).status().code() == Code::kCorruption);
    CHECK(HashList::Decode(bytes.substr(0, i)).status().code() == Code::kCorruption);
  }
}

TEST_CASE("a hash list that lies under a good checksum is searched without harm") {
  std::mt19937 random(4);
  const std::string bytes = EncodeHashList(RandomHashes(&random, 600, uint64_t{1} << 32));
  for (size_t i = 0; i < 3 * (bytes.size() - 4); ++i) {
    std::string damaged = bytes.substr(0, bytes.size() - 4);
    damaged[i % damaged.size()] = static_cast<char>(random());
    if (i % 3 == 0) damaged.resize(random() % damaged.size());
    Seal(&damaged);
    const auto list = HashList::Decode(damaged);
    if (!list.ok()) {
      CHECK(list.status().code() == Code::kCorruption);
      continue;
    }
    CHECK(list->hashes().ToVector().size() == list->size());
    for (int probe = 0; probe < 20; ++probe) (void)list->MayContain(random());
  }
}

TEST_CASE("bits come back as they were written") {
  std::mt19937 random(5);
  std::vector<std::pair<uint64_t, int>> written;
  std::string bytes;
  BitWriter writer(&bytes);
  for (int i = 0; i < 3000; ++i) {
    const int k = static_cast<int>(random() % 20);
    const uint64_t value = random() % 1000 << (random() % 2 == 0 ? 0 : k);
    written.emplace_back(value, k);
    writer.WriteRice(value, k);
  }
  writer.Finish();
  BitReader reader(bytes);
  for (const auto& [value, k] : written) REQUIRE(reader.ReadRice(k) == value);
  CHECK(reader.ok());
  (void)reader.Read(32);
  CHECK(!reader.ok());
}

}  // namespace neurallog::index
