// The only file that sees yaml-cpp. Its nodes are walked no deeper than the keys of options go, so
// aliases cannot make the work grow.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>

#include "config/setting.h"

namespace neurallog::config {
namespace {

bool IsSection(std::string_view key) {
  for (const Option& option : OptionTable())
    if (option.section() == key) return true;
  return false;
}

std::string_view KindOf(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  return "nothing";
}

class YamlReader {
 public:
  explicit YamlReader(const std::string& file) : file_(file) {}

  Result<std::vector<Setting>> Read(const YAML::Node& root) {
    if (root.IsNull()) return std::move(settings_);
    if (!root.IsMap())
      return InvalidArgument(fmt::format("{}: expected a map of options, got {}", Place(root),
                                         root.IsScalar() ? "a value" : KindOf(root)));
    NL_RETURN_IF_ERROR(ReadMap(root, ""));
    return std::move(settings_);
  }

 private:
  std::string Place(const YAML::Node& node) const {
    return fmt::format("{}:{}", file_, node.Mark().line + 1);
  }

  Status ReadMap(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      if (!entry.first.IsScalar())
        return InvalidArgument(
            fmt::format("{}: expected a name, got {}", Place(entry.first), KindOf(entry.first)));
      NL_RETURN_IF_ERROR(ReadEntry(entry.first, entry.second, prefix + entry.first.Scalar()));
    }
    return Status::Ok();
  }

  Status ReadEntry(const YAML::Node& name, const YAML::Node& value, const std::string& key) {
    const std::string origin = fmt::format("{}: {}", Place(name), key);
    const auto [seen, is_new] = lines_.emplace(key, name.Mark().line + 1);
    if (!is_new)
      return InvalidArgument(
          fmt::format("{}: is given twice, first on line {}", origin, seen->second));
    if (const Option* option = FindOption(key)) {
      if (!value.IsScalar())
        return InvalidArgument(fmt::format("{}: expected a value, got {}", origin, KindOf(value)));
      settings_.push_back({option, value.Scalar(), origin});
      return Status::Ok();
    }
    if (!IsSection(key)) return Unknown(origin, key);
    if (value.IsNull()) return Status::Ok();  // a section whose options are all commented out
    if (!value.IsMap())
      return InvalidArgument(fmt::format("{}: expected a map of options, got \"{}\"", origin,
                                         value.IsScalar() ? value.Scalar() : "a list"));
    return ReadMap(value, key + ".");
  }

  static Status Unknown(const std::string& origin, const std::string& key) {
    std::set<std::string> sections;
    std::vector<std::string> known;
    for (const Option& option : OptionTable()) {
      known.emplace_back(option.key);
      if (!option.section().empty()) sections.emplace(option.section());
    }
    known.insert(known.end(), sections.begin(), sections.end());
    const std::string_view nearest = Nearest(key, known);
    if (nearest.empty()) return InvalidArgument(fmt::format("{}: unknown option", origin));
    return InvalidArgument(fmt::format("{}: unknown option; did you mean {}?", origin, nearest));
  }

  const std::string& file_;
  std::map<std::string, int> lines_;  // of the keys read so far
  std::vector<Setting> settings_;
};

}  // namespace

Result<std::vector<Setting>> ParseYaml(const std::string& file, const std::string& text) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      return InvalidArgument(
          fmt::format("{}:{}: expected one document", file, documents[1].Mark().line + 1));
    if (documents.empty()) return std::vector<Setting>();
    return YamlReader(file).Read(documents[0]);
  } catch (const YAML::Exception& error) {
    return InvalidArgument(fmt::format("{}:{}: {}", file, error.mark.line + 1, error.msg));
  }
}

}  // namespace neurallog::config
