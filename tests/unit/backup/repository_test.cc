#include "backup/repository.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "base/json_value.h"
#include "io/faulty_file_system.h"
#include "objstore/local.h"
#include "support/temp_dir.h"

namespace neurallog::backup {
namespace {

namespace fs = std::filesystem;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A data folder, a place for backups, and a place to restore to.
class Place {
 public:
  void Put(const std::string& path, const std::string& bytes, int64_t modified_ns = 1) {
    const std::string full = root.path() + "/data/" + path;
    fs::create_directories(fs::path(full).parent_path());
    std::ofstream(full, std::ios::binary) << bytes;
    for (SourceFile& file : files) {
      if (file.path == path) {
        file.bytes = bytes.size();
        file.modified_ns = modified_ns;
        return;
      }
    }
    files.push_back({path, full, bytes.size(), modified_ns});
  }
  Result<Manifest> Create() {
    Progress progress;
    return repository.Create(&file_system, {second++ * base::kNsPerSecond, "1.2.3", 7}, files,
                             &progress);
  }
  Manifest Made() {
    auto made = Create();
    REQUIRE(made.ok());
    return *made;
  }
  Status Restore(const std::string& id, const std::string& to) {
    Progress progress;
    NL_TRY(const Manifest manifest, repository.Find(id));
    return repository.Restore(manifest, &file_system, root.path() + "/" + to, &progress);
  }
  VerifyReport Verified(const std::string& id = "") {
    Progress progress;
    auto report = repository.Verify(id, &progress);
    REQUIRE(report.ok());
    return *report;
  }
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    damage.clear();
    const auto listed = repository.List(&damage);
    REQUIRE(listed.ok());
    for (const Manifest& manifest : *listed) ids.push_back(manifest.id);
    return ids;
  }
  size_t Objects() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(root.path() + "/to/files"))
      ++count;
    return count;
  }
  void Flip(const std::string& path, size_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
  }
  std::string ObjectPath(const Manifest& manifest, size_t file) {
    return root.path() + "/to/" + FileObject(manifest.files[file].sha256);
  }

  testing::TempDir root;
  io::FaultyFileSystem file_system{&io::FileSystem::Posix()};
  Repository repository{objstore::OpenLocalStore(&file_system, root.path() + "/to")};
  std::vector<SourceFile> files;
  std::vector<std::string> damage;
  int64_t second = 1'800'000'000;
};

TEST_CASE("what was backed up is restored byte for byte") {
  Place place;
  const std::string large(3'000'000, 'x');
  place.Put("store/000001.sst", large);
  place.Put("store/CURRENT", "MANIFEST-1\n");
  place.Put("wal/wal-1.log", "");
  const Manifest made = place.Made();
  CHECK(made.id == "20270115T080000Z");
  CHECK(made.new_files == 3);
  CHECK(made.bytes() == large.size() + 11);
  REQUIRE(place.Restore("", "again").ok());
  CHECK(Contents(place.root.path() + "/again/store/000001.sst") == large);
  CHECK(Contents(place.root.path() + "/again/store/CURRENT") == "MANIFEST-1\n");
  CHECK(fs::exists(place.root.path() + "/again/wal/wal-1.log"));
  CHECK_FALSE(fs::exists(place.root.path() + "/again/" + kRestoreMark));
}

TEST_CASE("only the first bytes of a growing file are taken") {
  Place place;
  place.Put("wal/1", "durable and more");
  place.files[0].bytes = 7;
  place.Made();
  REQUIRE(place.Restore("", "again").ok());
  CHECK(Contents(place.root.path() + "/again/wal/1") == "durable");
  place.files[0].bytes = 17;
  CHECK(place.Create().status().code() == Code::kIoError);
}

TEST_CASE("a second backup copies new bytes only") {
  Place place;
  place.Put("store/1.sst", "one");
  place.Put("store/2.sst", "two");
  place.Made();
  place.Put("store/3.sst", "three");
  place.Put("store/4.sst", "one");
  const Manifest second = place.Made();
  CHECK(second.files.size() == 4);
  CHECK(second.new_files == 1);
  CHECK(second.new_bytes == 5);
  CHECK(place.Objects() == 3);
  REQUIRE(place.Restore("", "again").ok());
  CHECK(Contents(place.root.path() + "/again/store/4.sst") == "one");
}

TEST_CASE("a file that has neither another size nor another time is not read again") {
  Place place;
  place.Put("store/1.sst", "one");
  place.Made();
  fs::remove(place.files[0].read_from);
  CHECK(place.Create().ok());
  place.files[0].modified_ns = 2;
  CHECK(place.Create().status().code() == Code::kNotFound);
}

TEST_CASE("a file of the same name with other bytes is stored beside the first") {
  Place place;
  place.Put("store/CURRENT", "1", 1);
  const std::string first = place.Made().id;
  place.Put("store/CURRENT", "2", 2);
  place.Made();
  REQUIRE(place.Restore(first, "first").ok());
  REQUIRE(place.Restore("", "second").ok());
  CHECK(Contents(place.root.path() + "/first/store/CURRENT") == "1");
  CHECK(Contents(place.root.path() + "/second/store/CURRENT") == "2");
}

TEST_CASE("an object that vanished or has another size is stored again by the next backup") {
  Place place;
  place.Put("store/1.sst", "one");
  const Manifest made = place.Made();
  fs::resize_file(place.ObjectPath(made, 0), 1);
  CHECK(place.Made().new_files == 1);
  fs::remove(place.ObjectPath(made, 0));
  CHECK(place.Made().new_files == 1);
  CHECK(place.Verified().bad.empty());
}

TEST_CASE("backups of one second have names of their own") {
  Place place;
  place.Put("a", "1");
  const std::string first = place.Made().id;
  --place.second;
  CHECK(place.Made().id == first + "-2");
  CHECK(place.Ids().size() == 2);
}

TEST_CASE("a backup that fails is not listed and hurts no other") {
  Place place;
  place.Put("a", "1");
  const std::string first = place.Made().id;
  place.Put("b", "22");
  place.Put("c", "333");
  const auto fault = GENERATE(io::FaultyFileSystem::WriteFault::kNoSpace,
                              io::FaultyFileSystem::WriteFault::kIoError,
                              io::FaultyFileSystem::WriteFault::kShortWrite);
  for (int writes = 0; writes < 3; ++writes) {
    place.file_system.set_writes_before_fault(writes);
    place.file_system.set_write_fault(fault);
    const auto failed = place.Create();
    CHECK_FALSE(failed.ok());
    CHECK((failed.status().code() == Code::kUnavailable) ==
          (fault == io::FaultyFileSystem::WriteFault::kNoSpace));
    place.file_system.set_write_fault(io::FaultyFileSystem::WriteFault::kNone);
    CHECK(place.Ids() == std::vector<std::string>{first});
    CHECK(place.Verified().bad.empty());
    REQUIRE(place.repository.Prune(1).ok());
    CHECK(place.Objects() == 1);
  }
  place.file_system.set_sync_fails(true);
  CHECK(place.Create().status().code() == Code::kIoError);
  place.file_system.set_sync_fails(false);
  CHECK(place.Ids().size() == 1);
  CHECK(place.Create().ok());
}

TEST_CASE("a cancelled backup is not listed") {
  Place place;
  place.Put("a", "1");
  Progress progress;
  progress.cancelled = true;
  const auto made = place.repository.Create(&place.file_system, {}, place.files, &progress);
  CHECK(made.status().code() == Code::kCancelled);
  CHECK(place.Ids().empty());
}

TEST_CASE("verify names what is missing, short, long or changed, and whom it hurts") {
  Place place;
  place.Put("store/1.sst", "one");
  place.Put("store/2.sst", "two");
  const Manifest first = place.Made();
  place.Put("store/3.sst", "three");
  const Manifest second = place.Made();
  CHECK(place.Verified().objects == 3);
  CHECK(place.Verified().bad.empty());

  place.Flip(place.ObjectPath(first, 1), 1);
  VerifyReport report = place.Verified();
  REQUIRE(report.bad.size() == 1);
  CHECK(report.bad[0].what.find("checksum mismatch") != std::string::npos);
  CHECK(report.bad[0].paths == std::vector<std::string>{"store/2.sst"});
  CHECK(report.bad[0].backups == std::vector<std::string>{first.id, second.id});
  CHECK(place.Restore("", "again").code() == Code::kCorruption);

  place.Flip(place.ObjectPath(first, 1), 1);
  fs::remove(place.ObjectPath(second, 2));
  CHECK(place.Verified(first.id).bad.empty());
  report = place.Verified(second.id);
  REQUIRE(report.bad.size() == 1);
  CHECK(report.bad[0].what.find("missing") != std::string::npos);

  fs::resize_file(place.ObjectPath(first, 0), 4);
  report = place.Verified(first.id);
  REQUIRE(report.bad.size() == 1);
  CHECK(report.bad[0].what.find("has 4 bytes, expected 3") != std::string::npos);
  fs::resize_file(place.ObjectPath(first, 0), 2);
  CHECK(place.Verified(first.id).bad.size() == 1);
}

TEST_CASE("each flipped byte of a manifest is seen") {
  Place place;
  place.Put("store/1.sst", "one");
  const Manifest made = place.Made();
  const std::string path = place.root.path() + "/to/" + ManifestObject(made.id);
  const size_t bytes = fs::file_size(path);
  for (size_t at = 0; at < bytes; ++at) {
    place.Flip(path, at);
    CHECK(place.Ids().empty());
    CHECK(place.damage.size() == 1);
    place.Flip(path, at);
  }
  for (size_t size = 0; size < bytes; ++size)
    CHECK_FALSE(DecodeManifest(Contents(path).substr(0, size)).ok());
  place.Flip(path, 10);
  CHECK(place.Verified().bad.size() == 1);
  CHECK(place.repository.Prune(1).status().code() == Code::kCorruption);
  CHECK(place.Restore(made.id, "again").code() == Code::kCorruption);
}

TEST_CASE("a manifest with a path that leaves the data folder is refused") {
  Manifest manifest;
  manifest.id = "x";
  for (const char* path : {"../x", "/etc/passwd", "", "a/../../b"}) {
    manifest.files = {{path, 1, std::string(64, 'a'), 0}};
    CHECK(DecodeManifest(EncodeManifest(manifest)).status().code() == Code::kCorruption);
  }
  manifest.files = {{"store/a", 1, std::string(64, 'a'), 0}};
  CHECK(DecodeManifest(EncodeManifest(manifest)).ok());
  CHECK(base::ParseJson(EncodeManifest(manifest)).ok());
}

TEST_CASE("prune keeps the newest backups with all that they need") {
  Place place;
  place.Put("store/1.sst", "one");
  place.Put("store/CURRENT", "1", 1);
  place.Made();
  place.Put("store/2.sst", "two");
  place.Put("store/CURRENT", "2", 2);
  const std::string second = place.Made().id;
  place.Put("store/3.sst", "three");
  const std::string third = place.Made().id;
  CHECK(place.Objects() == 5);
  const auto report = place.repository.Prune(2);
  REQUIRE(report.ok());
  CHECK(report->removed.size() == 1);
  CHECK(report->files == 1);
  CHECK(place.Ids() == std::vector<std::string>{second, third});
  CHECK(place.Verified().bad.empty());
  REQUIRE(place.Restore(second, "second").ok());
  REQUIRE(place.repository.Prune(0).ok());
  CHECK(place.Ids() == std::vector<std::string>{third});
}

TEST_CASE("a folder that holds anything is not restored to") {
  Place place;
  place.Put("store/1.sst", "one");
  place.Made();
  fs::create_directories(place.root.path() + "/empty");
  CHECK(place.Restore("", "empty").ok());
  CHECK(place.Restore("", "empty").code() == Code::kConflict);
  CHECK(place.Restore("", "data").code() == Code::kConflict);
  CHECK(place.Restore("20010101T000000Z", "new").code() == Code::kNotFound);
}

TEST_CASE("a restore that fails leaves its mark") {
  Place place;
  place.Put("store/1.sst", "one");
  place.Made();
  place.file_system.set_write_fault(io::FaultyFileSystem::WriteFault::kNoSpace);
  CHECK(place.Restore("", "again").code() == Code::kUnavailable);
  place.file_system.set_write_fault(io::FaultyFileSystem::WriteFault::kNone);
  CHECK(fs::exists(place.root.path() + "/again/" + kRestoreMark));
  CHECK(place.Restore("", "again").code() == Code::kConflict);
}

}  // namespace
}  // namespace neurallog::backup
