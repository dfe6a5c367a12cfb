// Writing a JSON object member by member.
//
//   JsonObject object;
//   object.Text("channel", channel).Raw("blocks", "[]");
//   body = object.Finish();
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/json_text.h"

namespace neurallog::actions {

class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view text) {
    Name(name);
    base::AppendJsonString(&json_, text);
    return *this;
  }
  // Leaves an empty text out.
  JsonObject& TextIfAny(std::string_view name, std::string_view text) {
    return text.empty() ? *this : Text(name, text);
  }
  // `json`: a whole value.
  JsonObject& Raw(std::string_view name, std::string_view json) {
    Name(name);
    json_.append(json);
    return *this;
  }
  std::string Finish() { return std::move(json_.append("}")); }

 private:
  void Name(std::string_view name) {
    json_.append(json_.size() == 1 ? "\"" : ",\"").append(name).append("\":");
  }

  std::string json_ = "{";
};

// `json` as the only element of an array.
inline std::string ArrayOf(std::string_view json) {
  return std::string("[").append(json).append("]");
}

}  // namespace neurallog::actions
