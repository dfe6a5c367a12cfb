// What a rule means, as directly as possible: read from its document and the record for every
// question, one regular expression per value, no index. Slow and obviously right.
#pragma once

#include <re2/re2.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time_format.h"
#include "rules/address.h"
#include "rules/document.h"
#include "rules/lists.h"
#include "rules/pipeline.h"
#include "rules/time_part.h"
#include "rules/value_encoding.h"
#include "support/memory_blocks.h"

namespace neurallog::testing {

// A record's values by every name that rules may use for them.
struct NaiveRecord {
  std::multimap<std::string, std::string> fields;
  std::vector<std::string> all;

  NaiveRecord(const TestRecord& record, const rules::Pipeline& pipeline) {
    for (const TestField& field : record.fields) {
      for (const std::string& value : ValuesOf(field)) {
        all.push_back(value);
        for (const std::string& name : pipeline.NamesOf(field.name)) fields.emplace(name, value);
      }
    }
  }

  std::vector<std::string> Values(const std::string& field) const {
    if (field.empty()) return all;
    std::vector<std::string> values;
    const auto [begin, end] = fields.equal_range(field);
    for (auto at = begin; at != end; ++at) values.push_back(at->second);
    return values;
  }

 private:
  // Lists of the tests hold strings without escapes only.
  static std::vector<std::string> ValuesOf(const TestField& field) {
    if (field.type == ValueType::kNull) return {};
    if (field.type != ValueType::kArray) return {field.value};
    std::vector<std::string> values;
    for (size_t at = 0; (at = field.value.find('"', at)) != std::string::npos;) {
      const size_t end = field.value.find('"', at + 1);
      values.push_back(field.value.substr(at + 1, end - at - 1));
      at = end + 1;
    }
    return values;
  }
};

class NaiveRule {
 public:
  NaiveRule(const rules::Node& document, const rules::Lists& lists)
      : detection_(*document.Find("detection")), lists_(lists) {
    if (const rules::Node* source = document.Find("logsource")) {
      const auto part = [&](const char* key) {
        const rules::Node* node = source->Find(key);
        return node != nullptr ? node->text : std::string();
      };
      source_ = {part("product"), part("category"), part("service")};
    }
  }

  bool Matches(const NaiveRecord& record, const rules::Pipeline& pipeline) const {
    if (!IsOfSource(record, pipeline)) return false;
    NaiveRecord aliased = record;
    AddAliases(&aliased, pipeline);
    return MatchesCondition(aliased);
  }

  bool MatchesCondition(const NaiveRecord& record) const {
    const rules::Node& condition = *detection_.Find("condition");
    if (!condition.is_list()) return Condition(*this, record, condition.text).Evaluate();
    for (const rules::Node& one : condition.items)
      if (Condition(*this, record, one.text).Evaluate()) return true;
    return false;
  }

 private:
  using Node = rules::Node;

  bool IsOfSource(const NaiveRecord& record, const rules::Pipeline& pipeline) const {
    if (source_.empty()) return true;
    for (const auto& route : rules::RoutesOf(source_, pipeline))
      if (Holds(route, record)) return true;
    return false;
  }

  // The aliases of every source that the record is of.
  static void AddAliases(NaiveRecord* record, const rules::Pipeline& pipeline) {
    const NaiveRecord before = *record;
    for (const rules::PipelineSource& source : pipeline.sources) {
      if (source.fields.empty() || !Holds(source, before)) continue;
      for (const auto& alias : source.fields)
        for (const std::string& value : before.Values(alias.from))
          record->fields.emplace(alias.to, value);
    }
  }

  static bool Holds(const rules::PipelineSource& source, const NaiveRecord& record) {
    for (const rules::SourceCondition& condition : source.when) {
      bool has = false;
      for (const std::string& value : record.Values(condition.field))
        for (const std::string& wanted : condition.values)
          has |= value.size() == wanted.size() &&
                 Search("(?is)^" + RE2::QuoteMeta(wanted) + "$", value);
      if (!has) return false;
    }
    return true;
  }

  static bool Search(const std::string& pattern, const std::string& text) {
    static std::map<std::string, std::unique_ptr<RE2>> compiled;
    auto& re = compiled[pattern];
    if (re == nullptr) {
      re = std::make_unique<RE2>(pattern, RE2::Quiet);
      REQUIRE(re->ok());
    }
    return RE2::PartialMatch(text, *re);
  }

  // Recursive descent that evaluates as it goes.
  class Condition {
   public:
    Condition(const NaiveRule& rule, const NaiveRecord& record, const std::string& text)
        : rule_(rule), record_(record) {
      re2::StringPiece rest(text);
      std::string word;
      while (RE2::FindAndConsume(&rest, R"(([()]|[^\s()]+))", &word)) words_.push_back(word);
    }
    bool Evaluate() { return Or(); }

   private:
    bool Or() {
      bool value = And();
      while (Take("or")) value = And() || value;
      return value;
    }
    bool And() {
      bool value = Not();
      while (Take("and")) value = Not() && value;
      return value;
    }
    bool Not() {
      if (Take("not")) return !Not();
      if (Take("(")) {
        const bool value = Or();
        Take(")");
        return value;
      }
      const std::string word = words_[at_++];
      if (!Take("of")) return rule_.Selection(word, record_);
      return Of(word, words_[at_++]);
    }
    bool Of(const std::string& quantity, const std::string& names) {
      std::string pattern = "^" + RE2::QuoteMeta(names) + "$";
      RE2::GlobalReplace(&pattern, R"(\\\*)", ".*");
      if (names == "them") pattern = "^[^_]";
      size_t all = 0, holding = 0;
      for (const Node& key : rule_.detection_.keys) {
        if (key.text == "condition" || key.text == "timeframe" || !Search(pattern, key.text))
          continue;
        ++all;
        holding += rule_.Selection(key.text, record_);
      }
      if (quantity == "all") return holding == all;
      return holding >= (quantity == "any" ? 1u : std::stoul(quantity));
    }
    bool Take(const char* word) {
      if (at_ == words_.size() || words_[at_] != word) return false;
      ++at_;
      return true;
    }

    const NaiveRule& rule_;
    const NaiveRecord& record_;
    std::vector<std::string> words_;
    size_t at_ = 0;
  };

  bool Selection(const std::string& name, const NaiveRecord& record) const {
    return SelectionHolds(*detection_.Find(name), record);
  }

  bool SelectionHolds(const Node& node, const NaiveRecord& record) const {
    if (node.is_scalar()) return ItemHolds("", node, record);
    bool all = true, any = false;
    for (size_t i = 0; i < node.items.size(); ++i) {
      const bool holds = node.is_map() ? ItemHolds(node.keys[i].text, node.items[i], record)
                                       : SelectionHolds(node.items[i], record);
      all &= holds;
      any |= holds;
    }
    return node.is_map() ? all : any;
  }

  bool ItemHolds(const std::string& key, const Node& value, const NaiveRecord& record) const {
    std::vector<std::string> modifiers;
    const size_t bar = key.find('|');
    for (size_t at = bar; at != std::string::npos;) {
      const size_t end = key.find('|', at + 1);
      modifiers.push_back(key.substr(at + 1, end == std::string::npos ? end : end - at - 1));
      at = end;
    }
    const std::string field = key.substr(0, bar);
    bool all = true, any = false;
    for (const Node& one : value.is_list() ? value.items : std::vector<Node>{value}) {
      const bool holds = ValueHolds(field, modifiers, one, record);
      all &= holds;
      any |= holds;
    }
    const bool holds = Has(modifiers, "all") ? all : any;
    return Has(modifiers, "neq") ? !holds : holds;
  }

  static bool Has(const std::vector<std::string>& modifiers, const std::string& name) {
    return std::find(modifiers.begin(), modifiers.end(), name) != modifiers.end();
  }

  bool ValueHolds(const std::string& field, const std::vector<std::string>& modifiers,
                  const Node& value, const NaiveRecord& record) const {
    const std::vector<std::string> values = record.Values(field);
    const auto any = [&](auto passes) { return std::any_of(values.begin(), values.end(), passes); };
    if (value.is_null()) return !any([](const std::string& text) { return !text.empty(); });
    if (Has(modifiers, "exists")) return values.empty() == (value.text != "true");
    if (Has(modifiers, "fieldref"))
      return any([&](const std::string& text) {
        for (const std::string& other : record.Values(value.text))
          if (Search("(?is)^" + RE2::QuoteMeta(other) + "$", text)) return true;
        return false;
      });
    if (Has(modifiers, "cidr"))
      return any([&](const std::string& text) {
        const auto address = rules::ParseAddress(text);
        return address && rules::ParseNetwork(value.text)->Contains(*address);
      });
    if (Has(modifiers, "re")) {
      std::string flags;
      for (const char* flag : {"i", "m", "s"})
        if (Has(modifiers, flag)) flags += flag;
      const std::string pattern = flags.empty() ? value.text : "(?" + flags + ")" + value.text;
      return any([&](const std::string& text) { return Search(pattern, text); });
    }
    if (IsNumeric(modifiers))
      return any([&](const std::string& text) { return NumberHolds(modifiers, text, value.text); });
    for (const std::string& pattern : TextPatterns(field, modifiers, value.text))
      if (any([&](const std::string& text) { return Search(pattern, text); })) return true;
    return false;
  }

  static bool IsNumeric(const std::vector<std::string>& modifiers) {
    for (const char* name :
         {"lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year"})
      if (Has(modifiers, name)) return true;
    return false;
  }

  static bool NumberHolds(const std::vector<std::string>& modifiers, const std::string& text,
                          const std::string& wanted_text) {
    char* end = nullptr;
    double value = std::strtod(text.c_str(), &end);
    const bool is_number = !text.empty() && *end == '\0' && text[0] != ' ' && text[0] != '+';
    const std::pair<const char*, rules::TimePart> parts[] = {
        {"minute", rules::TimePart::kMinute}, {"hour", rules::TimePart::kHour},
        {"day", rules::TimePart::kDay},       {"week", rules::TimePart::kWeek},
        {"month", rules::TimePart::kMonth},   {"year", rules::TimePart::kYear}};
    bool has_part = false;
    for (const auto& [name, part] : parts) {
      if (!Has(modifiers, name)) continue;
      const auto ns = base::ParseTimestamp(text);
      if (!ns) return false;
      value = static_cast<double>(rules::TimePartOf(part, *ns));
      has_part = true;
    }
    if (!is_number && !has_part) return false;
    const double wanted = std::stod(wanted_text);
    if (Has(modifiers, "lt")) return value < wanted;
    if (Has(modifiers, "lte")) return value <= wanted;
    if (Has(modifiers, "gt")) return value > wanted;
    if (Has(modifiers, "gte")) return value >= wanted;
    return value == wanted;
  }

  // The value as anchored regular expressions; any of them.
  std::vector<std::string> TextPatterns(const std::string& field,
                                        const std::vector<std::string>& modifiers,
                                        const std::string& text) const {
    std::vector<rules::Pattern> patterns;
    for (const std::string& one : Expand(modifiers, text))
      patterns.push_back(rules::ParsePattern(one));
    const std::pair<const char*, rules::Encoding> encodings[] = {
        {"windash", rules::Encoding::kWindash},
        {"wide", rules::Encoding::kUtf16Le},
        {"base64", rules::Encoding::kBase64},
        {"base64offset", rules::Encoding::kBase64Offset}};
    for (const std::string& modifier : modifiers)
      for (const auto& [name, encoding] : encodings)
        if (modifier == name) patterns = EncodeAll(patterns, encoding);
    std::vector<std::string> regexps;
    for (const rules::Pattern& pattern : patterns)
      regexps.push_back(ToRegexp(field, modifiers, pattern));
    return regexps;
  }

  static std::vector<rules::Pattern> EncodeAll(const std::vector<rules::Pattern>& patterns,
                                               rules::Encoding encoding) {
    std::vector<rules::Pattern> all;
    for (const rules::Pattern& pattern : patterns)
      for (rules::Pattern& encoded : rules::EncodeValue(encoding, pattern))
        all.push_back(std::move(encoded));
    return all;
  }

  static std::string ToRegexp(const std::string& field, const std::vector<std::string>& modifiers,
                              const rules::Pattern& pattern) {
    std::string body;
    for (const rules::PatternPiece& piece : pattern) {
      switch (piece.kind) {
        case rules::PatternPiece::Kind::kText: body += RE2::QuoteMeta(piece.text); break;
        case rules::PatternPiece::Kind::kAny: body += ".*"; break;
        case rules::PatternPiece::Kind::kOne: body += "."; break;
        case rules::PatternPiece::Kind::kDash:
          body += "(?:-|/|\xe2\x80\x93|\xe2\x80\x94|\xe2\x80\x95)";
      }
    }
    if (Has(modifiers, "word"))
      body = "(?:^|[^A-Za-z0-9_\\x{80}-\\x{10ffff}])" + body +
             "(?:$|[^A-Za-z0-9_\\x{80}-\\x{10ffff}])";
    const bool opens = field.empty() || Has(modifiers, "contains") || Has(modifiers, "endswith") ||
                       Has(modifiers, "word");
    const bool closes = field.empty() || Has(modifiers, "contains") ||
                        Has(modifiers, "startswith") || Has(modifiers, "word");
    return (Has(modifiers, "cased") ? "(?s)" : "(?is)") + std::string(opens ? "" : "^") + body +
           (closes ? "" : "$");
  }

  // One placeholder in a value, texts without wildcards: what the tests use.
  std::vector<std::string> Expand(const std::vector<std::string>& modifiers,
                                  const std::string& text) const {
    std::string head, name, tail;
    if (!Has(modifiers, "expand") || !RE2::FullMatch(text, "(.*)%(.+)%(.*)", &head, &name, &tail))
      return {text};
    std::vector<std::string> texts;
    for (const std::string& one : lists_.at(name)) texts.push_back(head + one + tail);
    return texts;
  }

  const Node& detection_;
  const rules::Lists& lists_;
  rules::LogSource source_;
};

}  // namespace neurallog::testing
