#include "base/json_value.h"

#include "base/json_text.h"

#include <charconv>

#include "base/utf8.h"

namespace neurallog::base {

// Recursive descent; `at_` is the next byte.
class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  Result<JsonValue> Document() {
    JsonValue value;
    NL_RETURN_IF_ERROR(Value(0, &value));
    SkipSpace();
    if (at_ != text_.size()) return Wrong("the end");
    return value;
  }

 private:
  static constexpr int kDepthMax = 64;

  Status Wrong(std::string_view expected) const {
    return InvalidArgument("not JSON at byte " + std::to_string(at_) + ": expected " +
                           std::string(expected));
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (Peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos)
      ++at_;
  }

  Status Value(int depth, JsonValue* value) {
    if (depth > kDepthMax) return Wrong("less nesting");
    SkipSpace();
    switch (Peek()) {
      case '{': return Object(depth, value);
      case '[': return Array(depth, value);
      case '"': value->kind_ = JsonValue::Kind::kString; return Text(&value->text_);
      case 't': return Word("true", JsonValue::Kind::kBool, value);
      case 'f': return Word("false", JsonValue::Kind::kBool, value);
      case 'n': return Word("null", JsonValue::Kind::kNull, value);
      default: return Number(value);
    }
  }

  Status Word(std::string_view word, JsonValue::Kind kind, JsonValue* value) {
    if (text_.substr(at_, word.size()) != word) return Wrong(word);
    at_ += word.size();
    value->kind_ = kind;
    if (kind == JsonValue::Kind::kBool) value->text_ = word;
    return {};
  }

  Status Number(JsonValue* value) {
    const size_t begin = at_;
    Take('-');
    const auto digits = [this] {
      const size_t first = at_;
      while (Peek() >= '0' && Peek() <= '9') ++at_;
      return at_ > first;
    };
    const bool zero = Peek() == '0';
    const size_t first_digit = at_;
    if (!digits()) return Wrong("a value");
    if (zero && at_ > first_digit + 1) return Wrong("no digit after a first 0");
    if (Take('.') && !digits()) return Wrong("a digit");
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!digits()) return Wrong("a digit");
    }
    value->kind_ = JsonValue::Kind::kNumber;
    value->text_ = text_.substr(begin, at_ - begin);
    return {};
  }

  Status Array(int depth, JsonValue* value) {
    value->kind_ = JsonValue::Kind::kArray;
    ++at_;
    SkipSpace();
    if (Take(']')) return {};
    do {
      NL_RETURN_IF_ERROR(Value(depth + 1, &value->items_.emplace_back()));
      SkipSpace();
    } while (Take(','));
    return Take(']') ? Status() : Wrong("',' or ']'");
  }

  Status Object(int depth, JsonValue* value) {
    value->kind_ = JsonValue::Kind::kObject;
    ++at_;
    SkipSpace();
    if (Take('}')) return {};
    do {
      SkipSpace();
      if (Peek() != '"') return Wrong("a member's name");
      NL_RETURN_IF_ERROR(Text(&value->names_.emplace_back()));
      SkipSpace();
      if (!Take(':')) return Wrong("':'");
      NL_RETURN_IF_ERROR(Value(depth + 1, &value->items_.emplace_back()));
      SkipSpace();
    } while (Take(','));
    return Take('}') ? Status() : Wrong("',' or '}'");
  }

  Status Text(std::string* to) {
    ++at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return {};
      }
      if (static_cast<unsigned char>(c) < 0x20) return Wrong("no control character");
      if (c != '\\') {
        to->push_back(c);
        continue;
      }
      ++at_;
      NL_RETURN_IF_ERROR(Escape(to));
    }
    return Wrong("'\"'");
  }

  // `at_` is behind the backslash, and on the last byte of the escape afterwards.
  Status Escape(std::string* to) {
    static constexpr std::string_view kNames = "\"\\/bfnrt", kBytes = "\"\\/\b\f\n\r\t";
    const size_t simple = kNames.find(Peek());
    if (at_ < text_.size() && simple != std::string_view::npos) {
      to->push_back(kBytes[simple]);
      return {};
    }
    if (Peek() != 'u') return Wrong("an escape");
    uint32_t code = 0, low = 0;
    if (!Hex4(at_ + 1, &code)) return Wrong("four hex digits");
    at_ += 4;
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_ + 1, 2) == "\\u" &&
        Hex4(at_ + 3, &low) && low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
      at_ += 6;
    }
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    AppendUtf8(to, surrogate ? 0xfffd : code);
    return {};
  }

  bool Hex4(size_t at, uint32_t* code) const {
    if (at + 4 > text_.size()) return false;
    const char* const begin = text_.data() + at;
    return std::from_chars(begin, begin + 4, *code, 16).ptr == begin + 4;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

Result<JsonValue> ParseJson(std::string_view text) { return JsonParser(text).Document(); }

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (size_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) return &items_[i];
  return nullptr;
}

Result<const JsonValue*> JsonValue::Member(std::string_view name, Kind kind,
                                           std::string_view expected) const {
  const JsonValue* const member = Find(name);
  if (member == nullptr || member->kind_ != kind)
    return InvalidArgument("member \"" + std::string(name) + "\": expected " +
                           std::string(expected));
  return member;
}

Result<std::string> JsonValue::String(std::string_view name) const {
  NL_TRY(const JsonValue* member, Member(name, Kind::kString, "a string"));
  return member->text_;
}

namespace {

template <typename Integer>
Result<Integer> ToInteger(std::string_view name, const std::string& text) {
  Integer number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return InvalidArgument("member \"" + std::string(name) + "\": expected a whole number, got " +
                           text);
  return number;
}

}  // namespace

Result<uint64_t> JsonValue::Unsigned(std::string_view name) const {
  NL_TRY(const JsonValue* member, Member(name, Kind::kNumber, "a number"));
  return ToInteger<uint64_t>(name, member->text_);
}

Result<int64_t> JsonValue::Signed(std::string_view name) const {
  NL_TRY(const JsonValue* member, Member(name, Kind::kNumber, "a number"));
  return ToInteger<int64_t>(name, member->text_);
}

Result<const JsonValue*> JsonValue::Array(std::string_view name) const {
  return Member(name, Kind::kArray, "an array");
}

namespace {

void AppendJson(const JsonValue& value, std::string* json) {
  const bool is_object = value.kind() == JsonValue::Kind::kObject;
  switch (value.kind()) {
    case JsonValue::Kind::kNull: json->append("null"); return;
    case JsonValue::Kind::kBool:
    case JsonValue::Kind::kNumber: json->append(value.text()); return;
    case JsonValue::Kind::kString: return AppendJsonString(json, value.text());
    case JsonValue::Kind::kArray:
    case JsonValue::Kind::kObject: break;
  }
  json->push_back(is_object ? '{' : '[');
  for (size_t i = 0; i < value.items().size(); ++i) {
    if (i > 0) json->push_back(',');
    if (is_object) AppendJsonString(json, value.names()[i]);
    if (is_object) json->push_back(':');
    AppendJson(value.items()[i], json);
  }
  json->push_back(is_object ? '}' : ']');
}

}  // namespace

std::string ToJson(const JsonValue& value) {
  std::string json;
  AppendJson(value, &json);
  return json;
}

}  // namespace neurallog::base
