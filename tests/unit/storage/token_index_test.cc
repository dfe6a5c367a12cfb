#include "storage/token_index.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "index/token_set.h"
#include "support/memory_blocks.h"
#include "support/temp_dir.h"

namespace neurallog::storage {
namespace {

using index::TokenQuery;

constexpr int64_t kStartNs = 1'748'736'000'000'000'000;
constexpr int64_t kDayNs = 86'400 * base::kNsPerSecond;

TokenQuery Tokens(const std::string& field, const std::vector<std::string>& words) {
  std::vector<index::TokenHash> tokens;
  for (const std::string& word : words) tokens.push_back(index::HashToken(word));
  return index::RequireTokens(field, tokens);
}

// A store with blocks of one tenant, each of one row with "id<n>" and words that many have.
class TokenIndexFixture {
 public:
  TokenIndexFixture() { Open(); }

  void Open() {
    StoreOptions options;
    options.directory = dir_.path() + "/store";
    store_ = Store::Open(options, &base::Clock::System()).value();
  }
  void Reopen() {
    REQUIRE(store_->Flush().ok());
    view_.reset();
    blocks_.clear();
    store_.reset();
    Open();
    std::vector<std::string> damage;
    for (const PartitionPtr& partition : store_->Partitions())
      REQUIRE(store_
                  ->ReadHeaders(partition, keyspace_, &blocks_,
                                [&](std::string what) { damage.push_back(what); })
                  .ok());
    CHECK(damage.empty());
  }

  // A block with as many words that no other block has.
  BlockEntry WriteWords(int n, int words) {
    std::string text;
    for (int i = 0; i < words; ++i) text += " w" + std::to_string(n) + "x" + std::to_string(i);
    return Write(n, 0, true, 0, text);
  }
  BlockEntry Write(int n, uint32_t rewrite = 0, bool with_tokens = true, int64_t day = 0,
                   const std::string& more = "") {
    const auto batch = testing::MakeBatch(
        {{kStartNs + day * kDayNs,
          {{"message", ValueType::kString,
            "order id" + std::to_string(n) + " of user " + "u" + std::to_string(n / 3) + " ok" +
                more},
           {"other", ValueType::kString, "elsewhere x" + std::to_string(n)},
           {"seq", ValueType::kNumber, std::to_string(n)}}},
         {kStartNs + day * kDayNs + 1, {{"seq", ValueType::kNumber, std::to_string(n + 1)}}}});
    auto rows = testing::RowsOf(*batch);
    const auto built = block::BuildBlock(rows, {.tokens = with_tokens ? &tokens_ : nullptr});
    TimeRange same;
    const auto partition =
        store_->PartitionFor(kStartNs + day * kDayNs, tenant::RetentionClass{}, &same).value();
    Change change(partition, keyspace_);
    const BlockId id{{static_cast<uint64_t>(n) + 1, 1}, rewrite};
    change.PutBlock(id, built);
    REQUIRE(store_->Apply(&change).ok());
    return {partition, id, block::BlockHeader::Decode(built.header).value(), {}};
  }
  void Fill(int from, int to) {
    for (int n = from; n < to; ++n) blocks_.push_back(Write(n));
  }

  // The numbers of the blocks that may match.
  std::vector<int> Find(const TokenQuery& query) {
    std::vector<const BlockEntry*> blocks;
    for (const BlockEntry& entry : blocks_) blocks.push_back(&entry);
    const auto view = view_ ? view_ : store_->TakeView();
    pages_ = 0;
    const auto found =
        store_->token_index().FindCandidates(query, keyspace_, blocks, *view, &pages_);
    REQUIRE(found.size() == blocks.size());
    std::vector<int> numbers;
    for (size_t i = 0; i < found.size(); ++i)
      if (found[i]) numbers.push_back(static_cast<int>(blocks_[i].id.end.lsn) - 1);
    return numbers;
  }
  std::vector<int> FindWord(const std::string& word) { return Find(Tokens("message", {word})); }

  void Maintain(size_t lists_min = TokenIndex::kListsPerSegment) {
    for (const PartitionPtr& partition : store_->Partitions()) {
      std::vector<BlockId> live;
      for (const BlockEntry& entry : blocks_)
        if (entry.partition == partition) live.push_back(entry.id);
      std::sort(live.begin(), live.end());
      REQUIRE(store_->token_index().Maintain({partition, keyspace_}, live, lists_min).ok());
    }
  }
  std::vector<std::string> Keys(char kind) {
    std::vector<std::string> keys;
    for (const PartitionPtr& partition : store_->Partitions())
      REQUIRE(store_
                  ->Scan(*partition, keyspace_.Begin() + kind,
                         keyspace_.Begin() + static_cast<char>(kind + 1),
                         [&](std::string_view key, std::string_view) {
                           keys.emplace_back(key);
                           return true;
                         })
                  .ok());
    return keys;
  }
  // Flips a bit of the value.
  void Damage(const std::string& key) {
    const PartitionPtr partition = store_->Partitions()[0];
    std::string value = store_->ReadValueNow(*partition, key).value();
    value[value.size() / 2] ^= 1;
    Change change(partition, keyspace_);
    change.PutRaw(key, value);
    REQUIRE(store_->Apply(&change).ok());
  }
  // Each block is found by its own id, and by the words that all have.
  void CheckAll() {
    for (size_t i = 0; i < blocks_.size(); i += 7) {
      const int n = static_cast<int>(blocks_[i].id.end.lsn) - 1;
      CHECK(FindWord("id" + std::to_string(n)) == std::vector<int>{n});
    }
    CHECK(FindWord("order").size() == blocks_.size());
    CHECK(FindWord("absent").empty());
    CHECK(Find(Tokens("other", {"elsewhere"})).size() == blocks_.size());
  }

  testing::TempDir dir_;
  const Keyspace keyspace_{TenantId{7}, 0};
  index::TokenSet tokens_;
  std::unique_ptr<Store> store_;
  std::vector<BlockEntry> blocks_;
  std::shared_ptr<const ReadView> view_;
  uint64_t pages_ = 0;
};

}  // namespace

TEST_CASE_METHOD(TokenIndexFixture, "blocks are found through their hash lists") {
  Fill(0, 20);
  CheckAll();
  CHECK(FindWord("u3") == std::vector<int>{9, 10, 11});
  CHECK(pages_ == 20);
}

TEST_CASE_METHOD(TokenIndexFixture, "and, or and always are what they say") {
  Fill(0, 12);
  const auto word = [](const char* text) { return Tokens("message", {text}); };
  CHECK(Find(index::RequireAll({word("u1"), word("id4")})) == std::vector<int>{4});
  CHECK(Find(index::RequireAny({word("id1"), word("id4")})) == std::vector<int>{1, 4});
  CHECK(Find(index::RequireAny({})).empty());
  CHECK(Find(TokenQuery()).size() == 12);
  CHECK(Find(Tokens("message", {"u1", "id4"})) == std::vector<int>{4});
}

TEST_CASE_METHOD(TokenIndexFixture,
                 "columns without tokens in the index rule nothing out, missing columns all") {
  Fill(0, 5);
  CHECK(Find(Tokens("seq", {"777"})).size() == 5);
  CHECK(Find(Tokens("nothing", {"id1"})).empty());
  CHECK(pages_ == 0);
}

TEST_CASE_METHOD(TokenIndexFixture,
                 "one index serves all fields: the field is checked on the rows") {
  Fill(0, 5);
  CHECK(Find(Tokens("message", {"x2"})) == std::vector<int>{2});
}

TEST_CASE_METHOD(TokenIndexFixture, "a block without a hash list is a candidate") {
  Fill(0, 3);
  blocks_.push_back(Write(3, 0, /*with_tokens=*/false));
  Change change(blocks_[0].partition, keyspace_);
  change.RemoveHashList(blocks_[0].id, /*bytes=*/1);
  REQUIRE(store_->Apply(&change).ok());
  CHECK(FindWord("id2") == std::vector<int>{0, 2, 3});
  CHECK(FindWord("id0") == std::vector<int>{0, 3});
}

TEST_CASE_METHOD(TokenIndexFixture, "long hash lists lie in pieces that come and go together") {
  for (int n = 0; n < 4; ++n) blocks_.push_back(WriteWords(n, /*words=*/6000));
  const auto found = [this] {
    CHECK(FindWord("id2") == std::vector<int>{2});
    CHECK(FindWord("w2x5999") == std::vector<int>{2});
    CHECK(FindWord("absent").empty());
  };
  const size_t pieces = Keys('H').size();
  CHECK(pieces > 4 * 3);
  found();
  SECTION("they become a segment") {
    Reopen();
    found();
    Maintain(/*lists_min=*/4);
    CHECK(Keys('H').empty());
    found();
  }
  SECTION("they go with their block") {
    Change change(blocks_[2].partition, keyspace_);
    change.RemoveBlock(blocks_[2]);
    REQUIRE(store_->Apply(&change).ok());
    CHECK(Keys('H').size() == pieces / 4 * 3);
  }
  SECTION("a damaged one makes the block a candidate") {
    Damage(keyspace_.HashListPieceKey(blocks_[1].id, 2));
    Reopen();
    CHECK(FindWord("absent") == std::vector<int>{1});
    Maintain(/*lists_min=*/3);
    CHECK(Keys('H').size() == pieces / 4);
  }
  SECTION("a lost one makes the block a candidate") {
    {
      Change change(blocks_[1].partition, keyspace_);
      change.RemoveHashList(blocks_[1].id, /*bytes=*/1);
      REQUIRE(store_->Apply(&change).ok());
    }
    Reopen();
    CHECK(FindWord("absent") == std::vector<int>{1});
  }
  SECTION("lists in one piece of any size, as they were written before, are read") {
    const std::string whole =
        store_->ReadHashList(*blocks_[3].partition, keyspace_, blocks_[3].id, *store_->TakeView())
            .value();
    {
      Change change(blocks_[3].partition, keyspace_);
      change.RemoveHashList(blocks_[3].id, whole.size());
      change.PutRaw(keyspace_.HashListKey(blocks_[3].id), whole);
      REQUIRE(store_->Apply(&change).ok());
    }
    Reopen();
    found();
    CHECK(FindWord("w3x7") == std::vector<int>{3});
    Maintain(/*lists_min=*/4);
    CHECK(Keys('H').empty());
    found();
  }
}

TEST_CASE_METHOD(TokenIndexFixture, "enough hash lists become a segment, which finds the same") {
  Fill(0, 63);
  CHECK(!store_->token_index().TakeWork());
  Fill(63, 70);
  REQUIRE(store_->token_index().TakeWork());
  CHECK(!store_->token_index().TakeWork());
  Maintain();
  CHECK(Keys('H').size() == 6);
  CHECK(Keys('S').size() == 1);
  CheckAll();
  (void)FindWord("absent");
  CHECK(pages_ <= 2 + 6);
  Reopen();
  CheckAll();
  CHECK(store_->token_index().stats().damaged == 0);
}

TEST_CASE_METHOD(TokenIndexFixture,
                 "a query that began before a segment was built finds the same") {
  Fill(0, 64);
  view_ = store_->TakeView();
  CHECK(FindWord("id7") == std::vector<int>{7});
  Maintain();
  CheckAll();
  Fill(64, 70);
  CheckAll();
}

TEST_CASE_METHOD(TokenIndexFixture, "sixteen segments become one, of the next level") {
  for (int i = 0; i < 16; ++i) {
    Fill(4 * i, 4 * i + 4);
    Maintain(/*lists_min=*/4);
    CHECK(Keys('S').size() == (i == 15 ? 1 : static_cast<size_t>(i) + 1));
  }
  CHECK(store_->token_index().stats().segments_merged == 1);
  CheckAll();
  Fill(64, 68);
  Maintain(/*lists_min=*/4);
  CHECK(Keys('S').size() == 2);
  Reopen();
  CheckAll();
}

TEST_CASE_METHOD(TokenIndexFixture, "parts of other partitions and tenants do not mix") {
  for (int n = 0; n < 12; ++n) blocks_.push_back(Write(n, 0, true, n % 3 * 400));
  const std::vector<BlockEntry> own = blocks_;
  Maintain(/*lists_min=*/2);
  REQUIRE(store_->Partitions().size() > 1);
  CHECK(Keys('S').size() == store_->Partitions().size());
  CHECK(FindWord("id5") == std::vector<int>{5});
  CHECK(FindWord("order").size() == 12);
  const Keyspace other(TenantId{8}, 0);
  std::vector<const BlockEntry*> blocks = {&own[0]};
  uint64_t pages = 0;
  CHECK(store_->token_index().FindCandidates(Tokens("message", {"absent"}), other, blocks,
                                             *store_->TakeView(),
                                             &pages) == std::vector<bool>{true});
}

TEST_CASE_METHOD(TokenIndexFixture,
                 "rewritten blocks bring their own lists, and dead ones go with a merge") {
  for (int i = 0; i < 15; ++i) {
    Fill(4 * i, 4 * i + 4);
    Maintain(/*lists_min=*/4);
  }
  {
    Change change(blocks_[0].partition, keyspace_);
    for (int i = 0; i < 8; ++i) change.RemoveBlock(blocks_[static_cast<size_t>(i)]);
    REQUIRE(store_->Apply(&change).ok());
  }
  blocks_.erase(blocks_.begin(), blocks_.begin() + 8);
  blocks_.push_back(Write(7, /*rewrite=*/1));
  CheckAll();
  Maintain();
  CHECK(Keys('S').size() == 13);  // two held nothing but blocks that are gone
  Fill(60, 72);
  for (int i = 0; i < 3; ++i) Maintain(/*lists_min=*/4);
  CheckAll();
  Reopen();
  CheckAll();
}

TEST_CASE_METHOD(TokenIndexFixture, "pages that a crash left without a directory are removed") {
  Fill(0, 8);
  {
    Change change(blocks_[0].partition, keyspace_);
    for (uint32_t page = 0; page < 5; ++page) change.PutPostingsPage(3, page, "left over");
    REQUIRE(store_->Apply(&change).ok());
  }
  Reopen();
  CheckAll();
  Maintain(/*lists_min=*/8);
  CHECK(Keys('S').size() == 1);
  CHECK(Keys('I').size() == 1);
  CheckAll();
}

TEST_CASE_METHOD(TokenIndexFixture,
                 "damage makes blocks candidates, is counted, and loses nothing") {
  Fill(0, 8);
  SECTION("a hash list") {
    Damage(keyspace_.HashListKey(blocks_[2].id));
    CHECK(FindWord("id5") == std::vector<int>{2, 5});
    CHECK(FindWord("id2") == std::vector<int>{2});
    CHECK(store_->token_index().stats().damaged == 1);
    Maintain(/*lists_min=*/4);
    CHECK(FindWord("id5") == std::vector<int>{2, 5});
    CHECK(Keys('H').size() == 1);
  }
  SECTION("a page") {
    Maintain(/*lists_min=*/8);
    Damage(keyspace_.PostingsPageKey(1, 0));
    CHECK(FindWord("id5").size() == 8);
    CHECK(store_->token_index().stats().damaged == 1);
  }
  SECTION("a directory") {
    Maintain(/*lists_min=*/8);
    Damage(keyspace_.SegmentKey(1));
    Reopen();
    CHECK(FindWord("id5").size() == 8);
    CHECK(store_->token_index().stats().damaged == 1);
    Fill(8, 16);
    Maintain(/*lists_min=*/8);
    CHECK(FindWord("id12") == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 12});
    CHECK(Keys('I').size() == 2);
  }
  SECTION("a page of a segment that is to be merged") {
    Maintain(/*lists_min=*/8);
    Damage(keyspace_.PostingsPageKey(1, 0));
    for (int i = 1; i <= 16; ++i) {
      Fill(8 * i, 8 * i + 8);
      Maintain(/*lists_min=*/8);
    }
    CHECK(Keys('S').size() == 2);
    CHECK(FindWord("id100") == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 100});
  }
}

TEST_CASE_METHOD(TokenIndexFixture, "the cache stays within its budget") {
  LruCache cache(10'000);
  for (int i = 0; i < 100; ++i)
    cache.Put(std::to_string(i), std::make_shared<std::string>(500, 'x'), 500);
  CHECK(cache.bytes() <= 10'000);
  CHECK(cache.Get<std::string>("99"));
  CHECK(!cache.Get<std::string>("0"));
  cache.Put("large", std::make_shared<std::string>(), 20'000);
  CHECK(!cache.Get<std::string>("large"));
  cache.Erase("99");
  CHECK(!cache.Get<std::string>("99"));
}

}  // namespace neurallog::storage
