// Tests of the query language as data files (tests/query/**/*.test). A file is a list of parts,
// separated by empty lines:
//
//   # a comment, anywhere                     now 2025-06-01T00:01:00Z
//
//   load                                      error
//   {"_time":"2025-06-01T00:00:00Z",...}      level:error | stats by
//                                             ----
//   query [format=native] [limit=2]           1:23: expected a list of fields after 'by', found the
//   end of the query level:error | stats count() n
//   ----
//   {"n":"1"}
//
// `load` adds records, in order of time; `query` compares the rows, `error` the message. Every
// query is printed and parsed once more, and runs on one block and on blocks of two rows, sealed and not. With NL_UPDATE=1 in the
// environment the expectations are rewritten; review the diff.
#pragma once

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "query/execution.h"
#include "query/partial_cache.h"
#include "support/json_records.h"
#include "support/memory_blocks.h"

namespace neurallog::testing {

class DataFile {
 public:
  explicit DataFile(std::string path) : path_(std::move(path)) {}

  void Run() {
    Read();
    for (Part& part : parts_) RunPart(&part);
    if (std::getenv("NL_UPDATE") != nullptr) Rewrite();
  }

 private:
  struct Part {
    std::vector<std::string> comments;  // before the command
    std::string command;
    std::vector<std::string> body;
    std::vector<std::string> expected;
    bool has_expected = false;
    size_t line = 0;
  };

  void Read() {
    std::ifstream file(path_);
    REQUIRE(file.good());
    Part part;
    size_t number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (line.empty()) {
        FinishPart(&part);
      } else if (part.command.empty() && line[0] == '#') {
        part.comments.push_back(line);
      } else if (part.command.empty()) {
        part.command = line;
        part.line = number;
      } else if (line == "----") {
        part.has_expected = true;
      } else {
        (part.has_expected ? part.expected : part.body).push_back(line);
      }
    }
    FinishPart(&part);
  }

  void FinishPart(Part* part) {
    if (!part->command.empty() || !part->comments.empty()) parts_.push_back(std::move(*part));
    *part = {};
  }

  void RunPart(Part* part) {
    INFO(path_ << ":" << part->line);
    const std::string verb = part->command.substr(0, part->command.find(' '));
    if (verb == "load") {
      for (const std::string& line : part->body) records_.push_back(ParseJsonRecord(line));
    } else if (verb == "now") {
      const auto now = base::ParseRfc3339(part->command.substr(4));
      REQUIRE(now.has_value());
      now_ns_ = *now;
    } else if (verb == "query" || verb == "error") {
      RunQuery(part, verb == "error");
    } else if (!verb.empty()) {
      FAIL("unknown command " << part->command);
    }
  }

  void RunQuery(Part* part, bool wants_error) {
    const bool is_update = std::getenv("NL_UPDATE") != nullptr;
    for (const size_t rows_per_block : {size_t{8192}, size_t{2}}) {
      for (const TestBlockSet::Form form :
           {TestBlockSet::Form::kMemory, TestBlockSet::Form::kSealed}) {
        bool is_error = false;
        const std::vector<std::string> lines = Answer(*part, rows_per_block, form, &is_error);
        if (is_update) part->expected = lines;
        part->has_expected = true;
        CAPTURE(part->body, rows_per_block);
        CHECK(lines == part->expected);
        CHECK(is_error == wants_error);
      }
    }
  }

  std::string Option(const Part& part, const std::string& name) const {
    const size_t at = part.command.find(" " + name + "=");
    if (at == std::string::npos) return {};
    const size_t begin = at + name.size() + 2;
    return part.command.substr(begin, part.command.find(' ', begin) - begin);
  }

  std::vector<std::string> Answer(const Part& part, size_t rows_per_block, TestBlockSet::Form form,
                                  bool* is_error) const {
    std::string text;
    for (const std::string& line : part.body) text += (text.empty() ? "" : "\n") + line;
    const auto fail = [is_error](const Status& status) {
      *is_error = true;
      return std::vector<std::string>{std::string(status.message())};
    };
    auto query = query::ParseQuery(text, {.now_ns = now_ns_});
    if (!query.ok()) return fail(query.status());
    const std::string printed = query::ToText(*query);
    query = query::ParseQuery(printed, {.now_ns = now_ns_});
    if (!query.ok()) return fail(query.status().Annotate("printed as " + printed));
    CHECK(query::ToText(*query) == printed);
    query::ExecuteOptions options;
    options.format = Option(part, "format") == "native" ? query::OutputFormat::kNative
                                                        : query::OutputFormat::kVictoriaLogs;
    if (const std::string limit = Option(part, "limit"); !limit.empty())
      options.limit = std::stoull(limit);
    const auto blocks = std::make_shared<TestBlockSet>(records_, rows_per_block, form);
    std::string out;
    if (const Status status = Run(std::move(*query), blocks, options, &out); !status.ok())
      return fail(status);
    query::PartialCache partials(1 << 20);
    options.partials = &partials;
    for (const char* when : {"keeping partials", "using partials"}) {
      INFO(when);
      std::string again;
      auto same = query::ParseQuery(text, {.now_ns = now_ns_});
      REQUIRE(Run(std::move(*same), blocks, options, &again).ok());
      if (text.find("sample") == std::string::npos && text.find("rand()") == std::string::npos)
        CHECK(again == out);
    }
    std::vector<std::string> lines;
    std::istringstream stream(out);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  static Status Run(query::Query query, std::shared_ptr<const TestBlockSet> blocks,
                    const query::ExecuteOptions& options, std::string* out) {
    query::Execution execution(std::move(query), std::move(blocks), options);
    for (bool more = true; more;) {
      NL_TRY(more, execution.Next(/*bytes_target=*/64, out));
    }
    return {};
  }

  void Rewrite() const {
    std::ofstream file(path_);
    bool is_first = true;
    for (const Part& part : parts_) {
      if (!is_first) file << '\n';
      is_first = false;
      for (const std::string& line : part.comments) file << line << '\n';
      if (part.command.empty()) continue;
      file << part.command << '\n';
      for (const std::string& line : part.body) file << line << '\n';
      if (!part.has_expected) continue;
      file << "----\n";
      for (const std::string& line : part.expected) file << line << '\n';
    }
  }

  const std::string path_;
  std::vector<Part> parts_;
  std::vector<TestRecord> records_;
  int64_t now_ns_ = 0;
};

}  // namespace neurallog::testing
