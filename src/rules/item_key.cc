// One row per modifier: its name and what it sets.
#include "rules/item_key.h"

#include <fmt/format.h>

namespace neurallog::rules {
namespace {

using Apply = void (*)(ItemKey*);

void UseNumber(ItemKey* key, Op compare) {
  key->use = ValueUse::kNumber;
  key->compare = compare;
}

void UsePart(ItemKey* key, TimePart part) {
  key->use = ValueUse::kNumber;
  key->part = part;
}

void UseRegexp(ItemKey* key, char flag) {
  key->use = ValueUse::kRegexp;
  key->regexp_flags.push_back(flag);
}

struct Modifier {
  std::string_view name;
  Apply apply;
};
constexpr Modifier kModifiers[] = {
    {"all", [](ItemKey* key) { key->all = true; }},
    {"startswith", [](ItemKey* key) { key->starts = true; }},
    {"endswith", [](ItemKey* key) { key->ends = true; }},
    {"contains", [](ItemKey* key) { key->contains = true; }},
    {"word", [](ItemKey* key) { key->word = true; }},
    {"cased", [](ItemKey* key) { key->cased = true; }},
    {"neq", [](ItemKey* key) { key->neq = true; }},
    {"exists", [](ItemKey* key) { key->use = ValueUse::kExists; }},
    {"expand", [](ItemKey* key) { key->expand = true; }},
    {"fieldref", [](ItemKey* key) { key->use = ValueUse::kFieldRef; }},
    {"cidr", [](ItemKey* key) { key->use = ValueUse::kCidr; }},
    {"re", [](ItemKey* key) { key->use = ValueUse::kRegexp; }},
    {"i", [](ItemKey* key) { UseRegexp(key, 'i'); }},
    {"m", [](ItemKey* key) { UseRegexp(key, 'm'); }},
    {"s", [](ItemKey* key) { UseRegexp(key, 's'); }},
    {"windash", [](ItemKey* key) { key->encodings.push_back(Encoding::kWindash); }},
    {"wide", [](ItemKey* key) { key->encodings.push_back(Encoding::kUtf16Le); }},
    {"utf16le", [](ItemKey* key) { key->encodings.push_back(Encoding::kUtf16Le); }},
    {"utf16be", [](ItemKey* key) { key->encodings.push_back(Encoding::kUtf16Be); }},
    {"utf16", [](ItemKey* key) { key->encodings.push_back(Encoding::kUtf16); }},
    {"base64", [](ItemKey* key) { key->encodings.push_back(Encoding::kBase64); }},
    {"base64offset", [](ItemKey* key) { key->encodings.push_back(Encoding::kBase64Offset); }},
    {"lt", [](ItemKey* key) { UseNumber(key, Op::kLess); }},
    {"lte", [](ItemKey* key) { UseNumber(key, Op::kLessEqual); }},
    {"gt", [](ItemKey* key) { UseNumber(key, Op::kGreater); }},
    {"gte", [](ItemKey* key) { UseNumber(key, Op::kGreaterEqual); }},
    {"minute", [](ItemKey* key) { UsePart(key, TimePart::kMinute); }},
    {"hour", [](ItemKey* key) { UsePart(key, TimePart::kHour); }},
    {"day", [](ItemKey* key) { UsePart(key, TimePart::kDay); }},
    {"week", [](ItemKey* key) { UsePart(key, TimePart::kWeek); }},
    {"month", [](ItemKey* key) { UsePart(key, TimePart::kMonth); }},
    {"year", [](ItemKey* key) { UsePart(key, TimePart::kYear); }},
};

const Modifier* FindModifier(std::string_view name) {
  for (const Modifier& modifier : kModifiers)
    if (modifier.name == name) return &modifier;
  return nullptr;
}

bool IsAboutText(const ItemKey& key) {
  return key.starts || key.ends || key.contains || key.word || !key.encodings.empty();
}

// What does not go together, or nothing.
std::string_view Contradiction(const ItemKey& key, bool has_two_uses) {
  if (has_two_uses) return "more than one of re, cidr, fieldref, exists and a comparison";
  if (key.starts + key.ends + key.contains + key.word > 1)
    return "more than one of startswith, endswith, contains and word";
  if (key.use != ValueUse::kPattern && IsAboutText(key))
    return "a modifier of text with one of re, cidr, fieldref, exists and a comparison";
  if (key.field.empty() && key.use != ValueUse::kPattern && key.use != ValueUse::kRegexp)
    return "cidr, fieldref, exists and comparisons need a field";
  if (key.expand && key.use != ValueUse::kPattern && key.use != ValueUse::kCidr)
    return "expand with one of re, fieldref, exists and a comparison";
  return {};
}

}  // namespace

std::optional<ItemKey> ParseItemKey(const Node& key, std::vector<Problem>* problems) {
  const std::string& text = key.text;
  ItemKey parsed;
  size_t at = text.find('|');
  parsed.field = text.substr(0, at);
  bool has_two_uses = false, has_unknown = false;
  while (at != std::string::npos) {
    const size_t begin = at + 1;
    at = text.find('|', begin);
    const std::string name = text.substr(begin, at == std::string::npos ? at : at - begin);
    const Modifier* modifier = FindModifier(name);
    if (modifier == nullptr) {
      const Position place{key.at.line, key.at.column + static_cast<int>(begin)};
      problems->push_back({place, fmt::format("unknown modifier \"{}\"", name)});
      has_unknown = true;
      continue;
    }
    const ValueUse before = parsed.use;
    modifier->apply(&parsed);
    has_two_uses |= before != ValueUse::kPattern && before != parsed.use;
  }
  if (has_unknown) return std::nullopt;
  const std::string_view contradiction = Contradiction(parsed, has_two_uses);
  if (contradiction.empty()) return parsed;
  problems->push_back({key.at, fmt::format("{}: {}", text, contradiction)});
  return std::nullopt;
}

}  // namespace neurallog::rules
