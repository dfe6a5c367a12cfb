// The conformance and bad-input sets of /work/shared/data/json_torture; skipped where they are absent.
#include <dirent.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "base/json_text.h"
#include "decode_support.h"

namespace neurallog::ingest {
namespace {

struct Sample {
  std::string name;
  std::string text;
};

// An unpacked archive that goes away with the object.
class Unpacked {
 public:
  explicit Unpacked(const std::string& archive) {
    char folder[] = "/tmp/nl_torture_XXXXXX";
    if (mkdtemp(folder) == nullptr) return;
    folder_ = folder;
    const std::string command = "zstd -dcq '" + kTortureDir + archive + "' 2>/dev/null | tar -C '" +
                                folder_ + "' -xf - 2>/dev/null";
    if (std::system(command.c_str()) != 0) return;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
      if (entry.is_regular_file())
        samples_.push_back({entry.path().filename(), ReadFile(entry.path())});
  }
  ~Unpacked() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  const std::vector<Sample>& samples() const { return samples_; }

 private:
  std::string folder_;
  std::vector<Sample> samples_;
};

bool IsAbsent(const std::string& what) {
  if (std::filesystem::exists(kTortureDir + what)) return false;
  WARN(what << " is absent: skipped");
  return true;
}

Result<DecodeResult> Decode(std::string_view text, bool hint = false) {
  return DecodeNative(BodyOf(text), hint, DecodeLimits{}, kArrivalNs);
}

bool Refused(const Result<DecodeResult>& result) {
  if (!result.ok()) return !result.status().message().empty();
  return result->rejected > 0 && !result->errors[0].reason.empty();
}

std::string Trimmed(std::string text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  size_t first = 0;
  while (first < text.size() && is_space(text[first])) ++first;
  return text.substr(first);
}

bool IsOneLine(const std::string& text) { return text.find('\n') == std::string::npos; }

bool KeepsNeighbours(const Result<DecodeResult>& result) {
  if (!result.ok()) return false;
  const auto rows = RowsOf(*result);
  return rows.size() >= 2 && rows.front().fields == std::vector<std::string>{"first=bool:true"} &&
         rows.back().fields == std::vector<std::string>{"last=bool:true"};
}

// The samples whose brackets or strings stay open: in an array they hide what follows.
bool IsUnclosed(const Result<DecodeResult>& result) {
  if (!result.ok() || result->errors.empty()) return false;
  return result->errors.back().reason.ends_with("cannot be read") ||
         result->errors.back().reason == "unexpected text after the array" ||
         result->errors.back().reason == "the array is not closed";
}

TEST_CASE(
    "JSONTestSuite: as a field's value, y_ is kept, n_ is refused and the neighbours are kept") {
  if (IsAbsent("jsontestsuite.tar.zst")) return;
  const Unpacked suite("jsontestsuite.tar.zst");
  REQUIRE(suite.samples().size() > 300);
  size_t good = 0;
  size_t bad = 0;
  for (const Sample& sample : suite.samples()) {
    INFO(sample.name);
    const std::string text = Trimmed(sample.text);
    const std::string record = "{\"field\":" + text + "}";
    const auto alone = Decode(record);
    if (sample.name.starts_with("y_")) {
      ++good;
      REQUIRE(alone.ok());
      CHECK(alone->accepted == 1);
      CHECK(alone->rejected == 0);
    } else if (sample.name.starts_with("n_") && !sample.name.starts_with("n_structure_") &&
               !sample.name.starts_with("n_object_trailing") &&
               sample.name != "n_single_space.json") {
      ++bad;
      CHECK(Refused(alone));
    }
    if (IsOneLine(record))
      CHECK(KeepsNeighbours(Decode("{\"first\":true}\n" + record + "\n{\"last\":true}\n")));
    const auto in_array = Decode("[{\"first\":true}," + record + ",{\"last\":true}]");
    CHECK((KeepsNeighbours(in_array) || IsUnclosed(in_array)));
  }
  CHECK(good == 95);
  CHECK(bad == 133);
}

TEST_CASE("JSONTestSuite: as a whole body and as one record of many") {
  if (IsAbsent("jsontestsuite.tar.zst")) return;
  const Unpacked suite("jsontestsuite.tar.zst");
  for (const Sample& sample : suite.samples()) {
    INFO(sample.name);
    const std::string text = Trimmed(sample.text);
    const auto whole = Decode(sample.text);
    const auto lines = Decode(sample.text, /*hint=*/true);
    const auto jsonline =
        DecodeJsonLines(BodyOf(sample.text), JsonLineParams{}, DecodeLimits{}, kArrivalNs);
    const bool object = text.starts_with("{");
    const bool good_object =
        object && !sample.name.starts_with("n_") && !sample.name.starts_with("i_");
    if (sample.name.starts_with("y_") && object) {
      REQUIRE(whole.ok());
      CHECK(whole->accepted == 1);
      CHECK(whole->rejected == 0);
    } else if (sample.name.starts_with("y_") && text != "[]" && text != "[{}]") {
      CHECK(Refused(whole));
    } else if (sample.name.starts_with("n_")) {
      CHECK(Refused(whole));
      CHECK(Refused(lines));
      CHECK(Refused(jsonline));
    }
    if (IsOneLine(text) && !text.empty()) {
      const auto between = Decode("{\"first\":true}\n" + text + "\n{\"last\":true}\n");
      CHECK(KeepsNeighbours(between));
      if (!sample.name.starts_with("i_")) CHECK(between->accepted == (good_object ? 3 : 2));
    }
    const auto in_array = Decode("[{\"first\":true}," + text + ",{\"last\":true}]");
    CHECK((KeepsNeighbours(in_array) || IsUnclosed(in_array)));
  }
}

TEST_CASE("simdjson's checker and adversarial sets neither crash nor pass unseen") {
  for (const char* archive : {"simdjson_jsonchecker.tar.zst", "simdjson_adversarial.tar.zst"}) {
    if (IsAbsent(archive)) continue;
    const Unpacked set(archive);
    REQUIRE(set.samples().size() > 100);
    for (const Sample& sample : set.samples()) {
      INFO(sample.name);
      const auto whole = Decode(sample.text);
      const auto lines = Decode(sample.text, /*hint=*/true);
      const auto field = Decode("{\"field\":" + sample.text + "}");
      CHECK((!whole.ok() || whole->accepted + whole->rejected > 0 ||
             Trimmed(sample.text).starts_with("[")));
      if (!sample.name.starts_with("pass") || sample.name.ends_with(".ndjson") ||
          sample.name.find("EXCLUDE") != std::string::npos)
        continue;
      REQUIRE(field.ok());
      CHECK(field->accepted == 1);
    }
  }
}

TEST_CASE("naughty strings come back from message, tags, metadata key and value") {
  if (IsAbsent("blns.json")) return;
  const std::string text = ReadFile(kTortureDir + "blns.json");
  // The decoder itself reads the list: each string as the value of a record.
  std::vector<std::string> strings;
  std::string wrapped;
  for (size_t at = 0; (at = text.find("\n  \"", at)) != std::string::npos; ++at) {
    size_t end = std::min(text.find('\n', at + 1), text.size());
    while (text[end - 1] != '"') --end;
    wrapped += "{\"v\":" + text.substr(at + 3, end - at - 3) + "}\n";
  }
  const auto list = Decode(wrapped);
  REQUIRE(list.ok());
  CHECK(list->rejected == 0);
  for (const RowText& row : RowsOf(*list)) strings.push_back(row.values.at("v"));
  CHECK(strings.size() > 500);
  std::string body;
  for (const std::string& string : strings) {
    std::string json;
    base::AppendJsonString(&json, string);
    body += "{\"message\":" + json + ",\"tags\":[" + json + "],\"metadata\":{" + json +
            ":1,\"value\":" + json + "}}\n";
  }
  DecodeLimits limits;
  limits.field_name_bytes_max =
      4096;  // some of the strings are longer than a name may be otherwise
  const auto result = DecodeNative(BodyOf(body), false, limits, kArrivalNs);
  REQUIRE(result.ok());
  CHECK(result->rejected == 0);
  const auto rows = RowsOf(*result);
  REQUIRE(rows.size() == strings.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    INFO(strings[i]);
    std::string json;
    base::AppendJsonString(&json, strings[i]);
    CHECK(rows[i].values.at("message") == strings[i]);
    CHECK(rows[i].values.at("tags") == "[" + json + "]");
    CHECK(rows[i].values.count("metadata." + strings[i]) == 1);
    CHECK(rows[i].values.at("metadata.value") == strings[i]);
  }
}

TEST_CASE("each line of the UTF-8 stress test is kept or rejected alone") {
  if (IsAbsent("UTF-8-test.txt")) return;
  const std::string text = ReadFile(kTortureDir + "UTF-8-test.txt");
  std::string body;
  size_t lines = 0;
  for (size_t at = 0; at < text.size(); ++lines) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    std::replace_if(
        line.begin(), line.end(),
        [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }, ' ');
    body += "{\"message\":\"" + line + "\"}\n";
    at = end + 1;
  }
  const auto result = Decode(body);
  REQUIRE(result.ok());
  CHECK(result->accepted + result->rejected == lines);
  CHECK(result->accepted > 150);
  CHECK(result->rejected > 50);
  for (const RecordError& error : result->errors) CHECK(error.reason == "invalid UTF-8");
}

TEST_CASE("real records with lone surrogates and NUL escapes are all kept") {
  if (IsAbsent("utf8_surrogate_10k.ndjson.zst")) return;
  const std::string body = OutputOf("zstd -dcq '" + kTortureDir + "utf8_surrogate_10k.ndjson.zst'");
  const auto result = Decode(body);
  REQUIRE(result.ok());
  INFO((result->errors.empty() ? "" : result->errors[0].reason));
  CHECK(result->accepted == 10'000);
  CHECK(result->rejected == 0);
}

TEST_CASE("MongoDB's records of more than a thousand leaves are kept") {
  const std::string folder = "/work/shared/data/mongodb_json/";
  if (!std::filesystem::exists(folder)) {
    WARN("mongodb_json is absent: skipped");
    return;
  }
  uint64_t accepted = 0;
  for (const char* name : {"mongod_standalone", "replica_rs1", "replica_rs2", "replica_rs3"}) {
    const std::string body = OutputOf("zstd -dcq '" + folder + name + ".ndjson.zst'");
    const auto result = Decode(body, /*hint=*/true);
    REQUIRE(result.ok());
    INFO(name << (result->errors.empty() ? "" : ": " + result->errors[0].reason));
    CHECK(result->rejected == 0);
    CHECK(result->accepted == static_cast<uint64_t>(std::count(body.begin(), body.end(), '\n')));
    accepted += result->accepted;
  }
  CHECK(accepted > 0);
}

TEST_CASE("real API documents are read as fields") {
  for (const char* name :
       {"github_events.json", "twitter.json", "twitterescaped.json", "apache_builds.json"}) {
    if (IsAbsent(std::string("examples/") + name + ".zst")) continue;
    const std::string text = OutputOf("zstd -dcq '" + kTortureDir + "examples/" + name + ".zst'");
    const auto result = Decode("{\"document\":[" + text + "]}");
    REQUIRE(result.ok());
    CHECK(result->accepted == 1);
  }
}

}  // namespace
}  // namespace neurallog::ingest
