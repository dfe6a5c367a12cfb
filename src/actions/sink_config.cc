#include "actions/sink_config.h"

#include <algorithm>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::actions {
namespace {

using base::JsonValue;
using Kind = JsonValue::Kind;

Status Wrong(std::string_view name, std::string_view what) {
  return InvalidArgument(std::string("config.").append(name).append(": ").append(what));
}

}  // namespace

Result<SinkConfig> SinkConfig::Parse(std::string_view json) {
  SinkConfig config;
  NL_TRY(config.config_, base::ParseJson(json));
  if (config.config_.kind() != Kind::kObject) return InvalidArgument("config: not an object");
  return config;
}

const JsonValue* SinkConfig::Ask(std::string_view name) {
  asked_.emplace_back(name);
  const JsonValue* const value = config_.Find(name);
  return value == nullptr || value->kind() == Kind::kNull ? nullptr : value;
}

Result<std::string> SinkConfig::Required(std::string_view name) {
  NL_TRY(std::string text, Optional(name, ""));
  if (text.empty()) return Wrong(name, "is needed");
  return text;
}

Result<std::string> SinkConfig::Optional(std::string_view name, std::string_view otherwise) {
  const JsonValue* const value = Ask(name);
  if (value == nullptr) return std::string(otherwise);
  if (value->kind() != Kind::kString) return Wrong(name, "is not a text");
  return value->text();
}

Result<std::string> SinkConfig::Choice(std::string_view name,
                                       const std::vector<std::string_view>& choices) {
  NL_TRY(std::string text, Optional(name, choices.front()));
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return text;
  std::string all;
  for (const std::string_view choice : choices) all.append(all.empty() ? "" : ", ").append(choice);
  return Wrong(name, text + " is none of " + all);
}

Result<bool> SinkConfig::Bool(std::string_view name, bool otherwise) {
  const JsonValue* const value = Ask(name);
  if (value == nullptr) return otherwise;
  if (value->kind() != Kind::kBool) return Wrong(name, "is neither true nor false");
  return value->text() == "true";
}

Result<uint64_t> SinkConfig::Number(std::string_view name, uint64_t otherwise, uint64_t min,
                                    uint64_t max) {
  if (Ask(name) == nullptr) return otherwise;
  const Result<uint64_t> number = config_.Unsigned(name);
  if (number.ok() && *number >= min && *number <= max) return *number;
  return Wrong(name, "is not a number from " + std::to_string(min) + " to " + std::to_string(max));
}

Result<std::vector<std::string>> SinkConfig::Texts(std::string_view name) {
  std::vector<std::string> texts;
  const JsonValue* const value = Ask(name);
  if (value == nullptr) return texts;
  if (value->kind() != Kind::kArray) return Wrong(name, "is not a list of texts");
  for (const JsonValue& item : value->items()) {
    if (item.kind() != Kind::kString) return Wrong(name, "is not a list of texts");
    texts.push_back(item.text());
  }
  return texts;
}

Result<std::vector<std::pair<std::string, std::string>>> SinkConfig::Pairs(std::string_view name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const JsonValue* const value = Ask(name);
  if (value == nullptr) return pairs;
  if (value->kind() != Kind::kObject) return Wrong(name, "is not an object of texts");
  for (size_t i = 0; i < value->items().size(); ++i) {
    if (value->items()[i].kind() != Kind::kString) return Wrong(name, "is not an object of texts");
    pairs.emplace_back(value->names()[i], value->items()[i].text());
  }
  return pairs;
}

Result<Template> SinkConfig::Compiled(std::string_view name, std::string_view otherwise,
                                      Escape escape) {
  NL_TRY(const std::string text, Optional(name, otherwise));
  Result<Template> compiled = Template::Compile(text, escape);
  if (!compiled.ok()) return Wrong(name, compiled.status().message());
  return compiled;
}

Result<int64_t> SinkConfig::TimeoutNs() {
  NL_TRY(const std::string text, Optional("timeout", "10s"));
  const auto ns = base::ParseDuration(text);
  if (!ns || *ns < 100 * base::kNsPerMs || *ns > 10 * base::kNsPerSecond)
    return Wrong("timeout", text + " is not between 100ms and 10s");
  return *ns;
}

Status SinkConfig::Done() const {
  for (const std::string& name : config_.names())
    if (std::find(asked_.begin(), asked_.end(), name) == asked_.end())
      return Wrong(name, "there is no such member");
  return Status::Ok();
}

}  // namespace neurallog::actions
