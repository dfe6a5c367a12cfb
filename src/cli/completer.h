// Finds what a word of a query may become.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace neurallog::cli {

// The names of pipes, of functions and of fields. Not thread-safe.
class Completer {
 public:
  Completer();

  // Takes the names of fields from rows of an answer, as NDJSON.
  void LearnFields(std::string_view rows);

  // The word that ends at the end of the text.
  static std::string_view LastWord(std::string_view text);
  // The names that begin with the last word, in order: those of pipes behind a '|', else all others.
  std::vector<std::string> Matches(std::string_view text) const;

 private:
  std::vector<std::string> pipes_;
  std::vector<std::string> others_;
};

// How far they begin alike.
std::string CommonBeginning(const std::vector<std::string>& names);

}  // namespace neurallog::cli
