// Texts with placeholders: `ip=<ip> path=<path>`, as extract and format read them. &lt; &gt; and &amp;
// stand for themselves outside of placeholders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::query {

struct PatternStep {
  std::string literal;  // before the placeholder
  std::string field;    // stored name; empty: <_>, <> or no placeholder at the end
  std::string option;   // <option:field>
  bool operator==(const PatternStep&) const = default;
};

// `options` are the words that may stand before a ':'; any other belongs to the name.
Result<std::vector<PatternStep>> ParsePattern(std::string_view text,
                                              const std::vector<std::string_view>& options);

}  // namespace neurallog::query
