#include "cli/row.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_value.h"

namespace neurallog::cli {
namespace {

using base::JsonValue;

void Flatten(const JsonValue& value, const std::string& name, Row* row);

void FlattenMembers(const JsonValue& object, const std::string& prefix, Row* row) {
  for (size_t i = 0; i < object.names().size(); ++i)
    Flatten(object.items()[i], prefix + object.names()[i], row);
}

std::string ArrayText(const JsonValue& array) {
  std::string text = "[";
  for (const JsonValue& item : array.items()) {
    if (text.size() > 1) text.append(",");
    Row parts;
    Flatten(item, "", &parts);
    for (const Field& part : parts) {
      if (!part.name.empty()) text.append(part.name).append("=");
      text.append(part.text);
    }
  }
  return text.append("]");
}

void Flatten(const JsonValue& value, const std::string& name, Row* row) {
  switch (value.kind()) {
    case JsonValue::Kind::kObject:
      return FlattenMembers(value, name.empty() ? "" : name + ".", row);
    case JsonValue::Kind::kArray: return row->push_back({name, ArrayText(value), false});
    case JsonValue::Kind::kNull: return row->push_back({name, "null", false});
    case JsonValue::Kind::kString: return row->push_back({name, value.text(), true});
    case JsonValue::Kind::kBool:
    case JsonValue::Kind::kNumber: return row->push_back({name, value.text(), false});
  }
}

void AppendEscaped(unsigned char byte, std::string* to) {
  if (byte == '\n') {
    to->append("\\n");
  } else if (byte == '\t') {
    to->append("\\t");
  } else {
    fmt::format_to(std::back_inserter(*to), "\\x{:02x}", byte);
  }
}

}  // namespace

Row ReadRow(std::string_view line) {
  const auto value = base::ParseJson(line);
  if (!value.ok() || value->kind() != JsonValue::Kind::kObject)
    return {{"", std::string(line), true}};
  Row row;
  FlattenMembers(*value, "", &row);
  return row;
}

const Field* FindField(const Row& row, std::string_view name) {
  const auto found =
      std::find_if(row.begin(), row.end(), [&](const Field& field) { return field.name == name; });
  return found == row.end() ? nullptr : &*found;
}

std::string Harmless(std::string_view text) {
  std::string safe;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F
    if (is_c1) ++i;
    if (is_c1 || byte < 0x20 || byte == 0x7f) {
      AppendEscaped(is_c1 ? next : byte, &safe);
    } else {
      safe.push_back(text[i]);
    }
  }
  return safe;
}

size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Paint::operator()(std::string_view code, std::string_view text) const {
  if (!on_ || code.empty()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

std::string_view ColorOfLevel(std::string_view level) {
  switch (level.empty() ? ' ' : level[0] | 0x20) {
    case 'e':
    case 'f':
    case 'c': return "31";
    case 'w': return "33";
    case 'i':
    case 'n': return "32";
    case 'd':
    case 't': return kDim;
    default: return "";
  }
}

}  // namespace neurallog::cli
