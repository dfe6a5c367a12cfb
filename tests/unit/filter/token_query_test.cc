#include "filter/token_query.h"

#include <catch2/catch.hpp>

#include "filter/parser.h"
#include "filter/program.h"
#include "index/hash_list.h"
#include "index/token_set.h"
#include "support/memory_blocks.h"
#include "support/naive_engine.h"
#include "support/random_queries.h"

namespace neurallog::filter {
namespace {

using index::TokenQuery;
using testing::RandomQueries;

constexpr int64_t kNowNs = RandomQueries::kStartNs + 1'000'000'000;

TokenQuery QueryOf(std::string_view text) {
  const auto filter = ParseFilter(text);
  REQUIRE(filter.ok());
  return MakeTokenQuery(**filter);
}

// The tokens of all parts, whatever joins them.
void Collect(const TokenQuery& query, std::vector<index::TokenHash>* tokens) {
  tokens->insert(tokens->end(), query.tokens.begin(), query.tokens.end());
  for (const TokenQuery& child : query.children) Collect(child, tokens);
}

bool Requires(std::string_view text, const std::vector<std::string>& words) {
  std::vector<index::TokenHash> tokens, expected;
  Collect(QueryOf(text), &tokens);
  for (const std::string& word : words) expected.push_back(index::HashToken(word));
  std::sort(tokens.begin(), tokens.end());
  std::sort(expected.begin(), expected.end());
  return tokens == expected;
}

struct IndexedBlock {
  block::BuiltBlock built;
  std::shared_ptr<const block::BlockHeader> header;

  explicit IndexedBlock(const model::RecordBatch& batch) {
    index::TokenSet tokens;
    std::vector<block::RowRef> rows = testing::RowsOf(batch);
    built = block::BuildBlock(rows, {.tokens = &tokens});
    header = block::BlockHeader::Decode(built.header).value();
  }

  // As storage::TokenIndex answers.
  bool MayMatch(const TokenQuery& query) const {
    const auto of_child = [this](const TokenQuery& child) { return MayMatch(child); };
    switch (query.kind) {
      case TokenQuery::Kind::kAlways: return true;
      case TokenQuery::Kind::kAnd:
        return std::all_of(query.children.begin(), query.children.end(), of_child);
      case TokenQuery::Kind::kOr:
        return std::any_of(query.children.begin(), query.children.end(), of_child);
      case TokenQuery::Kind::kTokens: break;
    }
    const int column = header->FindColumn(query.field);
    if (column < 0) return false;
    if (!header->columns[static_cast<size_t>(column)].indexed) return true;
    const index::HashList list = index::HashList::Decode(built.hash_list).value();
    return std::all_of(query.tokens.begin(), query.tokens.end(),
                       [&](index::TokenHash token) { return list.MayContain(token); });
  }
};

}  // namespace

TEST_CASE("words and phrases require all their tokens") {
  CHECK(Requires("timeout", {"timeout"}));
  CHECK(Requires("\"GET /api/v1\"", {"get", "api", "v1"}));
  CHECK(Requires("i(TimeOut)", {"timeout"}));
  CHECK(Requires("a:b c:\"d e\"", {"b", "d", "e"}));
  CHECK(Requires("host:=\"web-1\"", {"web", "1"}));
  CHECK(Requires("\"...\"", {}));
}

TEST_CASE("a prefix does not require a last word that may go on") {
  CHECK(Requires("tim*", {}));
  CHECK(Requires("\"user tim\"*", {"user"}));
  CHECK(Requires("\"user tim=\"*", {"user", "tim"}));
  CHECK(Requires("host:=\"web-1\"*", {"web"}));
}

TEST_CASE("letters beyond ASCII are not required when case is ignored") {
  CHECK(Requires("i(\"\xc3\x84rger disk\")", {}));
  CHECK(Requires("\"\xc3\x84rger\"", {"\xc3\x84rger"}));
}

TEST_CASE("a disjunction requires something only if each part does") {
  CHECK(Requires("a or b", {"a", "b"}));
  CHECK(QueryOf("a or b").kind == TokenQuery::Kind::kOr);
  CHECK(QueryOf("a or x:*").is_always());
  CHECK(QueryOf("a or -b").is_always());
  CHECK(Requires("f:in(a, \"b c\")", {"a", "b", "c"}));
  CHECK(QueryOf("f:in(a, \"\")").is_always());
}

TEST_CASE("negations, ranges, times and streams' own names require nothing") {
  CHECK(QueryOf("-timeout").is_always());
  CHECK(QueryOf("status:>400").is_always());
  CHECK(QueryOf("_time:5m").is_always());
  CHECK(QueryOf("_stream:\"{a}\"").is_always());
  CHECK(Requires("{source=\"api-1\",level!=\"x\"}", {"api", "1"}));
}

TEST_CASE("a regular expression requires the words inside of a literal that every match holds") {
  CHECK(Requires("~\"user disconnected from host\"", {"disconnected", "from"}));
  CHECK(Requires("~\"disconnected\"", {}));
  CHECK(Requires("~\"x=disconnected [0-9]+\"", {"disconnected"}));
  CHECK(Requires("~\" (begin|end) \"", {"begin", "end"}));
  CHECK(Requires("~\"(?i) timeout \"", {"timeout"}));
  CHECK(Requires("~\"(?i) disk \"", {}));  // k may be a Kelvin sign
  CHECK(Requires("~\".*\"", {}));
}

TEST_CASE("a block with a row that matches fulfils the query, for random filters") {
  size_t ruled_out = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    RandomQueries random(seed);
    const auto records = random.Records(1 + random.Below(6));
    const auto batch = testing::MakeBatch(records);
    const IndexedBlock block(*batch);
    const testing::NaiveEngine naive(kNowNs);
    for (int i = 0; i < 60; ++i) {
      const auto filter = random.Filter();
      const std::string text = ToText(*filter);
      CAPTURE(text);
      const auto program = Program::Compile(*filter, {.now_ns = kNowNs});
      REQUIRE(program.ok());
      const bool may_match = block.MayMatch((*program)->token_query());
      ruled_out += !may_match;
      for (const auto& record : records)
        if (naive.Matches(*filter, record)) CHECK(may_match);
    }
  }
  CHECK(ruled_out > 500);
}

}  // namespace neurallog::filter
