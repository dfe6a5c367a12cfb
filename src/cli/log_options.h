// What the declarations of commands have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/log_source.h"
#include "cli/row_printer.h"

namespace neurallog::cli {

CLI::App* AddCommand(CLI::App* app, const std::string& name, const std::string& help,
                     const std::string& examples);
// --server, --key, --ca-file
void AddServer(CLI::App* command, LogTarget* target);
// --data-dir, --tenant
void AddFolder(CLI::App* command, LogTarget* target);
// --output, --color
void AddOutput(CLI::App* command, OutputOptions* output);

}  // namespace neurallog::cli
