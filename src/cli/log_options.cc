#include "cli/log_options.h"

#include <map>

namespace neurallog::cli {
namespace {

const std::map<std::string, OutputForm> kForms = {
    {"json", OutputForm::kJson}, {"csv", OutputForm::kCsv}, {"table", OutputForm::kTable}};
const std::map<std::string, ColorChoice> kColors = {
    {"auto", ColorChoice::kAuto}, {"always", ColorChoice::kAlways}, {"never", ColorChoice::kNever}};

}  // namespace

CLI::App* AddCommand(CLI::App* app, const std::string& name, const std::string& help,
                     const std::string& examples) {
  CLI::App* const command = app->add_subcommand(name, help);
  command->footer("Examples:\n" + examples);
  return command;
}

void AddServer(CLI::App* command, LogTarget* target) {
  command->add_option("--server", target->server, "The server")
      ->envname("NEURALLOG_SERVER")
      ->capture_default_str();
  command->add_option("--key", target->key, "A key of the tenant")->envname("NEURALLOG_KEY");
  command->add_option("--ca-file", target->ca_file, "https: certificates to trust (PEM)")
      ->check(CLI::ExistingFile);
}

void AddFolder(CLI::App* command, LogTarget* target) {
  command
      ->add_option("--data-dir", target->data_dir,
                   "Read this data folder instead; no server may have it open")
      ->check(CLI::ExistingDirectory);
  command->add_option("--tenant", target->tenant, "The tenant, with --data-dir")
      ->capture_default_str();
}

void AddOutput(CLI::App* command, OutputOptions* output) {
  command
      ->add_option("-o,--output", output->form,
                   "json (a row a line), csv or table; else lines on a terminal and json in a pipe")
      ->transform(CLI::CheckedTransformer(kForms))
      ->option_text("FORM");
  command->add_option("--color", output->color, "auto, always or never")
      ->transform(CLI::CheckedTransformer(kColors))
      ->option_text("WHEN");
}

}  // namespace neurallog::cli
