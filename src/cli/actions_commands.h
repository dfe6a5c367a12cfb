// The commands of `neurallog actions`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace neurallog::cli {

// Adds them to the program; the one that the user chose sets *run.
void AddActionsCommands(CLI::App* app, std::function<int()>* run);

}  // namespace neurallog::cli
