// SigmaHQ's rules and regression data of /work/shared/data/sigma, unpacked once per test run. Empty
// where that folder is absent; tests that need it say so and pass.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/temp_dir.h"

namespace neurallog::testing {

inline constexpr char kSigmaFolder[] = "/work/shared/data/sigma";

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The active rules as (path, text), in the order of their paths.
inline const std::vector<std::pair<std::string, std::string>>& SigmaRules() {
  static const auto files = [] {
    std::vector<std::pair<std::string, std::string>> found;
    const std::string archive = std::string(kSigmaFolder) + "/sigma-rules.tar.xz";
    if (!std::filesystem::exists(archive)) return found;
    const TempDir folder;
    const std::string command = "tar -C " + folder.path() + " -xf " + archive;
    if (std::system(command.c_str()) != 0) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
      const std::string path = entry.path().lexically_relative(folder.path());
      if (path.rfind("rules", 0) == 0 && entry.path().extension() == ".yml")
        found.emplace_back(path, ReadFile(entry.path()));
    }
    std::sort(found.begin(), found.end());
    return found;
  }();
  return files;
}

// One JSON line per rule: {rule_id, title, path, expected_match_count, events}.
inline std::string SigmaRegression() {
  const std::string archive = std::string(kSigmaFolder) + "/sigma-regression.jsonl.xz";
  if (!std::filesystem::exists(archive)) return {};
  const TempDir folder;
  const std::string file = folder.path() + "/regression.jsonl";
  const std::string command = "xz -dc " + archive + " > " + file;
  return std::system(command.c_str()) == 0 ? ReadFile(file) : std::string();
}

}  // namespace neurallog::testing
