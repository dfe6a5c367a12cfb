#include "detection/split_documents.h"

#include <catch2/catch.hpp>

namespace neurallog::detection {
namespace {

TEST_CASE("a text is cut at its lines of dashes, and documents know their lines") {
  const auto documents =
      SplitDocuments("---\na: 1\n---\n# nothing\n\n--- \nb: |\n  --- not one\n---x: 2\n");
  REQUIRE(documents.size() == 2);
  CHECK(documents[0].text == "a: 1\n");
  CHECK(documents[0].line == 2);
  CHECK(documents[1].text == "b: |\n  --- not one\n---x: 2\n");
  CHECK(documents[1].line == 7);
}

TEST_CASE("a document may begin on the line of dashes") {
  const auto documents = SplitDocuments("a: 1\n--- {b: 2}\n");
  REQUIRE(documents.size() == 2);
  CHECK(documents[1].text == " {b: 2}\n");
  CHECK(documents[1].line == 2);
}

TEST_CASE("a text without dashes is one document, an empty one none") {
  CHECK(SplitDocuments("a: 1").size() == 1);
  CHECK(SplitDocuments("\n# only this\n").empty());
}

}  // namespace
}  // namespace neurallog::detection
