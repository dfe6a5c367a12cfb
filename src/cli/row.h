// A row of an answer, taken apart: fields and their texts, nested members by dotted names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace neurallog::cli {

struct Field {
  std::string name;
  std::string text;
  bool is_string;
};
using Row = std::vector<Field>;

// A line that is not a JSON object becomes one field without a name.
Row ReadRow(std::string_view line);
// The first field of this name, or null.
const Field* FindField(const Row& row, std::string_view name);

// The text with control characters written out, so that what a log holds cannot steer a terminal.
std::string Harmless(std::string_view text);
// How many characters it has.
size_t WidthOf(std::string_view text);

// Text in a colour, or in none. `code` is that of ECMA-48, such as "31"; empty: none.
class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  std::string operator()(std::string_view code, std::string_view text) const;

 private:
  const bool on_;
};
inline constexpr std::string_view kBold = "1", kDim = "2", kCyan = "36";
std::string_view ColorOfLevel(std::string_view level);

}  // namespace neurallog::cli
