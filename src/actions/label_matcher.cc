#include "actions/label_matcher.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "base/json_text.h"

namespace neurallog::actions {
namespace {

using base::JsonValue;
using Kind = JsonValue::Kind;

constexpr int64_t kPatternMemory = 256 << 10;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Result<bool> ReadFlag(const JsonValue& json, std::string_view name) {
  if (json.kind() == Kind::kBool) return json.text() == "true";
  return InvalidArgument(std::string(name).append(": expected true or false"));
}

}  // namespace

std::string_view LabelOf(const Labels& labels, std::string_view name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string_view() : std::string_view(found->second);
}

// service="check out", service!=a, service=~"a|b", service!~a
Result<LabelMatchers::Matcher> LabelMatchers::ReadText(std::string_view text) {
  Matcher matcher;
  const size_t at = text.find_first_of("=!");
  const std::string_view operation = at == std::string_view::npos ? "" : text.substr(at, 2);
  if (operation.empty() || (operation[0] == '!' && operation != "!=" && operation != "!~"))
    return InvalidArgument(
        fmt::format("{}: expected a label, =, !=, =~ or !~, and a value", text.substr(0, 80)));
  const bool is_long = operation != "=" && (operation[0] == '!' || operation == "=~");
  matcher.name = Trimmed(text.substr(0, at));
  matcher.is_equal = operation[0] == '=';
  std::string_view value = Trimmed(text.substr(at + (is_long ? 2 : 1)));
  if (value.starts_with('"') || value.ends_with('"')) {
    NL_TRY(const JsonValue quoted, base::ParseJson(value));
    matcher.value = quoted.text();
  } else {
    matcher.value = value;
  }
  NL_RETURN_IF_ERROR(Compile(is_long && operation[1] == '~', &matcher));
  return matcher;
}

Result<LabelMatchers::Matcher> LabelMatchers::Read(const JsonValue& json) {
  if (json.kind() == Kind::kString) return ReadText(json.text());
  if (json.kind() != Kind::kObject) return InvalidArgument("expected a text or an object");
  Matcher matcher;
  bool is_pattern = false;
  NL_TRY(matcher.name, json.String("name"));
  NL_TRY(matcher.value, json.String("value"));
  for (const std::string& name : json.names()) {
    const JsonValue& value = *json.Find(name);
    if (name == "is_regex" || name == "isRegex") {
      NL_TRY(is_pattern, ReadFlag(value, name));
    } else if (name == "is_equal" || name == "isEqual") {
      NL_TRY(matcher.is_equal, ReadFlag(value, name));
    } else if (name != "name" && name != "value") {
      return InvalidArgument("unknown member " + name.substr(0, 40));
    }
  }
  NL_RETURN_IF_ERROR(Compile(is_pattern, &matcher));
  return matcher;
}

// A pattern is of the whole value.
Status LabelMatchers::Compile(bool is_pattern, Matcher* matcher) {
  if (matcher->name.empty() || matcher->name.size() > kNameBytesMax)
    return InvalidArgument(fmt::format("expected a label of 1 to {} bytes", kNameBytesMax));
  if (matcher->name.find_first_of("=!\"") != std::string::npos ||
      Trimmed(matcher->name) != matcher->name)
    return InvalidArgument(matcher->name + ": a label without =, ! and quotes is expected");
  if (matcher->value.size() > kValueBytesMax)
    return InvalidArgument(
        fmt::format("{}: a value of more than {} bytes", matcher->name, kValueBytesMax));
  if (!is_pattern) return {};
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kPatternMemory);
  auto pattern = std::make_shared<re2::RE2>(matcher->value, options);
  if (!pattern->ok())
    return InvalidArgument(
        fmt::format("{}: {}: {}", matcher->name, matcher->value, pattern->error()));
  matcher->pattern = std::move(pattern);
  return {};
}

Result<LabelMatchers> LabelMatchers::Parse(std::string_view name, const JsonValue& json) {
  if (json.kind() != Kind::kArray || json.items().size() > kMatchersMax)
    return InvalidArgument(fmt::format("{}: expected an array of up to {}", name, kMatchersMax));
  LabelMatchers matchers;
  for (const JsonValue& item : json.items()) {
    auto matcher = Read(item);
    if (!matcher.ok())
      return InvalidArgument(fmt::format("{}: {}", name, matcher.status().message()));
    matchers.matchers_.push_back(std::move(*matcher));
  }
  return matchers;
}

bool LabelMatchers::Hold(const Labels& labels) const {
  return std::all_of(matchers_.begin(), matchers_.end(), [&labels](const Matcher& matcher) {
    const std::string_view value = LabelOf(labels, matcher.name);
    const bool is_so =
        matcher.pattern ? re2::RE2::FullMatch(value, *matcher.pattern) : value == matcher.value;
    return is_so == matcher.is_equal;
  });
}

std::string LabelMatchers::ToJson() const {
  std::string json = "[";
  for (const Matcher& matcher : matchers_) {
    std::string text = matcher.name;
    text.append(matcher.is_equal ? "=" : "!").append(matcher.pattern ? "~" : "");
    if (!matcher.is_equal && !matcher.pattern) text.push_back('=');
    base::AppendJsonString(&text, matcher.value);
    json.append(json.size() > 1 ? "," : "");
    base::AppendJsonString(&json, text);
  }
  return json.append("]");
}

}  // namespace neurallog::actions
