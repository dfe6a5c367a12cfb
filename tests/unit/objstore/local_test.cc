#include "objstore/local.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "io/faulty_file_system.h"
#include "objstore/sha256.h"
#include "support/temp_dir.h"

namespace neurallog::objstore {
namespace {

class Folder {
 public:
  Status Write(const std::string& name, std::string_view bytes) {
    NL_TRY(auto writer, store->Create(name));
    NL_RETURN_IF_ERROR(writer->Append(bytes));
    return writer->Commit();
  }
  std::vector<std::string> Names(const std::string& folder) {
    std::vector<std::string> names;
    const auto listed = store->List(folder);
    REQUIRE(listed.ok());
    for (const ObjectInfo& object : *listed) names.push_back(object.name);
    return names;
  }
  size_t Files(const std::string& folder) {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(directory.path() + "/" + folder))
      ++count;
    return count;
  }

  testing::TempDir directory;
  io::FaultyFileSystem file_system{&io::FileSystem::Posix()};
  std::unique_ptr<ObjectStore> store = OpenLocalStore(&file_system, directory.path());
};

TEST_CASE("an object is there when it is committed, whole") {
  Folder folder;
  CHECK(folder.Names("a").empty());
  auto writer = folder.store->Create("a/one");
  REQUIRE(writer.ok());
  REQUIRE((*writer)->Append("hello ").ok());
  REQUIRE((*writer)->Append("world").ok());
  CHECK(folder.Names("a").empty());
  CHECK(folder.store->Open("a/one").status().code() == Code::kNotFound);
  REQUIRE((*writer)->Commit().ok());
  CHECK(folder.Names("a") == std::vector<std::string>{"a/one"});
  CHECK(ReadObject(*folder.store, "a/one", 100).value() == "hello world");
  CHECK(ReadObject(*folder.store, "a/one", 10).status().code() == Code::kTooLarge);
}

TEST_CASE("an object that is not committed leaves nothing") {
  Folder folder;
  REQUIRE(folder.Write("a/one", "1").ok());
  {
    auto writer = folder.store->Create("a/two");
    REQUIRE((*writer)->Append("2").ok());
    CHECK(folder.Files("a") == 2);
  }
  CHECK(folder.Files("a") == 1);
  CHECK(folder.Names("a") == std::vector<std::string>{"a/one"});
}

TEST_CASE("a deleted object is gone and a written one is replaced") {
  Folder folder;
  REQUIRE(folder.Write("a/one", "1").ok());
  REQUIRE(folder.Write("a/one", "22").ok());
  CHECK(ReadObject(*folder.store, "a/one", 10).value() == "22");
  REQUIRE(folder.store->Delete("a/one").ok());
  CHECK(folder.Names("a").empty());
  CHECK(folder.store->Delete("a/one").code() == Code::kNotFound);
}

TEST_CASE("a full disk and a failed sync leave no object") {
  Folder folder;
  REQUIRE(folder.Write("a/old", "1").ok());
  folder.file_system.set_write_fault(io::FaultyFileSystem::WriteFault::kNoSpace);
  CHECK(folder.Write("a/one", "1").code() == Code::kUnavailable);
  folder.file_system.set_write_fault(io::FaultyFileSystem::WriteFault::kNone);
  folder.file_system.set_sync_fails(true);
  CHECK(folder.Write("a/one", "1").code() == Code::kIoError);
  folder.file_system.set_sync_fails(false);
  CHECK(folder.Names("a") == std::vector<std::string>{"a/old"});
  CHECK(folder.Files("a") == 1);
}

TEST_CASE("names that would leave the folder are refused") {
  Folder folder;
  for (const char* name : {"", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a b", "a\nb"})
    CHECK(folder.store->Create(name).status().code() == Code::kInvalidArgument);
}

TEST_CASE("one holder of the lock at a time, who clears what dead writers left") {
  Folder folder;
  REQUIRE(folder.Write("a/one", "1").ok());
  std::ofstream(folder.directory.path() + "/a/tmp-123-4") << "half";
  std::ofstream(folder.directory.path() + "/readme") << "not ours";
  {
    const auto lock = folder.store->Lock();
    REQUIRE(lock.ok());
    CHECK(folder.store->Lock().status().code() == Code::kConflict);
    CHECK(folder.Files("a") == 1);
  }
  CHECK(folder.store->Lock().ok());
  CHECK(std::filesystem::exists(folder.directory.path() + "/readme"));
}

TEST_CASE("SHA-256 of pieces is that of the whole") {
  Sha256 empty, pieces;
  CHECK(empty.Finish() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  pieces.Update("a");
  pieces.Update("bc");
  CHECK(pieces.Finish() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace neurallog::objstore
