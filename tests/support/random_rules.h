// Random rules and records over a small alphabet, so that they meet often.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "support/memory_blocks.h"

namespace neurallog::testing {

class RandomRules {
 public:
  explicit RandomRules(uint64_t seed) : random_(seed) {}

  // A rule as YAML, in flow style.
  std::string Rule(size_t number) {
    std::string detection;
    const size_t selections = 1 + Below(4);
    for (size_t i = 0; i < selections; ++i) {
      names_.resize(i + 1);
      names_[i] = std::string(Below(6) == 0 ? "_" : "") + "s" + std::to_string(i);
      detection += names_[i] + ": " + Selection() + ", ";
    }
    return "{title: r" + std::to_string(number) + ", logsource: {" + Source() + "}, detection: {" +
           detection + "condition: " + Condition(0) + "}}\n";
  }

  TestRecord Record() {
    TestRecord record;
    record.timestamp_ns = 1'748'736'000'000'000'000;
    record.fields.push_back(
        {"logsource.product", ValueType::kString, Below(2) ? "Linux" : "windows"});
    for (const char* field : {"a", "b", "c", "n", "ip", "t"}) {
      const size_t kind = Below(8);
      if (kind == 0) continue;
      if (kind == 1) record.fields.push_back({field, ValueType::kNull, ""});
      else if (kind == 2)
        record.fields.push_back(
            {field, ValueType::kArray, "[\"" + Text(6) + "\",null,\"" + Text(12) + "\"]"});
      else record.fields.push_back({field, ValueType::kString, ValueFor(field)});
    }
    record.fields.push_back({"other", ValueType::kString, Text(30)});
    return record;
  }

  size_t Below(size_t bound) { return random_() % bound; }

 private:
  template <size_t N>
  std::string Pick(const char* const (&choices)[N]) {
    return choices[Below(N)];
  }

  // Text that needs no escape in a quoted YAML or JSON string.
  std::string Text(size_t length_max) {
    std::string text;
    const size_t pieces = Below(length_max);
    for (size_t i = 0; i < pieces; ++i)
      text += Pick({"a", "b", "A", "B", "ab", "abc", "-", "/", " ", "x", "_", "\xc3\xa4",
                    "\xc3\x84", "k", "\xe2\x84\xaa", "."});
    return text;
  }

  std::string ValueFor(const std::string& field) {
    if (field == "n") return Pick({"1", "2.5", "10", "-3", "abc", "1e2"});
    if (field == "ip")
      return Pick({"10.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "2001:db8::5", "x"});
    if (field == "t") return Pick({"2025-06-01T12:30:00Z", "2024-12-30T00:00:00Z", "soon"});
    return Text(20);
  }

  std::string Pattern() {
    std::string text = Text(6);
    if (Below(3) == 0) text.insert(Below(text.size() + 1), Pick({"*", "?", "\\*", "*a*"}));
    // A wildcard must not cut a character.
    for (size_t i = 0; i + 1 < text.size(); ++i)
      if ((text[i + 1] & 0xc0) == 0x80 && static_cast<unsigned char>(text[i]) < 0x80) return "a*b";
    return text;
  }

  std::string Values(const std::string& one, const std::string& two) {
    return Below(3) == 0 ? "['" + one + "', '" + two + "']" : "'" + one + "'";
  }

  std::string Item() {
    const std::string field = Pick({"a", "b", "c"});
    switch (Below(12)) {
      case 0:
        return "n|" + Pick({"lt", "lte", "gt", "gte"}) + ": " + Pick({"1", "2.5", "99", "-3"});
      case 1: return "ip|cidr: " + Pick({"10.0.0.0/8", "10.0.0.0/16", "::/0", "2001:db8::/32"});
      case 2:
        return "t|" + Pick({"hour", "month", "year|gte", "week", "day|lt"}) + ": " +
               Pick({"12", "6", "2025", "1"});
      case 3: return field + ": null";
      case 4: return field + "|exists: " + Pick({"true", "false"});
      case 5: return field + "|fieldref: " + Pick({"a", "b", "c"});
      case 6:
        return field + "|re" + Pick({"", "|i", "|i|s", "|m"}) + ": " +
               Values(Pick({"a+b", "^ab", "b$", "(?:abc|bab)x*", "k[ab]", "a.*b"}), "x_+");
      case 7:
        return field + "|word" + Pick({"", "|cased"}) + ": " + Pick({"ab", "abc", "'a b'", "x_"});
      default: break;
    }
    const std::string modifiers = Pick(
        {"", "", "|contains", "|contains|all", "|startswith", "|endswith", "|contains|cased",
         "|cased", "|neq", "|contains|windash", "|endswith|cased|windash", "|contains|expand"});
    if (modifiers == "|contains|expand")
      return field + modifiers + ": " + Values("a%list%", "%list%");
    return field + modifiers + ": " + Values(Pattern(), Pattern());
  }

  std::string Selection() {
    if (Below(8) == 0) return "['" + Text(4) + "a', '" + Text(4) + "b']";
    if (Below(12) == 0) return "{'|all': ['" + Text(3) + "a', '" + Text(3) + "b']}";
    std::string first = Item();
    if (Below(2) == 0) return "{" + first + "}";
    std::string second = Item();
    const bool same_key = first.substr(0, first.find(':')) == second.substr(0, second.find(':'));
    if (same_key || Below(3) == 0) return "[{" + first + "}, {" + second + "}]";
    return "{" + first + ", " + second + "}";
  }

  std::string Condition(size_t depth) {
    switch (depth > 3 ? 0 : Below(8)) {
      case 0:
      case 1: return names_[Below(names_.size())];
      case 2: return "(" + Condition(depth + 1) + " and " + Condition(depth + 1) + ")";
      case 3: return "(" + Condition(depth + 1) + " or " + Condition(depth + 1) + ")";
      case 4: return "not " + Condition(depth + 1);
      case 5: return Condition(depth + 1) + " and not " + Condition(depth + 1);
      case 6: return names_.size() < 2 ? names_[0] : "2 of *s*";
      default: return Pick({"1", "all", "any"}) + " of *s*";
    }
  }

  std::string Source() {
    return Pick({"", "", "product: linux", "product: windows", "product: linux, category: none"});
  }

  std::mt19937_64 random_;
  std::vector<std::string> names_;
};

}  // namespace neurallog::testing
