// The pieces of a sliding window: a cell for each of the last kCells pieces of time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace neurallog::rules {

// Cell's default value means nothing was counted. Plain value.
template <typename Cell, size_t kCells>
class WindowRing {
 public:
  Cell& at(uint64_t piece) { return cells_[piece % kCells]; }
  const Cell& at(uint64_t piece) const { return cells_[piece % kCells]; }
  // The newest piece was `from` and is `to` now, less than kCells behind it; `forget` sees each cell that
  // leaves the window.
  template <typename Forget>
  void Move(uint64_t from, uint64_t to, Forget forget) {
    for (uint64_t piece = from + 1; piece <= to; ++piece) {
      forget(at(piece));
      at(piece) = Cell();
    }
  }
  void Move(uint64_t from, uint64_t to) {
    Move(from, to, [](const Cell&) {});
  }
  const std::array<Cell, kCells>& cells() const { return cells_; }
  std::array<Cell, kCells>& cells() { return cells_; }

 private:
  std::array<Cell, kCells> cells_{};
};

}  // namespace neurallog::rules
