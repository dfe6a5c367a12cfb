// Lines of a text that comes in pieces.
#pragma once

#include <string>
#include <string_view>

namespace neurallog::cli {

// Holds the beginning of a line whose end has not come yet, however long. Not thread-safe.
class LineBuffer {
 public:
  // Calls take(line), without its end, for each line that is complete and not blank, until it
  // returns false; then returns false too.
  template <typename F>
  bool Add(std::string_view piece, F take) {
    rest_.append(piece);
    bool goes_on = true;
    size_t begin = 0;
    for (size_t end; goes_on && (end = rest_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      const std::string_view line = std::string_view(rest_).substr(begin, end - begin);
      if (line.find_first_not_of(' ') != std::string_view::npos) goes_on = take(line);
    }
    rest_.erase(0, begin);
    return goes_on;
  }
  void Clear() { rest_.clear(); }

 private:
  std::string rest_;
};

}  // namespace neurallog::cli
