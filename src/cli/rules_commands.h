// The commands of `neurallog rules`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace neurallog::cli {

// Adds them to the program; the one that the user chose sets *run.
void AddRulesCommands(CLI::App* app, std::function<int()>* run);

}  // namespace neurallog::cli
