// Any bytes are a rule about noise or an error, and a stored group or an error; what is written again reads as the same.
// Input: the kind as one byte, then the rule, or with the byte 4 a group.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "actions/noise_rule.h"
#include "actions/notice_group.h"

using namespace neurallog::actions;

namespace {

constexpr int64_t kNowNs = 1'700'000'000'000'000'000;

void Check(bool condition) {
  if (!condition) std::abort();
}

void CheckRule(NoiseKind kind, std::string_view json) {
  const auto rule = NoiseRule::Parse(kind, json, kNowNs);
  if (!rule.ok()) return Check(!rule.status().message().empty());
  const Labels labels = {{"a", "b"}, {"service", "checkout"}};
  const auto again = NoiseRule::Parse(kind, rule->ToJson(kNowNs), kNowNs);
  Check(again.ok());
  Check(again->ToJson() == rule->ToJson());
  Check(again->IsActive(kNowNs) == rule->IsActive(kNowNs));
  Check(again->matchers.Hold(labels) == rule->matchers.Hold(labels));
}

void CheckGroup(std::string_view bytes) {
  const auto group = DecodeGroup(bytes);
  if (!group.ok()) return;
  const std::string encoded = EncodeGroup(*group);
  const auto again = DecodeGroup(encoded);
  Check(again.ok());
  Check(EncodeGroup(*again) == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == kNoiseKinds) CheckGroup(rest);
  else if (data[0] < kNoiseKinds) CheckRule(static_cast<NoiseKind>(data[0]), rest);
  return 0;
}
