#include "cli/rules_commands.h"

#include "cli/log_options.h"
#include "cli/rules_work.h"

namespace neurallog::cli {
namespace {

// What the options are read into; lives as long as the program.
struct RuleValues {
  LogTarget target;
  OutputOptions output;
  RuleFilesOptions files;
  std::string records;
  BacktestArguments backtest;
  std::string to;
  std::string pack;
  std::vector<std::string> without;
  bool dry_run = false;
};

using Run = std::function<int()>;

void AddFiles(CLI::App* command, std::vector<std::string>* files) {
  command->add_option("files", *files, "Files of rules, or folders of these; - is standard input")
      ->required();
}

void AddLists(CLI::App* command, RuleValues* values) {
  command
      ->add_option("--lists", values->files.lists,
                   "A YAML or JSON file with the values of lists: name: [a, b]")
      ->check(CLI::ExistingFile);
}

void AddLint(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command = AddCommand(rules, "lint", "Say all that is wrong with files of rules",
                                       "  neurallog rules lint rules/ my-rule.yml\n"
                                       "  neurallog rules lint rules/ -o json | jq .message");
  AddFiles(command, &values->files.files);
  AddLists(command, values);
  AddOutput(command, &values->output);
  command->callback([=] { *run = [=] { return LintRules(values->files, values->output); }; });
}

void AddTest(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(rules, "test", "Run the tests inside of rules, or the rules on records of a file",
                 "  neurallog rules test rules/\n"
                 "  neurallog rules test brute.yml --records yesterday.ndjson.zst");
  AddFiles(command, &values->files.files);
  AddLists(command, values);
  command->add_option("--records", values->records,
                      "NDJSON in the order of time: print the matches in it instead");
  AddOutput(command, &values->output);
  command->callback(
      [=] { *run = [=] { return TestRules(values->files, values->records, values->output); }; });
}

void AddBacktest(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(rules, "backtest", "Say what rules would have found in stored logs",
                 "  neurallog rules backtest brute-force --start 30d\n"
                 "  neurallog rules backtest --file new.yml --start 7d --show buckets -o csv");
  BacktestArguments* const backtest = &values->backtest;
  command->add_option("ids", backtest->ids, "Rules of the server, by id");
  command->add_option("--file", backtest->files,
                      "Rules of files or folders, which need not be stored");
  command->add_option("--start", backtest->start,
                      "Not older than this: 2025-06-01T12:00, or 3h for three hours ago");
  command->add_option("--end", backtest->end, "Not younger, likewise; what it names is included");
  command->add_option("--step", backtest->step, "Of a bucket, such as 1h");
  command->add_option("--samples", backtest->samples, "Matches to keep of each rule");
  command->add_option("--show", backtest->show, "rules, buckets or samples")
      ->check(CLI::IsMember({"rules", "buckets", "samples"}))
      ->capture_default_str();
  AddServer(command, &values->target);
  AddFolder(command, &values->target);
  AddOutput(command, &values->output);
  command->callback(
      [=] { *run = [=] { return BacktestRules(values->target, *backtest, values->output); }; });
}

void AddImport(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(rules, "import", "Put rules of files into a server, as one change",
                 "  neurallog rules import sigma/rules --dry-run\n"
                 "  neurallog rules import my-rules.yml --server https://logs.example.com\n"
                 "  neurallog rules import sigma/rules --pack sigma");
  AddFiles(command, &values->files.files);
  command->add_option("--pack", values->pack,
                      "Make them the pack of this name, which tenants may subscribe to");
  command->add_flag("--dry-run", values->dry_run, "Only say what would happen");
  AddServer(command, &values->target);
  command->callback([=] {
    *run = [=] {
      return ImportRules(values->target, values->files.files, values->pack, values->dry_run);
    };
  });
}

void AddPacks(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(rules, "packs", "List the packs of rules of a server", "  neurallog rules packs");
  AddServer(command, &values->target);
  AddOutput(command, &values->output);
  command->callback([=] { *run = [=] { return ListPacks(values->target, values->output); }; });
}

void AddSubscribe(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command = AddCommand(
      rules, "subscribe", "Let the rules of a pack run on the tenant's logs",
      "  neurallog rules subscribe sigma --without 9f3a1f36-1f0e-4c5b-8b8a-0a1b2c3d4e5f");
  command->add_option("pack", values->pack, "Its name")->required();
  command->add_option("--without", values->without, "Rules that are not to run, by id");
  AddServer(command, &values->target);
  command->callback([=] {
    *run = [=] { return SubscribeToPack(values->target, values->pack, values->without); };
  });
}

void AddUnsubscribe(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command = AddCommand(rules, "unsubscribe", "End a subscription to a pack",
                                       "  neurallog rules unsubscribe sigma");
  command->add_option("pack", values->pack, "Its name")->required();
  AddServer(command, &values->target);
  command->callback(
      [=] { *run = [=] { return UnsubscribeFromPack(values->target, values->pack); }; });
}

void AddExport(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command = AddCommand(rules, "export", "Write all rules of a server as YAML",
                                       "  neurallog rules export --to rules.yml");
  command->add_option("--to", values->to, "The file; else standard output");
  AddServer(command, &values->target);
  AddFolder(command, &values->target);
  command->callback([=] { *run = [=] { return ExportRules(values->target, values->to); }; });
}

void AddConvert(CLI::App* rules, RuleValues* values, Run* run) {
  CLI::App* const command = AddCommand(rules, "convert", "Write Sigma's rules as rules of ours",
                                       "  neurallog rules convert sigma.yml > mine.yml");
  AddFiles(command, &values->files.files);
  command->callback([=] { *run = [=] { return ConvertRules(values->files.files); }; });
}

}  // namespace

void AddRulesCommands(CLI::App* app, std::function<int()>* run) {
  static RuleValues values;
  CLI::App* const rules =
      app->add_subcommand("rules", "Check, try, import, export and convert rules")
          ->require_subcommand(1);
  for (const auto add : {AddLint, AddTest, AddBacktest, AddImport, AddExport, AddConvert, AddPacks,
                         AddSubscribe, AddUnsubscribe})
    add(rules, &values, run);
}

}  // namespace neurallog::cli
