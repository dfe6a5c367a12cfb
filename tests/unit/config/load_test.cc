#include "config/load.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/option_table.h"

namespace neurallog::config {
namespace {

using namespace std::chrono_literals;

const std::string kShipped = std::string(NL_SOURCE_DIR) + "/config/";

// A folder of its own that goes away with the test; messages are compared without its name.
class ConfigTest {
 protected:
  ConfigTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nl_config_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigTest() { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& text, const std::string& name = "neurallog.yaml") {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  Result<Config> LoadYaml(const std::string& text) { return Load({Write(text), {}, {}}); }

  // The message of an expected error, with the file's name shortened.
  std::string ErrorOf(const Result<Config>& result) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.status().code() == Code::kInvalidArgument);
    std::string message(result.status().message());
    const size_t at = message.find(folder_ + "/");
    return at == std::string::npos ? message : message.erase(at, folder_.size() + 1);
  }
  std::string YamlError(const std::string& text) { return ErrorOf(LoadYaml(text)); }

  std::string folder_;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Same(const Config& a, const Config& b) {
  std::vector<std::string> needs_restart;
  return DiffReloadable(a, b, &needs_restart).empty() && needs_restart.empty();
}

TEST_CASE("nothing given is the defaults") {
  const Result<Config> config = Load({});
  REQUIRE(config.ok());
  CHECK(Same(*config, Config()));
}

TEST_CASE_METHOD(ConfigTest, "a file sets nested and dotted keys") {
  const Result<Config> config = LoadYaml(
      "listen: 0.0.0.0:9000\n"
      "http:\n"
      "  threads: 3\n"
      "  idle_timeout: '90s'\n"
      "wal.segment_bytes: 512MiB\n"
      "wal: {direct_io: false}\n"
      "storage:\n"
      "  # nothing but comments\n"
      "log: {format: json, level: debug}\n");
  REQUIRE(config.status().ToString() == "ok");
  CHECK(config->listen == "0.0.0.0:9000");
  CHECK(config->http.threads == 3);
  CHECK(config->http.idle_timeout == 90s);
  CHECK(config->wal.segment_bytes == 512 * kMiB);
  CHECK_FALSE(config->wal.direct_io);
  CHECK(config->log.format == base::LogFormat::kJson);
  CHECK(config->log.level == base::LogLevel::kDebug);
}

TEST_CASE_METHOD(ConfigTest, "empty files are the defaults") {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "{}\n"}) {
    const Result<Config> config = LoadYaml(text);
    CAPTURE(text);
    REQUIRE(config.ok());
    CHECK(Same(*config, Config()));
  }
}

TEST_CASE_METHOD(ConfigTest, "a wrong value names file, line and key") {
  CHECK(YamlError("\n\nwal:\n  direct_io: true\n  segment_bytes: abc\n") ==
        "neurallog.yaml:5: wal.segment_bytes: expected a size like 64MiB, got \"abc\"");
  CHECK(YamlError("query: {timeout: 10}") ==
        "neurallog.yaml:1: query.timeout: expected a duration like 10s, got \"10\"");
  CHECK(YamlError("http:\n  threads: 2.5\n") ==
        "neurallog.yaml:2: http.threads: expected a whole number, got \"2.5\"");
  CHECK(YamlError("http:\n  threads: 1000\n") ==
        "neurallog.yaml:2: http.threads: expected 0 to 256, got \"1000\"");
  CHECK(YamlError("wal:\n  direct_io: yes\n") ==
        "neurallog.yaml:2: wal.direct_io: expected true or false, got \"yes\"");
  CHECK(YamlError("data_dir: ''\n") == "neurallog.yaml:1: data_dir: expected a path, got \"\"");
}

TEST_CASE_METHOD(ConfigTest, "an unknown key names the nearest known one") {
  CHECK(YamlError("http:\n  thread: 2\n") ==
        "neurallog.yaml:2: http.thread: unknown option; did you mean http.threads?");
  CHECK(YamlError("listne: a:1\n") ==
        "neurallog.yaml:1: listne: unknown option; did you mean listen?");
  CHECK(YamlError("strage:\n  block_rows: 100\n") ==
        "neurallog.yaml:1: strage: unknown option; did you mean storage?");
  CHECK(YamlError("completely_different: 1\n") ==
        "neurallog.yaml:1: completely_different: unknown option");
  CHECK(YamlError("http: {tls: {key_file: a}}\n")
            .find("neurallog.yaml:1: http.tls: unknown option") == 0);
}

TEST_CASE_METHOD(ConfigTest, "a file of the wrong shape is an error") {
  CHECK(YamlError("- a\n") == "neurallog.yaml:1: expected a map of options, got a list");
  CHECK(YamlError("text\n") == "neurallog.yaml:1: expected a map of options, got a value");
  CHECK(YamlError("http: 3\n") == "neurallog.yaml:1: http: expected a map of options, got \"3\"");
  CHECK(YamlError("http: [1]\n") ==
        "neurallog.yaml:1: http: expected a map of options, got \"a list\"");
  CHECK(YamlError("listen: [a, b]\n") == "neurallog.yaml:1: listen: expected a value, got a list");
  CHECK(YamlError("data_dir:\n") == "neurallog.yaml:1: data_dir: expected a value, got nothing");
  CHECK(YamlError("http: {threads: 1}\nquery: {threads: 1}\nhttp.threads: 2\n") ==
        "neurallog.yaml:3: http.threads: is given twice, first on line 1");
  CHECK(YamlError("log: {level: info}\nlog: {format: text}\n") ==
        "neurallog.yaml:2: log: is given twice, first on line 1");
  CHECK(YamlError("listen: 'a\n").find("neurallog.yaml:") == 0);
  CHECK(YamlError("a: 1\n---\nb: 2\n").find("expected one document") != std::string::npos);
  CHECK(YamlError(std::string(100'000, '[')).find("neurallog.yaml:1: ") == 0);
  CHECK(YamlError("http: &a {http: *a}\n").find("neurallog.yaml:1: ") == 0);
}

TEST_CASE_METHOD(ConfigTest, "a file that cannot be read is an error that names it") {
  CHECK(ErrorOf(Load({folder_ + "/missing.yaml", {}, {}})) ==
        "missing.yaml: cannot be read: No such file or directory");
  std::filesystem::create_directory(folder_ + "/folder.yaml");
  CHECK(ErrorOf(Load({folder_ + "/folder.yaml", {}, {}})) ==
        "folder.yaml: cannot be read: Is a directory");
  CHECK(LoadYaml(std::string(kFileBytesMax, '#')).ok());
  CHECK(YamlError(std::string(kFileBytesMax + 1, '#')) ==
        "neurallog.yaml: is larger than 1048576 bytes");
}

TEST_CASE_METHOD(ConfigTest, "flags win over variables and variables over the file") {
  const std::string file =
      Write("http: {threads: 1, connections_max: 11}\nring: {slots: 64}\nquery: {threads: 4}\n");
  const Result<Config> config =
      Load({file,
            {{"NEURALLOG_HTTP_THREADS", "2"}, {"NEURALLOG_HTTP_CONNECTIONS_MAX", "12"}},
            {{"--http-threads", "3"}, {"query-threads", "5"}}});
  REQUIRE(config.status().ToString() == "ok");
  CHECK(config->http.threads == 3);
  CHECK(config->http.connections_max == 12);
  CHECK(config->ring.slots == 64);
  CHECK(config->query.threads == 5);
}

TEST_CASE_METHOD(ConfigTest, "a wrong value is an error even where a later source overrides it") {
  const std::string file = Write("http: {threads: x}\n");
  CHECK(ErrorOf(Load({file, {}, {{"--http-threads", "3"}}})) ==
        "neurallog.yaml:1: http.threads: expected a whole number, got \"x\"");
}

TEST_CASE_METHOD(
    ConfigTest,
    "variables of other programs and of Kubernetes are passed over, unknown ones of ours are not") {
  CHECK(Load({{},
              {{"PATH", "/bin"},
               {"NEURALLOG_PORT", "tcp://10.0.0.1:8080"},
               {"NEURALLOG_PORT_8080_TCP_ADDR", "10.0.0.1"},
               {"NEURALLOG_SERVICE_HOST", "10.0.0.1"}},
              {}})
            .ok());
  CHECK(ErrorOf(Load({{}, {{"NEURALLOG_HTTP_THREAD", "1"}}, {}})) ==
        "NEURALLOG_HTTP_THREAD: unknown option; did you mean NEURALLOG_HTTP_THREADS?");
  CHECK(ErrorOf(Load({{}, {{"NEURALLOG_HTTP_THREADS", ""}}, {}})) ==
        "NEURALLOG_HTTP_THREADS: expected a whole number, got \"\"");
}

TEST_CASE_METHOD(ConfigTest, "NEURALLOG_CONFIG names the file unless one is given") {
  const std::string first = Write("http: {threads: 1}\n", "first.yaml");
  const std::string second = Write("http: {threads: 2}\n", "second.yaml");
  CHECK(Load({{}, {{"NEURALLOG_CONFIG", first}}, {}})->http.threads == 1);
  CHECK(Load({second, {{"NEURALLOG_CONFIG", first}}, {}})->http.threads == 2);
}

TEST_CASE_METHOD(ConfigTest, "arguments are read with an equals sign or as two words") {
  const std::string file = Write("http: {threads: 1}\n");
  const Result<LoadSource> source = SourceFromArguments(
      {"--config", file, "--listen", "[::1]:0", "--data-dir=/a=b", "--http.idle_timeout=5s"},
      {{"NEURALLOG_LOG_LEVEL", "warn"}});
  REQUIRE(source.ok());
  const Result<Config> config = Load(*source);
  REQUIRE(config.status().ToString() == "ok");
  CHECK(config->http.threads == 1);
  CHECK(config->listen == "[::1]:0");
  CHECK(config->data_dir == "/a=b");
  CHECK(config->http.idle_timeout == 5s);
  CHECK(config->log.level == base::LogLevel::kWarn);

  CHECK(SourceFromArguments({"serve"}, {}).status().message() == "serve: expected --name=value");
  CHECK(SourceFromArguments({"--"}, {}).status().message() == "--: expected --name=value");
  CHECK(SourceFromArguments({"--listen"}, {}).status().message() == "--listen: expected a value");
  CHECK(ErrorOf(Load({{}, {}, {{"--http-treads", "1"}}})) ==
        "--http-treads: unknown option; did you mean --http-threads?");
  CHECK(ErrorOf(Load({{}, {}, {{"--log-level", "loud"}}})) ==
        "--log-level: expected debug or info or warn or error, got \"loud\"");
}

TEST_CASE_METHOD(ConfigTest,
                 "values that cannot go together are errors that name where they were given") {
  CHECK(YamlError("tls: {key_file: a.pem}\n") ==
        "neurallog.yaml:1: tls.key_file: is set, but tls.certificate_file is not; TLS needs both");
  CHECK(ErrorOf(Load({{}, {}, {{"--tls-certificate-file", "a"}}})) ==
        "--tls-certificate-file: is set, but tls.key_file is not; TLS needs both");
  CHECK(Load({{}, {{"NEURALLOG_TLS_KEY_FILE", "b"}}, {{"--tls-certificate-file", "a"}}}).ok());
  CHECK(YamlError("http:\n  body_bytes_max: 65MiB\n  body_bytes_total_max: 64MiB\n") ==
        "neurallog.yaml:3: http.body_bytes_total_max: expected at least http.body_bytes_max "
        "(65MiB), got 64MiB");
  CHECK(YamlError("http: {body_bytes_max: 1MiB}\n") ==
        "neurallog.yaml:1: http.body_bytes_max: expected at least ingest.record_bytes_max (2MiB), "
        "got 1MiB");
  CHECK(YamlError("ingest: {record_bytes_max: 16MiB}\n") ==
        "neurallog.yaml:1: ingest.record_bytes_max: expected at most storage.block_bytes_max "
        "(8MiB), got 16MiB");
  CHECK(YamlError("storage: {row_buffer_bytes_max: 2MiB}\n") ==
        "neurallog.yaml:1: storage.row_buffer_bytes_max: expected at least storage.block_bytes_max "
        "(8MiB), got 2MiB");
  CHECK(YamlError("wal: {segment_bytes: 1MiB, group_bytes_max: 2MiB}\n") ==
        "neurallog.yaml:1: wal.segment_bytes: expected at least wal.group_bytes_max (2MiB), got "
        "1MiB");
  CHECK(YamlError("wal: {segment_bytes: 1GiB, retained_bytes_max: 512MiB}\n") ==
        "neurallog.yaml:1: wal.retained_bytes_max: expected at least wal.segment_bytes (1GiB), got "
        "512MiB");
}

TEST_CASE("a changed option is either reloadable or needs a restart") {
  Config fresh;
  fresh.log.level = base::LogLevel::kDebug;
  fresh.storage.retention = 30 * kDay;
  fresh.query.timeout = 5s;
  fresh.listen = "127.0.0.1:1";
  fresh.ring.slots = 2;
  std::vector<std::string> needs_restart;
  CHECK(DiffReloadable(Config(), fresh, &needs_restart) ==
        std::vector<std::string>{"storage.retention", "query.timeout", "log.level"});
  CHECK(needs_restart == std::vector<std::string>{"listen", "ring.slots"});
}

TEST_CASE("config/neurallog.yaml is what DefaultsYaml writes") {
  CHECK(ReadAll(kShipped + "neurallog.yaml") == DefaultsYaml());
}

TEST_CASE("the shipped files load") {
  const Result<Config> defaults = Load({kShipped + "neurallog.yaml", {}, {}});
  REQUIRE(defaults.status().ToString() == "ok");
  CHECK(Same(*defaults, Config()));
  const Result<Config> minimal = Load({kShipped + "minimal.yaml", {}, {}});
  REQUIRE(minimal.status().ToString() == "ok");
  CHECK(Same(*minimal, Config()));
  const Result<Config> production = Load({kShipped + "production.yaml", {}, {}});
  REQUIRE(production.status().ToString() == "ok");
  CHECK(production->listen == "0.0.0.0:8080");
  CHECK(production->data_dir == "/var/lib/neurallog");
  CHECK(production->log.format == base::LogFormat::kJson);
  CHECK(production->storage.retention == 30 * kDay);
  CHECK(production->auth.required == AuthRequired::kAlways);
}

TEST_CASE_METHOD(ConfigTest, "what ToYaml writes reads back as the same configuration") {
  Config config;
  config.data_dir = "C:\\logs \"x\": # [a]\n\t\x01";
  config.tls.certificate_file = "- a";
  config.tls.key_file = "null";
  config.storage.seal_age = 1250ms;
  config.wal.direct_io = false;
  config.query.memory_bytes_max = kMiB + 1;
  config.auth.required = AuthRequired::kAlways;
  const Result<Config> read = LoadYaml(ToYaml(config));
  REQUIRE(read.status().ToString() == "ok");
  CHECK(read->data_dir == config.data_dir);
  CHECK(Same(*read, config));
}

TEST_CASE("DefaultsYaml comments every option") {
  const std::string yaml = DefaultsYaml();
  for (const Option& option : OptionTable()) {
    CAPTURE(option.key);
    CHECK(yaml.find("# " + std::string(option.help)) != std::string::npos);
  }
}

TEST_CASE("Environment holds the variables of this process that are ours") {
  setenv("NEURALLOG_HTTP_THREADS", "7", 1);
  bool found = false;
  for (const auto& [name, value] : Environment()) {
    CHECK(name.rfind("NEURALLOG_", 0) == 0);
    found = found || (name == "NEURALLOG_HTTP_THREADS" && value == "7");
  }
  unsetenv("NEURALLOG_HTTP_THREADS");
  CHECK(found);
}

}  // namespace
}  // namespace neurallog::config
