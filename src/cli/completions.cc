// Completion scripts, made from the tree of commands that CLI11 holds: behind a command come its
// subcommands and options.
#include <fmt/format.h>

#include <algorithm>

#include "cli/log_commands.h"

namespace neurallog::cli {
namespace {

struct Word {
  std::string text;
  std::string help;
};

struct Command {
  std::string path;  // "neurallog key create"
  std::vector<Word> words;
};

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

void Collect(const CLI::App& app, const std::string& path, std::vector<Command>* all) {
  Command command{path, {}};
  for (const CLI::App* sub : app.get_subcommands(nullptr))
    command.words.push_back({sub->get_name(), FirstLine(sub->get_description())});
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      command.words.push_back({"--" + name, FirstLine(option->get_description())});
    for (const std::string& name : option->get_snames())
      command.words.push_back({"-" + name, FirstLine(option->get_description())});
  }
  all->push_back(std::move(command));
  for (const CLI::App* sub : app.get_subcommands(nullptr))
    Collect(*sub, fmt::format("{} {}", path, sub->get_name()), all);
}

std::string Escaped(const std::string& text, std::string_view special) {
  std::string escaped;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

// The cases that follow the words before the cursor along the tree; `variable` holds the way.
std::string PathCases(const std::vector<Command>& all, std::string_view variable) {
  std::string cases;
  for (size_t i = 1; i < all.size(); ++i)
    cases += fmt::format("      '{0}') {1}='{0}' ;;\n", all[i].path, variable);
  return cases;
}

std::string Bash(const std::vector<Command>& all) {
  std::string choices;
  for (const Command& command : all) {
    std::string words;
    for (const Word& word : command.words) words.append(" ").append(word.text);
    choices += fmt::format("    '{}') words='{}' ;;\n", command.path, words);
  }
  return fmt::format(
      "_neurallog() {{\n"
      "  local way=neurallog words='' i\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      "    case \"$way ${{COMP_WORDS[i]}}\" in\n"
      "{}"
      "    esac\n"
      "  done\n"
      "  case \"$way\" in\n"
      "{}"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n"
      "}}\n"
      "complete -o default -F _neurallog neurallog\n",
      PathCases(all, "way"), choices);
}

std::string Zsh(const std::vector<Command>& all) {
  std::string choices;
  for (const Command& command : all) {
    choices += fmt::format("    '{}') choices=(", command.path);
    for (const Word& word : command.words)
      choices +=
          fmt::format(" \"{}:{}\"", Escaped(word.text, "\"$`\\:"), Escaped(word.help, "\"$`\\"));
    choices.append(" ) ;;\n");
  }
  return fmt::format(
      "#compdef neurallog\n"
      "_neurallog() {{\n"
      "  local way=neurallog i\n"
      "  local -a choices\n"
      "  for ((i = 2; i < CURRENT; ++i)); do\n"
      "    case \"$way ${{words[i]}}\" in\n"
      "{}"
      "    esac\n"
      "  done\n"
      "  case \"$way\" in\n"
      "{}"
      "  esac\n"
      "  _describe neurallog choices || _files\n"
      "}}\n"
      "compdef _neurallog neurallog\n"
      "if [ \"$funcstack[1]\" = _neurallog ]; then _neurallog \"$@\"; fi\n",
      PathCases(all, "way"), choices);
}

std::string Fish(const std::vector<Command>& all) {
  std::string paths, choices;
  for (size_t i = 1; i < all.size(); ++i) paths += fmt::format(" '{}'", all[i].path);
  for (const Command& command : all)
    for (const Word& word : command.words)
      choices += fmt::format("complete -c neurallog -n \"__neurallog_is '{}'\" -a '{}' -d '{}'\n",
                             command.path, word.text, Escaped(word.help, "'\\"));
  return fmt::format(
      "function __neurallog_is\n"
      "  set -l way neurallog\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$way $word\"\n"
      "      case{}\n"
      "        set way \"$way $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$way\" = \"$argv\"\n"
      "end\n"
      "{}",
      paths, choices);
}

}  // namespace

std::string CompletionScript(const CLI::App& app, const std::string& shell) {
  std::vector<Command> all;
  Collect(app, "neurallog", &all);
  if (shell == "zsh") return Zsh(all);
  return shell == "fish" ? Fish(all) : Bash(all);
}

}  // namespace neurallog::cli
