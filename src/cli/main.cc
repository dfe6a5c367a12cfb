// neurallog: the command line.
#include <CLI/CLI.hpp>

#include "cli/actions_commands.h"
#include "cli/commands.h"
#include "cli/log_commands.h"
#include "cli/rules_commands.h"
#include "neurallog/version.h"

// jemalloc reads this at start-up: freed memory goes back to the system after five seconds, by a thread of its own.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:5000";
}

namespace cli = neurallog::cli;

namespace {

void AddTarget(CLI::App* command, cli::AdminTarget* target) {
  command->add_option("--data-dir", target->data_dir,
                      "Work on this data folder; no server may have it open");
  command->add_option("--server", target->server, "Work through this running server")
      ->capture_default_str();
  command->add_option("--admin-key", target->admin_key, "An admin key of the server")
      ->envname("NEURALLOG_ADMIN_KEY");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"neurallog: the log server that acts"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string(neurallog::kVersion));

  CLI::App* serve = app.add_subcommand(
      "serve",
      "Run the server (--config FILE, --listen HOST:PORT, --data-dir DIR, --section-key=value)");
  serve->allow_extras();
  CLI::App* check = app.add_subcommand(
      "check-config", "Check the configuration and exit (same arguments as serve)");
  check->allow_extras();
  CLI::App* config = app.add_subcommand("config", "Print the configuration that serve would use");
  config->allow_extras();
  bool defaults = false;
  config->add_flag("--defaults", defaults, "Print every option with its default instead");
  CLI::App* version = app.add_subcommand("version", "Print the version");

  cli::AdminTarget target;
  std::string name, role = "readwrite", tenant, id;
  CLI::App* tenants =
      app.add_subcommand("tenant", "Create, list and delete tenants")->require_subcommand(1);
  CLI::App* tenant_create = tenants->add_subcommand("create", "Create a tenant");
  tenant_create->add_option("name", name, "Its name")->required();
  CLI::App* tenant_list = tenants->add_subcommand("list", "List the tenants");
  CLI::App* tenant_delete =
      tenants->add_subcommand("delete", "Delete a tenant with its keys and logs");
  tenant_delete->add_option("name", name, "Its name")->required();

  CLI::App* keys = app.add_subcommand("key", "Create, list and revoke keys")->require_subcommand(1);
  CLI::App* key_create =
      keys->add_subcommand("create", "Create a key and print it; it is shown only once");
  key_create->add_option("--tenant", tenant, "The tenant it belongs to; not for role admin");
  key_create->add_option("--role", role, "admin, readwrite, write or read")->capture_default_str();
  key_create->add_option("--name", name, "A note of what it is for");
  CLI::App* key_list = keys->add_subcommand("list", "List the keys");
  CLI::App* key_revoke = keys->add_subcommand("revoke", "Revoke a key");
  key_revoke->add_option("id", id, "Its id, as printed by list")->required();
  for (CLI::App* command :
       {tenant_create, tenant_list, tenant_delete, key_create, key_list, key_revoke})
    AddTarget(command, &target);

  CLI::App* backups = app.add_subcommand("backup", "Make, list, verify, restore and prune backups")
                          ->require_subcommand(1);
  std::string directory, restore_to;
  size_t keep = 0;
  const auto add_backup = [&](const char* command, const char* help) {
    CLI::App* const added = backups->add_subcommand(command, help);
    added->add_option("directory", directory, "The folder of the backups")->required();
    return added;
  };
  CLI::App* backup_create = add_backup("create", "Make a backup; only new files are copied");
  AddTarget(backup_create, &target);
  CLI::App* backup_list = add_backup("list", "List the backups");
  CLI::App* backup_verify = add_backup("verify", "Read a backup, or all, and check every byte");
  CLI::App* backup_restore =
      add_backup("restore", "Write a backup, or the newest, to a new folder");
  for (CLI::App* command : {backup_verify, backup_restore})
    command->add_option("id", id, "Its id, as printed by list");
  backup_restore->add_option("--data-dir", restore_to, "A folder that is empty or not there yet")
      ->required();
  CLI::App* backup_prune = add_backup("prune", "Remove all but the newest backups");
  backup_prune->add_option("--keep", keep, "How many to keep")
      ->required()
      ->check(CLI::PositiveNumber);

  CLI::App* doctor = app.add_subcommand(
      "doctor", "Check every byte of the data folder of a stopped server, and repair it");
  std::string examined;
  bool repair = false;
  doctor->add_option("--data-dir", examined, "The data folder")->required();
  doctor->add_flag("--repair", repair,
                   "Take out what is damaged; what was there goes to DIR/quarantine");

  CLI::App* health = app.add_subcommand("healthcheck", "Exit 0 when the server is ready");
  health->add_option("--server", target.server, "Its address")->capture_default_str();

  std::function<int()> run;
  cli::AddLogCommands(&app, &run);
  cli::AddRulesCommands(&app, &run);
  cli::AddActionsCommands(&app, &run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (run) return run();
  if (*serve) return cli::Serve(serve->remaining());
  if (*check) return cli::CheckConfig(check->remaining());
  if (*config) return cli::PrintConfig(defaults, config->remaining());
  if (*version) return cli::PrintVersion();
  if (*tenant_create) return cli::CreateTenant(target, name);
  if (*tenant_list) return cli::ListTenants(target);
  if (*tenant_delete) return cli::DeleteTenant(target, name);
  if (*key_create) return cli::CreateKey(target, role, tenant, name);
  if (*key_list) return cli::ListKeys(target);
  if (*key_revoke) return cli::RevokeKey(target, id);
  if (*backup_create) return cli::CreateBackup(target, directory);
  if (*backup_list) return cli::ListBackups(directory);
  if (*backup_verify) return cli::VerifyBackups(directory, id);
  if (*backup_restore) return cli::RestoreBackup(directory, id, restore_to);
  if (*backup_prune) return cli::PruneBackups(directory, keep);
  if (*doctor) return cli::Examine(examined, repair);
  if (*health) return cli::HealthCheck(target.server);
  return 2;
}
