#include "rules/pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/case_fold.h"
#include "rules/map_reader.h"

namespace neurallog::rules {
namespace {

void AddOnce(std::vector<std::string>* names, std::string name) {
  if (!name.empty() && std::find(names->begin(), names->end(), name) == names->end())
    names->push_back(std::move(name));
}

std::string WithoutSpaces(std::string_view text) {
  std::string name;
  for (char c : text)
    if (c != ' ') name.push_back(c);
  return name;
}

// What is left of a field behind a prefix; a "*." at its end stands for one more part of the name.
// Empty when the field does not begin so.
std::string_view Strip(std::string_view field, std::string_view prefix) {
  const bool has_part = prefix.ends_with("*.");
  if (has_part) prefix.remove_suffix(2);
  if (!field.starts_with(prefix)) return {};
  field.remove_prefix(prefix.size());
  const size_t dot = field.find('.');
  if (!has_part) return field;
  return dot == std::string_view::npos ? std::string_view() : field.substr(dot + 1);
}

std::vector<FieldAlias> ReadAliases(const MapReader& reader, std::string_view key) {
  const Node* map = reader.Map(key);
  std::vector<FieldAlias> aliases;
  for (size_t i = 0; map != nullptr && i < map->items.size(); ++i) {
    if (!map->items[i].is_scalar())
      reader.Fail(map->items[i].at, fmt::format("{}: expected the name of a field", key));
    aliases.push_back({map->keys[i].text, map->items[i].text});
  }
  return aliases;
}

PipelineSource ReadSource(const Node& node, std::vector<Problem>* problems) {
  const MapReader reader(node, problems);
  reader.RefuseOthers({"product", "category", "service", "when", "fields"});
  PipelineSource source;
  source.source = {reader.Text("product"), reader.Text("category"), reader.Text("service")};
  source.fields = ReadAliases(reader, "fields");
  const Node* when = reader.Map("when");
  if (when == nullptr || when->items.empty()) reader.Fail(node.at, "when: is missing");
  for (size_t i = 0; when != nullptr && i < when->items.size(); ++i) {
    const std::string& field = when->keys[i].text;
    source.when.push_back({field, MapReader(*when, problems).Texts(field)});
    for (std::string& value : source.when.back().values) value = Fold(value);
  }
  return source;
}

}  // namespace

std::vector<std::string> Pipeline::NamesOf(std::string_view field) const {
  std::vector<std::string> names{std::string(field)};
  for (const std::string& prefix : prefixes) AddOnce(&names, WithoutSpaces(Strip(field, prefix)));
  const size_t plain = names.size();
  for (size_t i = 0; i < plain; ++i)
    for (const FieldAlias& alias : aliases)
      if (alias.from == names[i]) AddOnce(&names, alias.to);
  return names;
}

std::optional<Pipeline> ParsePipeline(const Node& document, std::vector<Problem>* problems) {
  const size_t before = problems->size();
  const MapReader reader(document, problems);
  reader.RefuseOthers({"name", "prefixes", "aliases", "sources"});
  Pipeline pipeline;
  pipeline.name = reader.Text("name");
  pipeline.prefixes = reader.Texts("prefixes");
  pipeline.aliases = ReadAliases(reader, "aliases");
  if (const Node* sources = reader.Find("sources"))
    for (const Node& node : sources->items) pipeline.sources.push_back(ReadSource(node, problems));
  if (problems->size() != before) return std::nullopt;
  return pipeline;
}

std::vector<PipelineSource> RoutesOf(const LogSource& source, const Pipeline& pipeline) {
  std::vector<PipelineSource> routes;
  for (const PipelineSource& known : pipeline.sources) {
    if (known.source.Fits(source)) routes.push_back(known);
  }
  PipelineSource labelled;
  const auto require = [&](const char* field, const std::string& value) {
    if (!value.empty()) labelled.when.push_back({field, {Fold(value)}});
  };
  require("logsource.product", source.product);
  require("logsource.category", source.category);
  require("logsource.service", source.service);
  routes.push_back(std::move(labelled));
  return routes;
}

}  // namespace neurallog::rules
