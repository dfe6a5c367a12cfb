#include "cli/rule_files.h"

#include <algorithm>
#include <filesystem>

#include "cli/input_file.h"

namespace neurallog::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBytesMax = size_t{1} << 30;

bool IsOfRules(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yml" || extension == ".yaml" || extension == ".json";
}

Status AddFolder(const std::string& folder, std::vector<std::string>* paths) {
  std::error_code error;
  const size_t first = paths->size();
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    if (at->is_regular_file(error) && IsOfRules(at->path())) paths->push_back(at->path().string());
  std::sort(paths->begin() + static_cast<ptrdiff_t>(first), paths->end());
  return error ? IoError(folder + ": " + error.message()) : Status();
}

}  // namespace

Result<std::vector<RuleFile>> ReadRuleFiles(const std::vector<std::string>& given) {
  std::vector<std::string> paths;
  for (const std::string& path : given) {
    std::error_code error;
    if (fs::is_directory(path, error)) NL_RETURN_IF_ERROR(AddFolder(path, &paths));
    else paths.push_back(path);
  }
  std::vector<RuleFile> files;
  size_t bytes = 0;
  for (std::string& path : paths) {
    auto opened = InputFile::Open(path);
    if (!opened.ok()) return opened.status().Annotate(path);
    RuleFile& file = files.emplace_back();
    file.path = std::move(path);
    for (bool more = true; more;) {
      const size_t before = file.text.size();
      NL_TRY(more, (*opened)->Read(&file.text));
      bytes += file.text.size() - before;
      if (bytes > kBytesMax) return TooLarge(file.path + ": more than a gigabyte of rules");
    }
  }
  return files;
}

}  // namespace neurallog::cli
