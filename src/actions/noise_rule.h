// What a tenant says about notices that nobody wants, at times or while something else is told. Four kinds:
//
//   silence              {"matchers":["service=checkout"],"starts_at":"...","ends_at":"...","created_by":"..","comment":".."}
//   maintenance window   {"matchers":[...],"time_intervals":[...]} or with starts_at and ends_at; no matchers: all
//   inhibition           {"source_matchers":[...],"target_matchers":[...],"equal":["service"]}
//   time interval        {"time_intervals":[{"times":[{"start_time":"22:00","end_time":"24:00"}],"weekdays":["mon:fri"],
//                          "days_of_month":["1:5","-1"],"months":["may"],"years":["2026"],"location":"Europe/Berlin"}]}
//
// Names of Alertmanager's own API (startsAt, isRegex) are taken too. Plain values, immutable once parsed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actions/label_matcher.h"
#include "base/time_interval.h"

namespace neurallog::actions {

enum class NoiseKind : uint8_t { kSilence, kMaintenance, kInhibition, kTimeInterval };
inline constexpr size_t kNoiseKinds = 4;
// "silence", "maintenance window", ...
std::string_view KindName(NoiseKind kind);

struct NoiseRule {
  static constexpr size_t kBytesMax = 64u << 10;
  static constexpr size_t kTextBytesMax = 4'096;  // of a comment, or who has made it
  static constexpr size_t kIntervalsMax = 32;
  static constexpr size_t kEqualMax = 32;

  NoiseKind kind{};
  std::string id;          // empty: one is made
  LabelMatchers matchers;  // of what is not told
  int64_t starts_ns = 0;   // wall
  int64_t ends_ns = 0;     // 0: of a kind, or a window, that does not end
  std::vector<base::TimeInterval> times;
  std::string times_json;
  LabelMatchers sources;           // of an inhibition: alerts that fire ...
  std::vector<std::string> equal;  // ... and have the same values of these labels
  std::string created_by;
  std::string comment;
  int64_t updated_ns = 0;

  // Whether it is in force, but for what it is about.
  bool IsActive(int64_t wall_ns) const;
  // "pending", "active" or "expired".
  std::string_view StateName(int64_t wall_ns) const;
  // As it is stored: what Parse takes. With `wall_ns` as it is shown.
  std::string ToJson(int64_t wall_ns = 0) const;

  // InvalidArgument names what is wrong. A time that is left out is `now_ns`.
  // `id`, unless it is empty, is the rule's.
  static Result<NoiseRule> Parse(NoiseKind kind, std::string_view json, int64_t now_ns,
                                 std::string_view id = {});
};

// An array of time intervals as Alertmanager has them.
Result<std::vector<base::TimeInterval>> ParseTimeIntervals(const base::JsonValue& json);

}  // namespace neurallog::actions
