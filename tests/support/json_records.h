// Reads a JSON log record for tests: flattens objects with dots, keeps arrays as JSON text, as the
// ingest decoder does.
#pragma once

#include <simdjson.h>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "base/time_format.h"
#include "support/memory_blocks.h"

namespace neurallog::testing {

// `to_string` prints floating point numbers with 17 digits and more; the text as written stands in
// the raw token.
inline void AddJsonField(const std::string& name, simdjson::ondemand::value value,
                         TestRecord* record) {
  const auto add = [&](ValueType type, std::string_view text) {
    record->fields.push_back({name, type, std::string(text)});
  };
  const auto raw = [](std::string_view token) {
    while (!token.empty() &&
           std::string_view(" \t\r\n").find(token.back()) != std::string_view::npos)
      token.remove_suffix(1);
    return token;
  };
  switch (value.type()) {
    case simdjson::ondemand::json_type::object: {
      bool is_empty = true;
      simdjson::ondemand::object object = value.get_object();
      for (auto field : object) {
        is_empty = false;
        const std::string_view key = field.unescaped_key();
        AddJsonField(name + "." + std::string(key), field.value(), record);
      }
      if (is_empty) add(ValueType::kObject, "{}");
      return;
    }
    case simdjson::ondemand::json_type::array:
      return add(ValueType::kArray, std::string_view(simdjson::to_json_string(value)));
    case simdjson::ondemand::json_type::string:
      return add(ValueType::kString, std::string_view(value.get_string()));
    case simdjson::ondemand::json_type::number:
      return add(ValueType::kNumber, raw(value.raw_json_token()));
    case simdjson::ondemand::json_type::boolean:
      return add(ValueType::kBool, value.get_bool() ? "true" : "false");
    case simdjson::ondemand::json_type::null: return add(ValueType::kNull, {});
  }
}

// `_time` or `timestamp` is the record's time, `_msg` is its message.
inline TestRecord ParseJsonRecord(std::string_view line) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(line);
  simdjson::ondemand::document document = parser.iterate(padded);
  TestRecord record;
  simdjson::ondemand::object object = document.get_object();
  for (auto field : object) {
    const std::string key(std::string_view(field.unescaped_key()));
    if (key == "_time" || key == "timestamp") {
      const std::string_view text = field.value().get_string();
      const auto time = base::ParseTimestamp(text);
      INFO(text);
      REQUIRE(time.has_value());
      record.timestamp_ns = *time;
    } else {
      AddJsonField(key == "_msg" ? "message" : key, field.value(), &record);
    }
  }
  return record;
}

}  // namespace neurallog::testing
