// The commands that read and write logs: query, stats, tail, export, import, completions.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace neurallog::cli {

// Adds them to the program; the one that the user chose sets *run.
void AddLogCommands(CLI::App* app, std::function<int()>* run);

// A script that completes the program's commands and options, for bash, zsh or fish.
std::string CompletionScript(const CLI::App& app, const std::string& shell);

}  // namespace neurallog::cli
