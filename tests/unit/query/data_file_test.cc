#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "support/data_file.h"

namespace neurallog::query {
namespace {

TEST_CASE("the data files of the query language give their expected answers") {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(NL_SOURCE_DIR "/tests/query"))
    if (entry.path().extension() == ".test") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  REQUIRE(!paths.empty());
  for (const std::string& path : paths) {
    DYNAMIC_SECTION(path) { testing::DataFile(path).Run(); }
  }
}

}  // namespace
}  // namespace neurallog::query
