// Reads the configuration of a sink: every member is asked for by name, and what was not asked for
// is an error.
//
//   NL_TRY(SinkConfig config, SinkConfig::Parse(json));
//   NL_TRY(const std::string url, config.Required("url"));
//   NL_RETURN_IF_ERROR(config.Done());
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actions/template.h"
#include "base/json_value.h"

namespace neurallog::actions {

class SinkConfig {
 public:
  static Result<SinkConfig> Parse(std::string_view json);

  // The text of a member that must be there and not empty.
  Result<std::string> Required(std::string_view name);
  Result<std::string> Optional(std::string_view name, std::string_view otherwise);
  // One of `choices`, the first where there is no member.
  Result<std::string> Choice(std::string_view name, const std::vector<std::string_view>& choices);
  Result<bool> Bool(std::string_view name, bool otherwise);
  Result<uint64_t> Number(std::string_view name, uint64_t otherwise, uint64_t min, uint64_t max);
  Result<std::vector<std::string>> Texts(std::string_view name);
  // The members of an object of texts.
  Result<std::vector<std::pair<std::string, std::string>>> Pairs(std::string_view name);
  Result<Template> Compiled(std::string_view name, std::string_view otherwise, Escape escape);
  // "timeout": "5s"; 10 s where there is none, which is also the most.
  Result<int64_t> TimeoutNs();
  bool Has(std::string_view name) const { return config_.Find(name) != nullptr; }

  // After all members were asked for: InvalidArgument names one that was not.
  Status Done() const;

 private:
  const base::JsonValue* Ask(std::string_view name);

  base::JsonValue config_;
  std::vector<std::string> asked_;
};

}  // namespace neurallog::actions
