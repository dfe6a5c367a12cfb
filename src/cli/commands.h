// The subcommands. Each returns the exit code: 0 done, 1 failed, 2 wrong usage.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace neurallog::cli {

// `arguments` are --config, --listen, --data-dir and every option of the table.
int Serve(const std::vector<std::string>& arguments);
int CheckConfig(const std::vector<std::string>& arguments);
int PrintConfig(bool defaults, const std::vector<std::string>& arguments);
int PrintVersion();

// Where administration goes: to a data folder that no server has open, else to a running server.
struct AdminTarget {
  std::optional<std::string> data_dir;
  std::string server = "http://127.0.0.1:8080";
  std::string admin_key;  // for the server
};
int CreateTenant(const AdminTarget& target, const std::string& name);
int ListTenants(const AdminTarget& target);
int DeleteTenant(const AdminTarget& target, const std::string& name);
int CreateKey(const AdminTarget& target, const std::string& role, const std::string& tenant,
              const std::string& name);
int ListKeys(const AdminTarget& target);
int RevokeKey(const AdminTarget& target, const std::string& id);

// Backups in the folder `directory`; `id` empty: the newest, or all for VerifyBackups.
int CreateBackup(const AdminTarget& target, const std::string& directory);
int ListBackups(const std::string& directory);
int VerifyBackups(const std::string& directory, const std::string& id);
int RestoreBackup(const std::string& directory, const std::string& id, const std::string& data_dir);
int PruneBackups(const std::string& directory, size_t keep);

// Examines the folder and prints what is damaged. 0: nothing is (any more), 1: damage was found and is there still, 2: it cannot be examined.
int Examine(const std::string& data_dir, bool repair);

// For container health checks: 0 when the server answers /readyz with 200.
int HealthCheck(const std::string& server);

}  // namespace neurallog::cli
