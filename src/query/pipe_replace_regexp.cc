// `replace_regexp [if (filter)] ("regexp", "new") [at field] [limit N]`; $1 and ${1} in the new text
// stand for what a group matched, $0 for the whole match, $$ for a dollar.
#include <re2/re2.h>

#include "query/replace_args.h"

namespace neurallog::query {
namespace {

struct Replacement {
  explicit Replacement(const ReplaceArgs& args)
      : regexp(args.from, RE2::Quiet), limit(args.limit) {}

  // The new text in pieces: a literal, then a group (or -1).
  struct Piece {
    std::string literal;
    int group = -1;
  };
  RE2 regexp;
  uint64_t limit;
  std::vector<Piece> pieces;
};

bool IsNameByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// The number of a group from its number or name; -1 when there is none, and nothing is inserted.
int FindGroup(const RE2& regexp, const std::string& name) {
  const bool is_number =
      !name.empty() && name.size() < 5 && name.find_first_not_of("0123456789") == std::string::npos;
  if (is_number) {
    const int group = std::stoi(name);
    return group <= regexp.NumberOfCapturingGroups() ? group : -1;
  }
  const auto named = regexp.NamedCapturingGroups().find(name);
  return named == regexp.NamedCapturingGroups().end() ? -1 : named->second;
}

// Reads $name or ${name} behind the dollar at text[at]; returns its length, 0 when it is none.
size_t ReadReference(std::string_view text, size_t at, std::string* name) {
  const bool has_brace = at + 1 < text.size() && text[at + 1] == '{';
  const size_t begin = at + (has_brace ? 2 : 1);
  size_t end = begin;
  while (end < text.size() && IsNameByte(text[end])) ++end;
  if (end == begin || (has_brace && (end == text.size() || text[end] != '}'))) return 0;
  name->assign(text.substr(begin, end - begin));
  return end + (has_brace ? 1 : 0) - at;
}

void CutIntoPieces(std::string_view text, Replacement* replacement) {
  Replacement::Piece piece;
  for (size_t at = 0; at < text.size();) {
    std::string name;
    const bool is_dollar = text[at] == '$';
    if (is_dollar && at + 1 < text.size() && text[at + 1] == '$') {
      piece.literal.push_back('$');
      at += 2;
    } else if (const size_t length = is_dollar ? ReadReference(text, at, &name) : 0; length > 0) {
      piece.group = FindGroup(replacement->regexp, name);
      replacement->pieces.push_back(std::exchange(piece, {}));
      at += length;
    } else {
      piece.literal.push_back(text[at++]);
    }
  }
  replacement->pieces.push_back(std::move(piece));
}

void AppendReplacement(const Replacement& replacement, const std::vector<re2::StringPiece>& groups,
                       std::string* to) {
  for (const Replacement::Piece& piece : replacement.pieces) {
    to->append(piece.literal);
    if (piece.group < 0) continue;
    const re2::StringPiece& group = groups[static_cast<size_t>(piece.group)];
    to->append(group.data(), group.size());
  }
}

// An empty match right behind a match does not count.
Status Replace(const Replacement& replacement, std::string_view value, std::string* to) {
  const re2::StringPiece text(value.data(), value.size());
  std::vector<re2::StringPiece> groups(
      static_cast<size_t>(replacement.regexp.NumberOfCapturingGroups()) + 1);
  size_t copied = 0;
  size_t search = 0;
  bool has_matched = false;
  for (uint64_t left = value.empty() ? 0 : replacement.limit; left > 0 && search <= value.size();) {
    if (!replacement.regexp.Match(text, search, value.size(), RE2::UNANCHORED, groups.data(),
                                  static_cast<int>(groups.size())))
      break;
    const auto begin = static_cast<size_t>(groups[0].data() - value.data());
    const size_t end = begin + groups[0].size();
    const bool counts = end > begin || !has_matched || begin > copied;
    if (counts) {
      to->append(value.substr(copied, begin - copied));
      AppendReplacement(replacement, groups, to);
      copied = end;
      has_matched = true;
      --left;
    }
    search = end > begin ? end : end + 1;
    if (to->size() > kValueBytesMax)
      return ResourceExhausted("a value would take more than 64 MiB");
  }
  to->append(value.substr(copied));
  return {};
}

}  // namespace

PipeResult ParsePipeReplaceRegexp(const PipeParse& parse) {
  NL_TRY(ReplaceArgs args, ParseReplaceArgs(parse));
  auto replacement = std::make_shared<Replacement>(args);
  if (!replacement->regexp.ok())
    return parse.lexer->ErrorAt(args.from_begin, "regular expression \"" + args.from +
                                                     "\": " + replacement->regexp.error());
  CutIntoPieces(args.to, replacement.get());
  return MakeReplacePipe(parse.name, std::move(args),
                         [replacement](std::string_view value, std::string* to) {
                           return Replace(*replacement, value, to);
                         });
}

}  // namespace neurallog::query
