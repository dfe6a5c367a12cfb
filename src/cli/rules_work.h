// What the commands of `neurallog rules` do. Each returns the exit code: 0 done, 1 failed, or the rules are not right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/log_source.h"
#include "cli/row_printer.h"

namespace neurallog::cli {

struct RuleFilesOptions {
  std::vector<std::string> files;  // or folders
  std::string lists;               // a file with the values of %lists%; empty: there are none
};

// All that is wrong with the rules, as path:line:column: message, or as rows.
int LintRules(const RuleFilesOptions& options, const OutputOptions& output);

// The tests inside of the rules; with `records`, a file of NDJSON: the matches of the rules in these records.
int TestRules(const RuleFilesOptions& options, const std::string& records,
              const OutputOptions& output);

// Sigma's rules as ours, on standard output.
int ConvertRules(const std::vector<std::string>& files);

struct BacktestArguments {
  std::vector<std::string> ids;
  std::vector<std::string> files;
  std::string start, end, step, samples;  // as the server takes them; empty: its default
  std::string show = "rules";             // or buckets, or samples
};
int BacktestRules(const LogTarget& target, const BacktestArguments& arguments,
                  const OutputOptions& output);

// `pack` empty: rules of the key's tenant; else the files become the pack of that name.
int ImportRules(const LogTarget& target, const std::vector<std::string>& files,
                const std::string& pack, bool dry_run);
// The tenant's subscription to the pack is without these rules (ids).
int SubscribeToPack(const LogTarget& target, const std::string& pack,
                    const std::vector<std::string>& without);
int UnsubscribeFromPack(const LogTarget& target, const std::string& pack);
int ListPacks(const LogTarget& target, const OutputOptions& output);
// `file` empty: standard output.
int ExportRules(const LogTarget& target, const std::string& file);

}  // namespace neurallog::cli
