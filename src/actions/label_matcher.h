// Which notices are meant, by what they are labelled with, as Alertmanager's matchers have it.
//
//   NL_TRY(const LabelMatchers matchers, LabelMatchers::Parse("matchers", json));
//     // ["service=checkout","severity=~high|critical"] or [{"name":"service","value":"checkout"}]
//   matchers.Hold(labels)      // all of them do; a label that is missing is empty
//
// Immutable; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace re2 {
class RE2;
}

namespace neurallog::actions {

// alertname, rule, rule_id, severity, the rule's labels, the values of the alert's group.
using Labels = std::map<std::string, std::string, std::less<>>;
// "": there is none.
std::string_view LabelOf(const Labels& labels, std::string_view name);

class LabelMatchers {
 public:
  static constexpr size_t kMatchersMax = 32;
  static constexpr size_t kNameBytesMax = 256;
  static constexpr size_t kValueBytesMax = 1'024;

  // An array of texts or objects. InvalidArgument begins with `name`.
  static Result<LabelMatchers> Parse(std::string_view name, const base::JsonValue& json);

  bool Hold(const Labels& labels) const;
  size_t size() const { return matchers_.size(); }
  // An array of texts.
  std::string ToJson() const;

 private:
  struct Matcher {
    std::string name;
    std::string value;
    bool is_equal = true;  // else the value must not be so
    std::shared_ptr<const re2::RE2> pattern;
  };
  static Result<Matcher> Read(const base::JsonValue& json);
  static Result<Matcher> ReadText(std::string_view text);
  static Status Compile(bool is_pattern, Matcher* matcher);

  std::vector<Matcher> matchers_;
};

}  // namespace neurallog::actions
