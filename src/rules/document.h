// A YAML or JSON document as a tree in which every value knows its line and column.
//
//   Documents read = ParseDocuments(text, {});
//   for (const Node& document : read.documents) ...        // up to the first syntax error
//   for (const Problem& problem : read.problems) ...
//
// Scalars keep their text as it was written. Nodes are plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace neurallog::rules {

// Both count from 1; 0: nowhere in particular.
struct Position {
  int line = 0;
  int column = 0;
};

// What is wrong, and where. Many may be reported at once.
struct Problem {
  Position at;
  std::string message;
};

// "12:5: unknown modifier \"containz\"".
std::string ToString(const Problem& problem);

struct Node {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool is_quoted = false;  // a scalar that YAML takes as text, whatever it looks like
  Position at;
  std::string text;         // of a scalar
  std::vector<Node> items;  // of a list, or the values of a map
  std::vector<Node> keys;   // of a map: scalars, one for each item

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  // Of a map: the value of this key, or nullptr.
  const Node* Find(std::string_view key) const;
  // "a list", for messages.
  std::string_view KindName() const;
};

// At a limit the text is refused with a problem that names it.
struct DocumentLimits {
  size_t bytes_max = 64 << 20;          // of the text
  size_t nodes_max = 4'000'000;         // of all documents; an alias counts as what it stands for
  size_t depth_max = 32;                // of nesting
  size_t document_bytes_max = 4 << 20;  // of one document
};

struct Documents {
  std::vector<Node> documents;
  std::vector<Problem> problems;  // at most one: reading stops there
};

Documents ParseDocuments(std::string_view text, const DocumentLimits& limits);

}  // namespace neurallog::rules
