#include <fmt/format.h>

#include "cli/admin.h"
#include "cli/rule_files.h"
#include "cli/rules_work.h"
#include "rules/native_yaml.h"
#include "rules/rule_parser.h"

namespace neurallog::cli {
namespace {

// Prints the document as one of ours. What is one already, and what has no form of ours, is an error.
Status Convert(const rules::Node& document) {
  const rules::Parsed parsed = rules::ParseRule(document, {});
  if (!parsed.problems.empty()) return InvalidArgument(parsed.problems[0].message);
  NL_TRY(const std::string yaml, rules::ToNativeYaml(document));
  fmt::print("---\n{}", yaml);
  return {};
}

Result<bool> Convert(const std::vector<std::string>& paths) {
  NL_TRY(const std::vector<RuleFile> files, ReadRuleFiles(paths));
  size_t failed = 0;
  for (const RuleFile& file : files) {
    const rules::Documents read = rules::ParseDocuments(file.text, {});
    for (const rules::Problem& problem : read.problems) {
      fmt::print(stderr, "{}:{}\n", file.path, ToString(problem));
      ++failed;
    }
    for (const rules::Node& document : read.documents) {
      const Status status = Convert(document);
      if (status.ok()) continue;
      fmt::print(stderr, "{}:{}: {}\n", file.path, document.at.line, status.message());
      ++failed;
    }
  }
  return failed == 0;
}

}  // namespace

int ConvertRules(const std::vector<std::string>& files) { return FinishCheck(Convert(files)); }

}  // namespace neurallog::cli
