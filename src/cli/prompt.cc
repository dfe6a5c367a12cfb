// The prompt of `neurallog query`: libedit reads lines, with history and completion.
#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cwchar>

#include "cli/admin.h"
#include "cli/completer.h"
#include "cli/log_work.h"
#include "cli/terminal.h"

namespace neurallog::cli {
namespace {

constexpr int kHistoryLines = 1000;
constexpr int kInterruptLookMs = 100;

std::string HistoryPath() {
  if (const char* const path = std::getenv("NEURALLOG_HISTORY")) return path;
  const char* const home = std::getenv("HOME");
  return home == nullptr ? std::string() : std::string(home).append("/.neurallog_history");
}

// A line editor on the terminal. Not thread-safe; one at a time.
class LineEditor {
 public:
  explicit LineEditor(const Completer* completer)
      : completer_(completer),
        path_(HistoryPath()),
        history_(history_init()),
        editor_(el_init("neurallog", stdin, stdout, stderr)) {
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!path_.empty()) history(history_, &event, H_LOAD, path_.c_str());
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &Prompt);
    el_set(editor_, EL_GETCFN, &GetKey);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_ADDFN, "complete", "complete a word", &Complete);
    el_set(editor_, EL_BIND, "^I", "complete", nullptr);
  }
  ~LineEditor() {
    history_end(history_);
    el_end(editor_);
  }
  LineEditor(const LineEditor&) = delete;

  // False at the end of the input. Ctrl-C gives the line up: it is empty then.
  bool Read(std::string* line) {
    el_resize(editor_);
    line->clear();
    int count = 0;
    const char* const text = el_gets(editor_, &count);
    if (text == nullptr || count <= 0) {
      fmt::print("\n");
      el_reset(editor_);
      return Interrupted().exchange(false);
    }
    line->assign(text, static_cast<size_t>(count));
    while (line->ends_with('\n') || line->ends_with(' ')) line->pop_back();
    if (!line->empty()) Remember(*line);
    return true;
  }

 private:
  static const char* Prompt(EditLine*) { return "logs> "; }

  // Waits for a key or Ctrl-C, also one that came after the prompt was written and before the wait.
  static int GetKey(EditLine*, wchar_t* key) {
    std::mbstate_t state{};
    for (char byte = 0;;) {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      while (!Interrupted() && poll(&input, 1, kInterruptLookMs) <= 0) continue;
      if (Interrupted()) return -1;
      if (const ssize_t count = read(STDIN_FILENO, &byte, 1); count <= 0)
        return static_cast<int>(count);
      const size_t length = std::mbrtowc(key, &byte, 1, &state);
      if (length <= 1) return 1;
      if (length == static_cast<size_t>(-1)) state = {};  // no UTF-8: passed over
    }
  }

  void Remember(const std::string& line) {
    HistEvent event;
    history(history_, &event, H_ENTER, line.c_str());
    if (!path_.empty()) history(history_, &event, H_SAVE, path_.c_str());
  }

  // One match is written out; several as far as they are alike, or they are listed.
  static unsigned char Complete(EditLine* editor, int) {
    LineEditor* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    const LineInfo* const line = el_line(editor);
    const std::string_view text(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    const std::vector<std::string> matches = self->completer_->Matches(text);
    if (matches.empty()) return CC_ERROR;
    std::string added = CommonBeginning(matches).substr(Completer::LastWord(text).size());
    if (matches.size() == 1) added.push_back(' ');
    if (added.empty()) {
      fmt::print("\n{}\n", fmt::join(matches, "  "));
      return CC_REDISPLAY;
    }
    return el_insertstr(editor, added.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }

  const Completer* const completer_;
  const std::string path_;
  History* const history_;
  EditLine* const editor_;
};

// The fields of the newest records.
void LearnFields(LogSource* source, Completer* completer) {
  const auto newest =
      source->Fetch(FormRequest("/v1/logs/search", {{"query", "*"}, {"limit", "100"}}));
  if (newest.ok()) completer->LearnFields(newest->body);
}

}  // namespace

int Prompt(const LogTarget& target, const SearchOptions& defaults, const OutputOptions& output) {
  const auto source = LogSource::Open(target);
  if (!source.ok()) return Finish(source.status());
  IgnoreClosedPipes();
  CatchInterrupts();
  std::setlocale(LC_CTYPE, "C.UTF-8");
  Completer completer;
  LearnFields(source->get(), &completer);
  fmt::print("LogsQL, one query a line. Tab completes, Ctrl-C stops a query, Ctrl-D ends.\n");
  std::fflush(stdout);
  LineEditor editor(&completer);
  for (std::string line; editor.Read(&line);) {
    if (line == "exit" || line == "quit") break;
    if (line.empty()) continue;
    SearchOptions search = defaults;
    search.query = line;
    Query(source->get(), search, output);
    Interrupted() = false;
  }
  return 0;
}

}  // namespace neurallog::cli
