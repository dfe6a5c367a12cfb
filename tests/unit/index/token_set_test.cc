#include "index/token_set.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/buffer.h"

namespace neurallog::index {
namespace {

base::Buffer Padded(std::string_view text) {
  base::Buffer buffer(text.size());
  buffer.Append(text);
  return buffer;
}

std::vector<TokenHash> Expected(std::string_view text) {
  std::set<TokenHash> hashes;
  ForEachToken(text, [&hashes](std::string_view token) { hashes.insert(HashToken(token)); });
  return {hashes.begin(), hashes.end()};
}

std::vector<TokenHash> Hashes(TokenSet* set, std::string_view text) {
  const base::Buffer buffer = Padded(text);
  set->Clear();
  set->Add(buffer.view());
  const auto sorted = set->SortedHashes();
  return {sorted.begin(), sorted.end()};
}

std::string RandomText(std::mt19937* random, size_t size, bool wordy) {
  static constexpr std::string_view kBytes = "abzABZ019_[]@`{}/:. -=\x7f\x80\xff\xc3\xa9";
  std::string text(size, ' ');
  for (char& c : text)
    c = wordy && (*random)() % 64 != 0 ? 'k' : kBytes[(*random)() % kBytes.size()];
  return text;
}

const std::vector<ScanFunction> kScans = {ScanWindowScalar, ScanWindowSse2, ScanWindowAvx2,
                                          ScanWindow()};

}  // namespace

TEST_CASE("a token is a maximal run of letters, digits, underscores and bytes from 0x80 on") {
  std::vector<std::string> tokens;
  ForEachToken("GET /api/v1 user_id=7 \xc3\xa9t\xc3\xa9!", [&tokens](std::string_view token) {
    tokens.emplace_back(token);
  });
  CHECK(tokens == std::vector<std::string>{"GET", "api", "v1", "user_id", "7", "\xc3\xa9t\xc3\xa9"});
}

TEST_CASE("the hash of a token ignores ASCII case only, and is stable") {
  CHECK(HashToken("TimeOut") == HashToken("timeout"));
  CHECK(HashToken("\xc3\x89") != HashToken("\xc3\xa9"));
  CHECK(HashToken("ab") != HashToken("ba"));
  CHECK(HashToken("timeout") == 0xf908d257);
  CHECK(HashToken("59e6a3d7168958daecf8fa248821a998") == 0xb0b36d48);
}

TEST_CASE("every way to scan finds the same bytes as the scalar one") {
  for (int first = 0; first < 256; first += 64) {
    char bytes[ScannedWindow::kBytes];
    for (int i = 0; i < 64; ++i) bytes[i] = static_cast<char>(first + i);
    ScannedWindow expected;
    ScanWindowScalar(bytes, &expected);
    for (ScanFunction scan : kScans) {
      ScannedWindow window;
      scan(bytes, &window);
      CHECK(window.words == expected.words);
      CHECK(std::equal(window.lower, window.lower + 64, expected.lower));
    }
    for (const char* at = bytes; at < bytes + 64; at += ScannedShort::kBytes) {
      ScannedShort fast, scalar;
      ScanShort(at, &fast);
      ScanShortScalar(at, &scalar);
      CHECK(fast.words == scalar.words);
      CHECK(std::equal(fast.lower, fast.lower + ScannedShort::kBytes, scalar.lower));
    }
  }
}

TEST_CASE("a set holds the tokens of its texts, at every size around the window") {
  std::mt19937 random(7);
  for (ScanFunction scan : kScans) {
    TokenSet set(scan);
    for (size_t size = 0; size < 300; ++size)
      for (const bool wordy : {false, true}) {
        const std::string text = RandomText(&random, size, wordy);
        CHECK(Hashes(&set, text) == Expected(text));
      }
  }
}

TEST_CASE("tokens of every length at every place of a window are hashed as a whole") {
  TokenSet set;
  for (size_t before = 0; before < 70; ++before)
    for (size_t size : {1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200}) {
      const std::string text = std::string(before, ' ') + std::string(size, 'Q') + "=x";
      CHECK(Hashes(&set, text) == Expected(text));
    }
}

TEST_CASE("bytes behind a text do not belong to it") {
  const base::Buffer buffer = Padded("trace id12345");
  TokenSet set;
  set.Add(buffer.view().substr(0, 8));
  CHECK(set.SortedHashes().size() == 2);
  const auto sorted = set.SortedHashes();
  CHECK(std::binary_search(sorted.begin(), sorted.end(), HashToken("id")));
}

TEST_CASE("a set grows with its tokens and is empty after Clear") {
  TokenSet set;
  std::set<TokenHash> expected;
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 300'000; ++i) {
      const base::Buffer buffer = Padded("token" + std::to_string(i));
      set.Add(buffer.view());
      if (round == 0) expected.insert(HashToken(buffer.view()));
    }
  CHECK(set.SortedHashes().size() == expected.size());
  const auto sorted = set.SortedHashes();
  CHECK(std::equal(sorted.begin(), sorted.end(), expected.begin(), expected.end()));
  set.Clear();
  CHECK(set.SortedHashes().empty());
  CHECK(set.SortedHashes().empty());
}

}  // namespace neurallog::index
