// Reads the members of a map by name and type, and collects what is wrong with them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/document.h"

namespace neurallog::rules {

// Not thread-safe; borrows the map and the problems.
class MapReader {
 public:
  MapReader(const Node& map, std::vector<Problem>* problems) : map_(map), problems_(problems) {}

  // The member, unless it is missing or null.
  const Node* Find(std::string_view key) const;
  // Empty when missing; a problem when it is no value.
  std::string Text(std::string_view key) const;
  // A value stands for a list of one.
  std::vector<std::string> Texts(std::string_view key) const;
  bool Bool(std::string_view key, bool otherwise) const;
  std::optional<double> Number(std::string_view key) const;
  // "5m"; a problem when missing or not positive.
  int64_t Duration(std::string_view key) const;
  // The member when it is a map; a problem when it is something else.
  const Node* Map(std::string_view key) const;
  // A problem for each key that is not among `known`.
  void RefuseOthers(const std::vector<std::string_view>& known) const;

  void Fail(Position at, std::string message) const;
  Position at() const { return map_.at; }
  const Node& map() const { return map_; }

 private:
  const Node& map_;
  std::vector<Problem>* problems_;
};

}  // namespace neurallog::rules
