#include "config/option_table.h"

#include <catch2/catch.hpp>
#include <set>

namespace neurallog::config {
namespace {

// A value that is allowed and differs from the default.
std::string OtherValue(const Option& option) {
  const std::string current = option.Get(Config());
  const std::string_view type = option.type();
  if (type == "bool") return current == "true" ? "false" : "true";
  if (type == "path" || type == "string") return option.key == "listen" ? "[::1]:0" : "/other";
  const std::string bounds = option.bounds();
  if (type != "enum") {
    const size_t dots = bounds.find("..");
    const std::string min = bounds.substr(0, dots);
    return min == current ? bounds.substr(dots + 2) : min;
  }
  const size_t bar = bounds.find('|');
  const std::string first = bounds.substr(0, bar);
  return first == current ? bounds.substr(bar + 1, bounds.find('|', bar + 1) - bar - 1) : first;
}

TEST_CASE("keys, variables and flags are all different") {
  std::set<std::string> names;
  for (const Option& option : OptionTable()) {
    CHECK(names.emplace(option.key).second);
    CHECK(names.insert(option.environment_name()).second);
    CHECK(names.insert(option.flag()).second);
  }
  CHECK(names.size() == 3 * OptionTable().size());
}

TEST_CASE("the options of a section stand together") {
  std::set<std::string_view> closed;
  std::string_view section;
  for (const Option& option : OptionTable()) {
    if (option.section() == section) continue;
    closed.insert(section);
    section = option.section();
    CHECK(closed.count(section) == 0);
  }
}

TEST_CASE("every default is a value that its own row accepts") {
  for (const Option& option : OptionTable()) {
    const std::string text = option.Get(Config());
    Config config;
    const bool is_unset_file = option.type() == "path" && text.empty();
    CAPTURE(option.key, text);
    const Status status = option.Set(text, &config);
    CHECK(status.ok());
    CHECK((is_unset_file || option.Get(config) == text));
  }
}

TEST_CASE("every row sets the field that it reads, and no other") {
  for (const Option& option : OptionTable()) {
    Config config;
    const std::string value = OtherValue(option);
    CAPTURE(option.key, value);
    REQUIRE(option.Set(value, &config).ok());
    for (const Option& other : OptionTable()) {
      CAPTURE(other.key);
      CHECK(other.Get(config) == (&other == &option ? value : other.Get(Config())));
    }
  }
}

TEST_CASE("both bounds are allowed and the values beyond them are not") {
  Config config;
  const Option& threads = *FindOption("http.threads");
  CHECK(threads.Set("0", &config).ok());
  CHECK(threads.Set("256", &config).ok());
  CHECK(threads.Set("257", &config).message() == "expected 0 to 256, got \"257\"");
  CHECK(threads.Set("-1", &config).message() == "expected 0 to 256, got \"-1\"");
  CHECK(threads.Set("4294967296", &config).code() == Code::kInvalidArgument);
  CHECK(threads.Set("two", &config).message() == "expected a whole number, got \"two\"");
  CHECK(config.http.threads == 256);

  const Option& wait = *FindOption("storage.seal_age");
  CHECK(wait.Set("1m", &config).ok());
  CHECK(wait.Set("-1us", &config).code() == Code::kInvalidArgument);
  CHECK(wait.Set("1", &config).message() == "expected a duration like 10s, got \"1\"");

  const Option& head = *FindOption("http.head_bytes_max");
  CHECK(head.Set("1MiB", &config).ok());
  CHECK(head.Set("1048577", &config).message() == "expected 1KiB to 1MiB, got \"1048577\"");
}

TEST_CASE("sizes of the write-ahead log are whole pages") {
  Config config;
  const Option& group = *FindOption("wal.group_bytes_max");
  CHECK(group.Set("12KiB", &config).ok());
  CHECK(group.Set("10KiB", &config).message() == "expected a multiple of 4KiB, got \"10KiB\"");
  CHECK(config.wal.group_bytes_max == 12 * kKiB);
}

TEST_CASE("ring.slots is a power of two") {
  Config config;
  const Option& slots = *FindOption("ring.slots");
  CHECK(slots.Set("1024", &config).ok());
  CHECK(slots.Set("1000", &config).message() == "expected a power of two, got \"1000\"");
  CHECK(slots.Set("1", &config).code() == Code::kInvalidArgument);
  CHECK(config.ring.slots == 1024);
}

TEST_CASE("an enum names its values when it is given another") {
  Config config;
  CHECK(FindOption("http.io_backend")->Set("kqueue", &config).message() ==
        "expected auto or epoll or io_uring, got \"kqueue\"");
  CHECK(FindOption("http.io_backend")->Set("io_uring", &config).ok());
  CHECK(config.http.io_backend == IoBackend::kIoUring);
  CHECK(FindOption("log.level")->Set("error", &config).ok());
  CHECK(config.log.level == base::LogLevel::kError);
}

TEST_CASE("listen is a host and a port") {
  Config config;
  const Option& listen = *FindOption("listen");
  for (const char* text : {"0.0.0.0:80", "localhost:0", "[::]:65535", "[fe80::1]:8080"})
    CHECK(listen.Set(text, &config).ok());
  for (const char* text : {"", ":", ":80", "host", "host:", "host:x", "host:65536", "host:-1",
                           "::1:80", "[]:80", "a b:80"})
    CHECK(listen.Set(text, &config).code() == Code::kInvalidArgument);
}

TEST_CASE("the nearest name is proposed only when it is near") {
  const std::vector<std::string> names = {"http.threads", "query.threads", "wal.segment_bytes"};
  CHECK(Nearest("http.thread", names) == "http.threads");
  CHECK(Nearest("wal.segmnet_bytes", names) == "wal.segment_bytes");
  CHECK(Nearest("colour", names).empty());
  CHECK(Nearest("", names).empty());
  CHECK(Nearest(std::string(100'000, 'x'), names).empty());
}

}  // namespace
}  // namespace neurallog::config
