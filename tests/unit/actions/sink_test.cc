#include "actions/sink.h"

#include <catch2/catch.hpp>
#include <set>

namespace neurallog::actions {

TEST_CASE("what an answer of a receiver means") {
  using Kind = Outcome::Kind;
  for (const int status : {200, 201, 202, 204})
    CHECK(OutcomeOfStatus(status).kind == Kind::kDelivered);
  for (const int status : {408, 425, 429, 500, 502, 503, 504})
    CHECK(OutcomeOfStatus(status).kind == Kind::kRetry);
  for (const int status : {301, 302, 307, 400, 401, 404, 413})
    CHECK(OutcomeOfStatus(status).kind == Kind::kFinal);
  CHECK(OutcomeOfStatus(410).kind == Kind::kGone);
  CHECK(OutcomeOfStatus(410).error == "the receiver answered 410");
}

TEST_CASE("every type of sink is found by its name, and no other") {
  std::set<std::string_view> names;
  for (const SinkType& type : SinkTypes()) {
    CHECK(FindSinkType(type.name) == &type);
    CHECK(names.insert(type.name).second);
  }
  CHECK(FindSinkType("carrier-pigeon") == nullptr);
}

TEST_CASE("the test sink ends as its host says") {
  SinkHost host;
  std::string seen;
  host.on_test = [&](const Attempt& attempt) {
    seen = attempt.notice;
    return OutcomeOfStatus(503);
  };
  auto sink = FindSinkType("test")->make(TenantId{1}, R"({"name":"here"})", &host);
  REQUIRE(sink.ok());
  CHECK((*sink)->endpoint() == "test://here");
  Attempt attempt;
  attempt.notice = "{}";
  int calls = 0;
  (*sink)->Deliver(attempt, [&](const Outcome& outcome) {
    ++calls;
    CHECK(outcome.kind == Outcome::Kind::kRetry);
  });
  CHECK(calls == 1);
  CHECK(seen == "{}");
  CHECK_FALSE(FindSinkType("test")->make(TenantId{1}, R"({"nam":"here"})", &host).ok());
}

}  // namespace neurallog::actions
