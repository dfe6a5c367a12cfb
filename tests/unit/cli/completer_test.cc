#include "cli/completer.h"

#include <catch2/catch.hpp>

namespace neurallog::cli {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("behind a bar a word becomes the name of a pipe") {
  const Completer completer;
  REQUIRE(completer.Matches("error | unpack_w") == Names{"unpack_words"});
  REQUIRE(completer.Matches("error |unpack_j") == Names{"unpack_json"});
  REQUIRE(completer.Matches("error | nothing").empty());
}

TEST_CASE("elsewhere a word becomes a function or a field that was seen") {
  Completer completer;
  completer.LearnFields("{\"level\":\"x\",\"metadata\":{\"user\":\"y\"}}\n{\"level\":\"z\"}\n");
  REQUIRE(completer.Matches("lev") == Names{"level"});
  REQUIRE(completer.Matches("metadata.u") == Names{"metadata.user"});
  REQUIRE(completer.Matches("* | stats by (source) count_u") ==
          Names{"count_uniq", "count_uniq_hash"});
  REQUIRE(completer.Matches("* | sort by (metad") == Names{"metadata.user"});
}

TEST_CASE("several names are completed as far as they are alike") {
  REQUIRE(CommonBeginning({"unpack_json", "unpack_logfmt"}) == "unpack_");
  REQUIRE(CommonBeginning({"a", "b"}).empty());
  REQUIRE(CommonBeginning({"a", "ab"}) == "a");
  REQUIRE(CommonBeginning({}).empty());
}

}  // namespace
}  // namespace neurallog::cli
