// A JSON document in memory, for small documents of our own: manifests, job states, answers of the API. Logs are simdjson's work.
//
//   NL_TRY(const base::JsonValue document, base::ParseJson(text));
//   NL_TRY(const std::string id, document.String("id"));
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::base {

// Immutable after ParseJson, so thread-safe. Costs about 100 bytes per value.
class JsonValue {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind() const { return kind_; }
  // The text of a string, or the digits of a number as they were written; "true" or "false".
  const std::string& text() const { return text_; }
  // Of an array or an object.
  const std::vector<JsonValue>& items() const { return items_; }
  // Of an object, in the order of the text; their values are items().
  const std::vector<std::string>& names() const { return names_; }
  // Of an object: the first member of this name, or nullptr.
  const JsonValue* Find(std::string_view name) const;

  // A member that must be there and of this kind; InvalidArgument names it otherwise.
  Result<std::string> String(std::string_view name) const;
  Result<uint64_t> Unsigned(std::string_view name) const;
  Result<int64_t> Signed(std::string_view name) const;
  Result<const JsonValue*> Array(std::string_view name) const;

 private:
  friend class JsonParser;
  Result<const JsonValue*> Member(std::string_view name, Kind kind,
                                  std::string_view expected) const;

  Kind kind_ = Kind::kNull;
  std::string text_;
  std::vector<std::string> names_;  // of an object's members
  std::vector<JsonValue> items_;    // elements, or the values of members
};

// The value as JSON text without white space.
std::string ToJson(const JsonValue& value);

// InvalidArgument says at which byte the text is not JSON (RFC 8259). Nesting beyond 64 is refused.
Result<JsonValue> ParseJson(std::string_view text);

}  // namespace neurallog::base
