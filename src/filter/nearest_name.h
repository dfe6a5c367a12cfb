// The known name that a misspelt one most likely means, for error messages.
//
//   return lexer->ErrorHere("unknown pipe \"" + name + "\"" + DidYouMean(name, names));
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace neurallog::filter {

// The nearest name by insertions, deletions, replacements and swaps of neighbours, in any case;
// empty when none is nearer than a third of the name's length (one edit for short names). Of equally
// near ones the first.
std::string_view NearestName(std::string_view name, std::span<const std::string_view> known);

// `; did you mean "stats"?`, or nothing.
std::string DidYouMean(std::string_view name, std::span<const std::string_view> known);

}  // namespace neurallog::filter
