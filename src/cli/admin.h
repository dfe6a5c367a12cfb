// What the administrative subcommands share: an engine on a folder, a call to a server, an exit code.
#pragma once

#include <functional>
#include <string>

#include "cli/commands.h"
#include "engine/engine.h"

namespace neurallog::cli {

// 0, or 1 with the message on stderr.
int Finish(const Status& status);
// Likewise of a check; 1 too when what was checked is not well.
int FinishCheck(const Result<bool>& is_well);

// Opens the folder as a server would, with as little ado as possible, and closes it again.
Status WithEngine(const std::string& data_dir, const std::function<Status(engine::Engine&)>& work);

// The body of the answer; an error when it is not 2xx.
Result<std::string> CallServer(const AdminTarget& target, const std::string& method,
                               const std::string& path, std::string body);

}  // namespace neurallog::cli
