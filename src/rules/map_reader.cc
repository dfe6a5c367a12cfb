#include "rules/map_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/time_format.h"

namespace neurallog::rules {

const Node* MapReader::Find(std::string_view key) const {
  const Node* found = map_.Find(key);
  return found != nullptr && !found->is_null() ? found : nullptr;
}

std::string MapReader::Text(std::string_view key) const {
  const Node* node = Find(key);
  if (node == nullptr) return {};
  if (!node->is_scalar())
    Fail(node->at, fmt::format("{}: expected a value, got {}", key, node->KindName()));
  return node->text;
}

std::vector<std::string> MapReader::Texts(std::string_view key) const {
  const Node* node = Find(key);
  if (node == nullptr) return {};
  if (node->is_scalar()) return {node->text};
  if (!node->is_list())
    Fail(node->at, fmt::format("{}: expected a list of values, got {}", key, node->KindName()));
  std::vector<std::string> texts;
  for (const Node& item : node->items) {
    if (item.is_scalar()) texts.push_back(item.text);
    else Fail(item.at, fmt::format("{}: expected a value, got {}", key, item.KindName()));
  }
  return texts;
}

bool MapReader::Bool(std::string_view key, bool otherwise) const {
  const Node* node = Find(key);
  if (node == nullptr) return otherwise;
  if (node->text == "true" || node->text == "True") return true;
  if (node->text != "false" && node->text != "False")
    Fail(node->at, fmt::format("{}: expected true or false", key));
  return false;
}

std::optional<double> MapReader::Number(std::string_view key) const {
  const Node* node = Find(key);
  if (node == nullptr) return std::nullopt;
  double number = 0;
  const char* const end = node->text.data() + node->text.size();
  const auto [at, error] = std::from_chars(node->text.data(), end, number);
  if (node->is_scalar() && error == std::errc() && at == end) return number;
  Fail(node->at, fmt::format("{}: expected a number, got \"{}\"", key, node->text));
  return std::nullopt;
}

int64_t MapReader::Duration(std::string_view key) const {
  const Node* node = Find(key);
  if (node == nullptr) {
    Fail(map_.at, fmt::format("{}: is missing", key));
    return 0;
  }
  const auto duration = base::ParseDuration(node->text);
  if (duration && *duration > 0) return *duration;
  Fail(node->at, fmt::format("{}: expected a time such as 5m, got \"{}\"", key, node->text));
  return 0;
}

const Node* MapReader::Map(std::string_view key) const {
  const Node* node = Find(key);
  if (node == nullptr || node->is_map()) return node;
  Fail(node->at, fmt::format("{}: expected a map, got {}", key, node->KindName()));
  return nullptr;
}

void MapReader::RefuseOthers(const std::vector<std::string_view>& known) const {
  for (const Node& key : map_.keys)
    if (std::find(known.begin(), known.end(), key.text) == known.end())
      Fail(key.at, fmt::format("unknown key \"{}\"", key.text));
}

void MapReader::Fail(Position at, std::string message) const {
  problems_->push_back({at, std::move(message)});
}

}  // namespace neurallog::rules
