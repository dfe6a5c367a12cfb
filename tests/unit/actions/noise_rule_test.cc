#include "actions/noise_rule.h"

#include <catch2/catch.hpp>

#include "actions/noise_book.h"
#include "base/time_format.h"
#include "support/temp_dir.h"

namespace neurallog::actions {
namespace {

constexpr TenantId kTenant{1};
constexpr int64_t kHour = int64_t{3'600} * base::kNsPerSecond;
constexpr int64_t kStart = int64_t{1'700'000'000} * base::kNsPerSecond;

bool Holds(const std::string& matchers, const Labels& labels) {
  const auto parsed = LabelMatchers::Parse("matchers", *base::ParseJson(matchers));
  REQUIRE(parsed.ok());
  // What is shown means the same.
  const auto again = LabelMatchers::Parse("matchers", *base::ParseJson(parsed->ToJson()));
  REQUIRE(again.ok());
  CHECK(again->Hold(labels) == parsed->Hold(labels));
  return parsed->Hold(labels);
}

std::string WhyNot(NoiseKind kind, std::string_view json) {
  const auto rule = NoiseRule::Parse(kind, json, kStart);
  REQUIRE(!rule.ok());
  return std::string(rule.status().message());
}

TEST_CASE("matchers of labels mean what they do in Alertmanager") {
  const Labels labels = {{"service", "checkout"}, {"severity", "high"}, {"text", "a \"b\" c"}};
  CHECK(Holds(R"(["service=checkout"])", labels));
  CHECK(Holds(R"(["service = \"checkout\"", "severity=~high|critical"])", labels));
  CHECK_FALSE(Holds(R"(["service=check"])", labels));
  CHECK_FALSE(Holds(R"(["service=~check"])", labels));  // the whole value
  CHECK(Holds(R"(["service=~check.*"])", labels));
  CHECK(Holds(R"(["service!=cart","service!~c"])", labels));
  CHECK_FALSE(Holds(R"(["service!=checkout"])", labels));
  CHECK(Holds(R"(["region="])", labels));  // a label that is missing is empty
  CHECK_FALSE(Holds(R"(["region=eu"])", labels));
  CHECK(Holds(R"(["region!=eu"])", labels));
  CHECK(Holds(R"(["text=\"a \\\"b\\\" c\""])", labels));
  CHECK(Holds(R"([{"name":"service","value":"check.*","is_regex":true}])", labels));
  CHECK(Holds(R"([{"name":"service","value":"cart","isRegex":false,"isEqual":false}])", labels));
  CHECK(Holds("[]", labels));
}

TEST_CASE("what is no matcher is refused with its text") {
  for (const std::string_view text :
       {R"(["service"])", R"(["service!checkout"])", R"(["=a"])", R"(["service=~("])", "[1]", "{}",
        R"([{"name":"a"}])", R"([{"name":"a=b","value":"c"}])", R"([{"name":" a","value":"c"}])",
        R"([{"name":"a","value":"b","regex":true}])",
        R"(["service=\"open])"
        "\"]"}) {
    const auto json = base::ParseJson(text);
    if (!json.ok()) continue;
    const auto parsed = LabelMatchers::Parse("matchers", *json);
    INFO(text);
    CHECK(!parsed.ok());
    if (!parsed.ok()) CHECK(parsed.status().message().starts_with("matchers: "));
  }
}

TEST_CASE("a silence lasts from its beginning to its end") {
  const auto silence = NoiseRule::Parse(
      NoiseKind::kSilence, R"({"matchers":["a=b"],"duration":"2h","created_by":"me"})", kStart);
  REQUIRE(silence.ok());
  CHECK_FALSE(silence->IsActive(kStart - 1));
  CHECK(silence->IsActive(kStart));
  CHECK(silence->IsActive(kStart + 2 * kHour - 1));
  CHECK(silence->StateName(kStart + 2 * kHour) == "expired");
  const auto later = NoiseRule::Parse(NoiseKind::kSilence,
                                      R"({"matchers":[{"name":"a","value":"b"}],
      "startsAt":"2030-01-01T00:00:00Z","endsAt":"2030-01-02T00:00:00Z","createdBy":"am"})",
                                      kStart);
  REQUIRE(later.ok());
  CHECK(later->StateName(kStart) == "pending");
  CHECK(later->created_by == "am");
  const auto again = NoiseRule::Parse(NoiseKind::kSilence, later->ToJson(kStart), kStart);
  REQUIRE(again.ok());
  CHECK(again->ToJson() == later->ToJson());
}

TEST_CASE("a maintenance window comes again in its time zone") {
  const auto window = NoiseRule::Parse(NoiseKind::kMaintenance, R"({"time_intervals":[
      {"times":[{"start_time":"02:00","end_time":"04:00"}],"weekdays":["sunday"],"location":"Europe/Berlin"}]})",
                                       kStart);
  REQUIRE(window.ok());
  CHECK(window->IsActive(*base::ParseRfc3339("2026-11-22T01:30:00Z")));
  CHECK_FALSE(window->IsActive(*base::ParseRfc3339("2026-11-22T03:00:00Z")));
  CHECK(window->IsActive(*base::ParseRfc3339("2026-07-05T00:30:00Z")));  // summer time
  CHECK(window->matchers.Hold({{"any", "thing"}}));
  const auto again = NoiseRule::Parse(NoiseKind::kMaintenance, window->ToJson(), kStart);
  REQUIRE(again.ok());
  CHECK(again->IsActive(*base::ParseRfc3339("2026-07-05T00:30:00Z")));
}

TEST_CASE("what is wrong with a rule about noise is named") {
  using K = NoiseKind;
  CHECK(WhyNot(K::kSilence, "[]") == "expected an object");
  CHECK(WhyNot(K::kSilence, R"({"matchers":["a=b"]})") ==
        "ends_at: expected a time, or a duration");
  CHECK(WhyNot(K::kSilence, R"({"matchers":[],"duration":"1h"})") ==
        "matchers: expected one at least");
  CHECK(WhyNot(K::kSilence, R"({"matchers":["a=b"],"duration":"soon"})") ==
        "duration: expected a time such as 2h");
  CHECK(WhyNot(K::kSilence, R"({"matchers":["a=b"],"ends_at":"2001-01-01T00:00:00Z"})") ==
        "ends_at: expected a time after starts_at");
  CHECK(WhyNot(K::kSilence, R"({"matchers":["a=b"],"duration":"1h","equal":[]})") ==
        "unknown member equal");
  CHECK(WhyNot(K::kInhibition, R"({"source_matchers":["a=b"]})") ==
        "target_matchers: expected one at least");
  CHECK(WhyNot(K::kTimeInterval, R"({"time_intervals":[{}]})").starts_with("id: "));
  CHECK(WhyNot(K::kTimeInterval, R"({"name":"n","time_intervals":[{"weekdays":["funday"]}]})")
            .starts_with("time_intervals: weekdays: funday: "));
  CHECK(WhyNot(K::kTimeInterval, R"({"name":"n","time_intervals":[{"location":"Moon"}]})")
            .starts_with("time_intervals: location: there is no time zone Moon"));
  CHECK(WhyNot(K::kMaintenance, R"({"id":"a/b","duration":"1h"})").starts_with("id: "));
}

TEST_CASE("rules about noise are kept, and silences end before they go") {
  testing::TempDir dir;
  storage::StoreOptions options;
  options.directory = dir.path() + "/store";
  auto store = storage::Store::Open(options, &base::Clock::System()).value();
  base::ManualClock clock(kStart);
  NoiseBook book(store.get(), &clock);
  REQUIRE(book.Load().ok());
  CHECK(book.Of(kTenant) == nullptr);
  auto silence =
      NoiseRule::Parse(NoiseKind::kSilence, R"({"matchers":["a=b"],"duration":"1h"})", kStart);
  const auto put = book.Put(kTenant, *silence, true);
  REQUIRE(put.ok());
  CHECK(put->id.starts_with("silence-"));
  CHECK(book.Put(kTenant, *put, true).status().code() == Code::kConflict);
  REQUIRE(book.Put(kTenant, *put, false).ok());
  auto interval = NoiseRule::Parse(NoiseKind::kTimeInterval,
                                   R"({"time_intervals":[{"years":["2023"]}]})", kStart, "year");
  REQUIRE(interval.ok());
  REQUIRE(book.Put(kTenant, *interval, true).ok());

  NoiseBook again(store.get(), &clock);
  REQUIRE(again.Load().ok());
  const auto rules = again.Of(kTenant);
  REQUIRE(rules);
  CHECK(rules->MutedBy({{"a", "b"}}, kStart) == std::vector<std::string>{"silence " + put->id});
  CHECK(rules->MutedBy({{"a", "c"}}, kStart).empty());
  CHECK(rules->IsIn({"year"}, kStart));
  CHECK_FALSE(rules->IsIn({"other"}, kStart));
  CHECK(again.Of(TenantId{2}) == nullptr);

  clock.Advance(kHour / 2);
  REQUIRE(again.Delete(kTenant, NoiseKind::kSilence, put->id).ok());
  CHECK(again.Get(kTenant, NoiseKind::kSilence, put->id)->StateName(clock.WallNs()) == "expired");
  CHECK(again.Of(kTenant)->MutedBy({{"a", "b"}}, clock.WallNs()).empty());
  REQUIRE(again.Delete(kTenant, NoiseKind::kTimeInterval, "year").ok());
  CHECK(again.Delete(kTenant, NoiseKind::kTimeInterval, "year").code() == Code::kNotFound);
  clock.Advance(NoiseBook::kKeptNs + kHour);
  REQUIRE(again.Put(kTenant, *interval, true).ok());
  CHECK(again.Of(kTenant)->of(NoiseKind::kSilence).empty());
}

}  // namespace
}  // namespace neurallog::actions
