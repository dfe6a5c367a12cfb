#include "filter/quote.h"

#include <algorithm>
#include <iterator>

#include "filter/lexer.h"
#include "neurallog/log_record.h"

namespace neurallog::filter {
namespace {

// Bare words that mean something else somewhere in the grammar.
constexpr std::string_view kReserved[] = {"and",
                                          "or",
                                          "not",
                                          "in",
                                          "not_in",
                                          "by",
                                          "as",
                                          "asc",
                                          "desc",
                                          "if",
                                          "limit",
                                          "offset",
                                          "where",
                                          "inf",
                                          "at",
                                          "from",
                                          "with",
                                          "rank",
                                          "prefix",
                                          "partition",
                                          "options",
                                          "now",
                                          "contains_all",
                                          "contains_any",
                                          "contains_common_case",
                                          "eq_field",
                                          "equals_common_case",
                                          "exact",
                                          "i",
                                          "ipv4_range",
                                          "ipv6_range",
                                          "json_array_contains_any",
                                          "le_field",
                                          "len_range",
                                          "lt_field",
                                          "pattern_match",
                                          "pattern_match_full",
                                          "pattern_match_prefix",
                                          "pattern_match_suffix",
                                          "range",
                                          "re",
                                          "seq",
                                          "string_range",
                                          "value_type"};

bool IsPlainWord(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.' || c == '@' || c == '/';
    if (!plain) return false;
  }
  return std::none_of(std::begin(kReserved), std::end(kReserved),
                      [&](std::string_view word) { return EqualsIgnoreCase(word, text); });
}

void AppendEscaped(std::string* to, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    to->push_back('\\');
    to->push_back(c);
  } else if (c == '\n') {
    to->append("\\n");
  } else if (c == '\t') {
    to->append("\\t");
  } else if (byte < 0x20 || byte == 0x7f) {
    to->append("\\x");
    to->push_back(kHex[byte >> 4]);
    to->push_back(kHex[byte & 15]);
  } else {
    to->push_back(c);
  }
}

}  // namespace

void AppendQuoted(std::string* to, std::string_view text) {
  if (IsPlainWord(text)) {
    to->append(text);
    return;
  }
  to->push_back('"');
  for (const char c : text) AppendEscaped(to, c);
  to->push_back('"');
}

void AppendFieldName(std::string* to, std::string_view field) {
  AppendQuoted(to, field == kFieldMessage ? "_msg" : field);
}

void AppendQuotedList(std::string* to, const std::vector<std::string>& texts) {
  to->push_back('(');
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i != 0) to->append(", ");
    AppendQuoted(to, texts[i]);
  }
  to->push_back(')');
}

}  // namespace neurallog::filter
