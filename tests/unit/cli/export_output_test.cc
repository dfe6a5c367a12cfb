#include "cli/export_output.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/input_file.h"

namespace neurallog::cli {
namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/nl_cli_test_XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string File(const std::string& name) const { return path + "/" + name; }
  size_t Files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
  }
  std::string path;
};

std::string Content(const std::string& path) {
  auto file = InputFile::Open(path);
  REQUIRE(file.ok());
  std::string text;
  for (;;) {
    const auto more = (*file)->Read(&text);
    REQUIRE(more.ok());
    if (!*more) return text;
  }
}

TEST_CASE("an export that was ended goes on behind its last whole page") {
  const Folder folder;
  for (const std::string name : {"x.ndjson", "x.ndjson.gz", "x.ndjson.zst"}) {
    const std::string path = folder.File(name);
    {
      auto output = ExportOutput::Open(path, "asked", /*resume=*/true);
      REQUIRE(output.ok());
      REQUIRE((*output)->cursor().empty());
      REQUIRE((*output)->Append("one ").ok());
      REQUIRE((*output)->Append("two ").ok());
      REQUIRE((*output)->EndPage("2025").ok());
      REQUIRE((*output)->Append("never whole").ok());
    }
    REQUIRE_FALSE(std::filesystem::exists(path));
    auto output = ExportOutput::Open(path, "asked", /*resume=*/true);
    REQUIRE(output.ok());
    REQUIRE((*output)->cursor() == "2025");
    REQUIRE((*output)->Append("dropped").ok());
    REQUIRE((*output)->DropPage());
    REQUIRE((*output)->Append("three").ok());
    REQUIRE((*output)->EndPage("").ok());
    REQUIRE((*output)->Finish().ok());
    REQUIRE(Content(path) == "one two three");
  }
  REQUIRE(folder.Files() == 3);
}

TEST_CASE("a page that is larger than what is held can be taken back from a file") {
  const Folder folder;
  const std::string path = folder.File("large");
  auto output = ExportOutput::Open(path, "asked", /*resume=*/true);
  REQUIRE(output.ok());
  REQUIRE((*output)->Append("kept").ok());
  REQUIRE((*output)->EndPage("1").ok());
  REQUIRE((*output)->Append(std::string(ExportOutput::kHeldBytesMax + 1, 'x')).ok());
  REQUIRE(std::filesystem::file_size(path + ".part") > ExportOutput::kHeldBytesMax);
  REQUIRE((*output)->DropPage());
  REQUIRE((*output)->Append("!").ok());
  REQUIRE((*output)->EndPage("").ok());
  REQUIRE((*output)->Finish().ok());
  REQUIRE(Content(path) == "kept!");
}

TEST_CASE("another question, or no wish to resume, begins anew; nothing whole leaves nothing") {
  const Folder folder;
  const std::string path = folder.File("x");
  {
    auto output = ExportOutput::Open(path, "asked", /*resume=*/true);
    REQUIRE((*output)->Append("page").ok());
    REQUIRE((*output)->EndPage("1").ok());
  }
  REQUIRE((*ExportOutput::Open(path, "asked", /*resume=*/true))->cursor() == "1");
  REQUIRE((*ExportOutput::Open(path, "other", /*resume=*/true))->cursor().empty());
  REQUIRE_FALSE(std::filesystem::exists(path + ".part"));
}

}  // namespace
}  // namespace neurallog::cli
