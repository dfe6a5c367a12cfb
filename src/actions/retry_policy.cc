#include "actions/retry_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/quantity.h"
#include "base/time_format.h"

namespace neurallog::actions {
namespace {

using base::kNsPerMs;
using base::kNsPerSecond;

// After the first attempt. An attempt takes at most ten seconds: the last one has ended after thirty.
constexpr int64_t kStarts[] = {
    0, 500 * kNsPerMs, 1'500 * kNsPerMs, 4 * kNsPerSecond, 10 * kNsPerSecond, 19 * kNsPerSecond};
constexpr int64_t kLastStartNs = 20 * kNsPerSecond;
constexpr int64_t kMinute = 60 * kNsPerSecond, kHour = 60 * kMinute;
constexpr int64_t kRedrives[] = {5 * kMinute, 30 * kMinute, 2 * kHour,  5 * kHour,
                                 10 * kHour,  14 * kHour,   20 * kHour, 24 * kHour};
constexpr int64_t kDelayMax = 24 * kHour;

// Between half of it and all.
int64_t Spread(int64_t ns, double chance) {
  return ns - static_cast<int64_t>(static_cast<double>(ns) / 2 * chance);
}

std::optional<int64_t> SoonDelay(const Tries& so_far, int64_t retry_after_ns, double chance) {
  if (so_far.tries >= std::size(kStarts) || so_far.redrives > 0) return std::nullopt;
  const int64_t before_ns = so_far.tries > 0 ? kStarts[so_far.tries - 1] : 0;
  const int64_t planned_ns = before_ns + Spread(kStarts[so_far.tries] - before_ns, chance);
  const int64_t least_ns = std::max(Spread(500 * kNsPerMs, chance), retry_after_ns);
  const int64_t start_ns = std::max(planned_ns, so_far.elapsed_ns + least_ns);
  if (start_ns > kLastStartNs) return std::nullopt;
  return start_ns - so_far.elapsed_ns;
}

std::optional<int64_t> CustomDelay(const RetryPolicy& policy, const Tries& so_far,
                                   int64_t retry_after_ns, double chance) {
  if (so_far.tries >= policy.attempts) return std::nullopt;
  const double steps = so_far.tries > 0 ? so_far.tries - 1 : 0;
  const double wanted = static_cast<double>(policy.base_ns) * std::pow(policy.factor, steps);
  const auto ns = static_cast<int64_t>(std::min(wanted, static_cast<double>(policy.cap_ns)));
  return std::max(policy.has_jitter ? Spread(ns, chance) : ns, retry_after_ns);
}

Status ReadDuration(const base::JsonValue& json, std::string_view name, int64_t least_ns,
                    int64_t* to) {
  if (json.Find(name) == nullptr) return {};
  NL_TRY(const std::string text, json.String(name));
  const auto ns = base::ParseDuration(text);
  if (!ns || *ns < least_ns || *ns > kDelayMax)
    return InvalidArgument(fmt::format("retry: {}: expected a duration of {} to 24h, got \"{}\"",
                                       name, base::FormatDuration(least_ns), text.substr(0, 40)));
  *to = *ns;
  return {};
}

Status ReadCustom(const base::JsonValue& json, RetryPolicy* policy) {
  if (json.Find("attempts") != nullptr) {
    NL_TRY(const uint64_t attempts, json.Unsigned("attempts"));
    if (attempts < 1 || attempts > RetryPolicy::kAttemptsMax)
      return InvalidArgument(
          fmt::format("retry: attempts: expected 1 to {}", RetryPolicy::kAttemptsMax));
    policy->attempts = static_cast<uint32_t>(attempts);
  }
  NL_RETURN_IF_ERROR(ReadDuration(json, "base", kNsPerMs, &policy->base_ns));
  NL_RETURN_IF_ERROR(ReadDuration(json, "cap", kNsPerMs, &policy->cap_ns));
  if (const base::JsonValue* const factor = json.Find("factor")) {
    const std::string& text = factor->text();
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), policy->factor);
    if (error != std::errc() || end != text.data() + text.size() || !(policy->factor >= 1) ||
        policy->factor > 10)
      return InvalidArgument("retry: factor: expected a number from 1 to 10");
  }
  if (const base::JsonValue* const jitter = json.Find("jitter")) {
    if (jitter->text() != "full" && jitter->text() != "none")
      return InvalidArgument("retry: jitter: expected full or none");
    policy->has_jitter = jitter->text() == "full";
  }
  return {};
}

}  // namespace

Result<RetryPolicy> RetryPolicy::Parse(const base::JsonValue& json) {
  if (json.kind() != base::JsonValue::Kind::kObject)
    return InvalidArgument("retry: expected an object");
  RetryPolicy policy;
  std::string profile = "interactive";
  for (const std::string& name : json.names()) {
    if (name == "profile") {
      NL_TRY(profile, json.String(name));
    } else if (name != "attempts" && name != "base" && name != "factor" && name != "cap" &&
               name != "jitter") {
      return InvalidArgument("retry: unknown member " + name.substr(0, 40));
    }
  }
  if (profile == "custom") {
    policy.profile = Profile::kCustom;
    NL_RETURN_IF_ERROR(ReadCustom(json, &policy));
    return policy;
  }
  if (profile == "durable") policy.profile = Profile::kDurable;
  else if (profile != "interactive")
    return InvalidArgument("retry: profile: expected interactive, durable or custom, got \"" +
                           profile.substr(0, 40) + "\"");
  if (json.names().size() > (json.Find("profile") != nullptr ? 1u : 0u))
    return InvalidArgument("retry: only a custom profile has members of its own");
  return policy;
}

std::string RetryPolicy::ToJson() const {
  if (profile == Profile::kInteractive) return R"({"profile":"interactive"})";
  if (profile == Profile::kDurable) return R"({"profile":"durable"})";
  return fmt::format(
      R"({{"profile":"custom","attempts":{},"base":"{}","factor":{},"cap":"{}","jitter":"{}"}})",
      attempts, base::FormatDuration(base_ns), factor, base::FormatDuration(cap_ns),
      has_jitter ? "full" : "none");
}

std::optional<int64_t> RetryPolicy::Delay(const Tries& so_far, int64_t retry_after_ns,
                                          double chance, bool* is_redrive) const {
  *is_redrive = false;
  retry_after_ns = std::clamp<int64_t>(retry_after_ns, 0, kDelayMax);
  if (profile == Profile::kCustom) return CustomDelay(*this, so_far, retry_after_ns, chance);
  const auto soon = SoonDelay(so_far, retry_after_ns, chance);
  if (soon || profile == Profile::kInteractive) return soon;
  if (so_far.redrives >= std::size(kRedrives)) return std::nullopt;
  *is_redrive = true;
  // A tenth less, or more, so that what failed together does not come back together.
  const auto late_ns =
      static_cast<int64_t>(static_cast<double>(kRedrives[so_far.redrives]) * (0.9 + 0.2 * chance));
  return std::max(late_ns, retry_after_ns);
}

}  // namespace neurallog::actions
