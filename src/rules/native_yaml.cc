#include "rules/native_yaml.h"

#include <algorithm>

#include "base/json_text.h"

namespace neurallog::rules {
namespace {

// What goes to other places, or has none.
constexpr std::string_view kMoved[] = {"title", "name", "id", "level", "logsource", "detection"};
// What any rule may say, in the same words.
constexpr std::string_view kKept[] = {"for",    "keep_firing_for", "resolve_timeout",
                                      "n_of_m", "group_by",        "labels",
                                      "enrich", "actions",         "schedule"};

template <size_t N>
bool IsAmong(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// A text that stands without quotes as it was read; plain texts of several lines were folded into one.
void AppendScalar(const Node& node, std::string* to) {
  if (node.is_null()) {
    to->append("null");
  } else if (std::any_of(node.text.begin(), node.text.end(), IsControl)) {
    base::AppendJsonString(to, node.text);
  } else if (!node.is_quoted && !node.text.empty()) {
    to->append(node.text);
  } else {
    to->push_back('\'');
    for (const char c : node.text) to->append(c == '\'' ? 2 : 1, c);
    to->push_back('\'');
  }
}

void AppendNode(const Node& node, size_t indent, std::string* to);

// What stands behind "key:" or "-".
void AppendValue(const Node& node, size_t indent, std::string* to) {
  if (node.is_map() || node.is_list()) {
    if (node.items.empty()) return void(to->append(node.is_map() ? " {}\n" : " []\n"));
    to->push_back('\n');
    return AppendNode(node, indent, to);
  }
  to->push_back(' ');
  AppendScalar(node, to);
  to->push_back('\n');
}

// A map or list that is not empty.
void AppendNode(const Node& node, size_t indent, std::string* to) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    to->append(indent, ' ');
    if (node.is_map()) AppendScalar(node.keys[i], to);
    to->push_back(node.is_map() ? ':' : '-');
    AppendValue(node.items[i], indent + 2, to);
  }
}

void Add(std::string_view name, Node value, Node* map) {
  Node key;
  key.kind = Node::Kind::kScalar;
  key.text = name;
  map->keys.push_back(std::move(key));
  map->items.push_back(std::move(value));
}

Node EmptyMap() {
  Node map;
  map.kind = Node::Kind::kMap;
  return map;
}

Node ScopeOf(const Node& source) {
  Node parts = EmptyMap();
  for (const std::string_view part : {"product", "category", "service"})
    if (const Node* const given = source.Find(part)) Add(part, *given, &parts);
  Node scope = EmptyMap();
  Add("logsource", std::move(parts), &scope);
  return scope;
}

Node MetaOf(const Node& sigma) {
  Node meta = EmptyMap();
  for (size_t i = 0; i < sigma.items.size(); ++i)
    if (!IsAmong(kMoved, sigma.keys[i].text) && !IsAmong(kKept, sigma.keys[i].text))
      Add(sigma.keys[i].text, sigma.items[i], &meta);
  return meta;
}

}  // namespace

std::string ToYaml(const Node& node) {
  std::string yaml;
  if ((node.is_map() || node.is_list()) && !node.items.empty()) {
    AppendNode(node, 0, &yaml);
  } else {
    AppendValue(node, 0, &yaml);
    yaml.erase(0, 1);  // the space before it
  }
  return yaml;
}

Result<std::string> ToNativeYaml(const Node& sigma) {
  const Node* const title = sigma.Find("title");
  if (title == nullptr) return InvalidArgument("this is no rule of Sigma's: it has no title");
  for (const std::string_view kind : {"correlation", "filter"})
    if (sigma.Find(kind) != nullptr)
      return InvalidArgument("a " + std::string(kind) + " stays Sigma's: it runs as it is");
  const Node* const detection = sigma.Find("detection");
  if (detection == nullptr) return InvalidArgument("the rule has no detection");
  Node native = EmptyMap();
  Add("name", *title, &native);
  if (const Node* const id = sigma.Find("id")) Add("id", *id, &native);
  if (const Node* const level = sigma.Find("level")) Add("severity", *level, &native);
  if (const Node* const source = sigma.Find("logsource")) Add("scope", ScopeOf(*source), &native);
  Add("detection", *detection, &native);
  for (const std::string_view member : kKept)
    if (const Node* const given = sigma.Find(member)) Add(member, *given, &native);
  Node meta = MetaOf(sigma);
  if (!meta.items.empty()) Add("meta", std::move(meta), &native);
  return ToYaml(native);
}

}  // namespace neurallog::rules
