// Reading past damage, tried on iterators that fail on purpose.
#include "storage/salvage.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace neurallog::storage {
namespace {

// Over a map; keys of `bad` cannot be read, as a damaged data block or blob cannot.
class BrokenIterator : public rocksdb::Iterator {
 public:
  BrokenIterator(const std::map<std::string, std::string>& all, const std::set<std::string>& bad)
      : all_(all), bad_(bad), at_(all.end()) {}
  bool Valid() const override { return at_ != all_.end() && status_.ok(); }
  void SeekToFirst() override { Seek(""); }
  void SeekToLast() override { status_ = rocksdb::Status::NotSupported(); }
  void SeekForPrev(const rocksdb::Slice&) override { status_ = rocksdb::Status::NotSupported(); }
  void Prev() override { status_ = rocksdb::Status::NotSupported(); }
  void Seek(const rocksdb::Slice& key) override {
    at_ = all_.lower_bound(key.ToString());
    Check();
  }
  void Next() override {
    ++at_;
    Check();
  }
  rocksdb::Slice key() const override { return at_->first; }
  rocksdb::Slice value() const override { return at_->second; }
  rocksdb::Status status() const override { return status_; }

 private:
  void Check() {
    const bool is_bad = at_ != all_.end() && bad_.contains(at_->first);
    status_ = is_bad ? rocksdb::Status::Corruption("broken") : rocksdb::Status::OK();
  }
  const std::map<std::string, std::string>& all_;
  const std::set<std::string>& bad_;
  std::map<std::string, std::string>::const_iterator at_;
  rocksdb::Status status_;
};

std::string Key(uint32_t number) {
  std::string key = "prefix";
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

struct Scanned {
  std::set<std::string> seen;
  std::vector<UnreadableKeys> unreadable;
};

Scanned Scan(const std::map<std::string, std::string>& all, const std::set<std::string>& bad) {
  Scanned result;
  const Status status =
      SalvageScan([&] { return std::make_unique<BrokenIterator>(all, bad); }, "prefix", "prefiy",
                  [&](std::string_view key, std::string_view value) -> Status {
                    CHECK(all.at(std::string(key)) == value);
                    CHECK(result.seen.insert(std::string(key)).second);
                    return {};
                  },
                  [&](const UnreadableKeys& keys) { result.unreadable.push_back(keys); });
  CHECK(status.ok());
  return result;
}

TEST_CASE("one stretch of unreadable keys costs these keys") {
  std::map<std::string, std::string> all;
  for (uint32_t i = 0; i < 200; ++i) all[Key(i * 1000)] = std::to_string(i);
  for (const uint32_t first : {0u, 1u, 50u, 199u, 150u}) {
    for (const uint32_t count : {1u, 2u, 49u, 200u}) {
      std::set<std::string> bad;
      for (uint32_t i = first; i < std::min(200u, first + count); ++i) bad.insert(Key(i * 1000));
      const Scanned scanned = Scan(all, bad);
      CHECK(scanned.seen.size() == all.size() - bad.size());
      REQUIRE(scanned.unreadable.size() == 1);
      CHECK(scanned.unreadable[0].begin <= *bad.begin());
      CHECK(scanned.unreadable[0].end > *bad.rbegin());
      CHECK(scanned.unreadable[0].what.find("broken") != std::string::npos);
    }
  }
}

TEST_CASE("stretches that are far apart cost nothing between them") {
  std::map<std::string, std::string> all;
  std::set<std::string> bad;
  for (uint32_t i = 0; i < 1000; ++i) {
    all[Key(i * 7)] = std::to_string(i);
    if (i % 100 < 3) bad.insert(Key(i * 7));
  }
  const Scanned scanned = Scan(all, bad);
  CHECK(scanned.seen.size() == all.size() - bad.size());
  CHECK(scanned.unreadable.size() == 10);
}

TEST_CASE("whatever is unreadable, the rest is visited in order or told to be unreadable") {
  std::mt19937 random(2026);
  for (int round = 0; round < 50; ++round) {
    std::map<std::string, std::string> all;
    std::set<std::string> bad;
    for (int i = 0; i < 300; ++i) {
      const std::string key = Key(static_cast<uint32_t>(random()) >> random() % 24);
      all[key] = std::to_string(i);
      if (random() % 5 == 0) bad.insert(key);
    }
    const Scanned scanned = Scan(all, bad);
    for (const auto& [key, value] : all) {
      const bool is_told = std::any_of(
          scanned.unreadable.begin(), scanned.unreadable.end(),
          [&](const UnreadableKeys& keys) { return keys.begin <= key && key < keys.end; });
      CHECK(scanned.seen.contains(key) != is_told);
      if (bad.contains(key)) CHECK(is_told);
    }
  }
}

TEST_CASE("the visitor's error ends the scan") {
  const std::map<std::string, std::string> all = {{Key(1), "a"}, {Key(2), "b"}};
  const std::set<std::string> none;
  int visited = 0;
  const Status status =
      SalvageScan([&] { return std::make_unique<BrokenIterator>(all, none); }, "", "",
                  [&](std::string_view, std::string_view) {
                    ++visited;
                    return Internal("enough");
                  },
                  [](const UnreadableKeys&) {});
  CHECK(status.code() == Code::kInternal);
  CHECK(visited == 1);
}

}  // namespace
}  // namespace neurallog::storage
