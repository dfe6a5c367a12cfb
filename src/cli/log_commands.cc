#include "cli/log_commands.h"

#include <unistd.h>

#include <map>

#include "cli/admin.h"
#include "cli/log_options.h"
#include "cli/log_work.h"

namespace neurallog::cli {
namespace {

// What the options are read into; lives as long as the program.
struct LogValues {
  LogTarget target;
  OutputOptions output;
  SearchOptions search;
  StatsOptions stats;
  TailOptions tail;
  ExportOptions exported;
  ImportOptions import;
  std::string shell;
};

using Run = std::function<int()>;

const std::map<std::string, OutputForm> kFileForms = {{"json", OutputForm::kJson},
                                                      {"csv", OutputForm::kCsv}};
void AddTimes(CLI::App* command, SearchOptions* search) {
  command->add_option("--start", search->start,
                      "Not older than this: 2025-06-01T12:00, or 3h for three hours ago");
  command->add_option("--end", search->end, "Not younger, likewise; what it names is included");
  command->add_option("--timeout", search->timeout, "Give up after this time, such as 10s");
}

void AddRetries(CLI::App* command, int* retries, const std::string& what) {
  command->add_option("--retries", *retries, what)
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

int QueryOrPrompt(const LogValues& values) {
  if (!values.search.query.empty()) return Query(values.target, values.search, values.output);
  if (isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1)
    return Prompt(values.target, values.search, values.output);
  return Finish(InvalidArgument("a query is needed where there is no terminal; '*' finds all"));
}

void AddQuery(CLI::App* app, LogValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(app, "query", "Search logs; without a query on a terminal: a prompt",
                 "  neurallog query 'level:error timeout' --start 1h\n"
                 "  neurallog query '* | stats by (source) count() logs' -o csv\n"
                 "  neurallog query 'payment failed' --data-dir /var/lib/neurallog");
  command->add_option("query", values->search.query, "LogsQL");
  AddTimes(command, &values->search);
  command->add_option("--limit", values->search.limit, "At most so many rows; 0: all");
  command->add_option("--order", values->search.order, "asc or desc, by time");
  AddServer(command, &values->target);
  AddFolder(command, &values->target);
  AddOutput(command, &values->output);
  command->callback([=] { *run = [values] { return QueryOrPrompt(*values); }; });
}

void AddStats(CLI::App* app, LogValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(app, "stats", "Count logs, or compute a statistic, by fields",
                 "  neurallog stats error --by source,level --start 1d\n"
                 "  neurallog stats --by source --function 'quantile(0.99, metadata.took_ms)'");
  StatsOptions* const stats = &values->stats;
  command->add_option("query", stats->search.query, "Which logs, as LogsQL; else all");
  command->add_option("--by", stats->by, "Fields to group by")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  command->add_option("--function", stats->function, "A function of stats")->capture_default_str();
  AddTimes(command, &stats->search);
  command->add_option("--limit", stats->search.limit, "At most so many groups, the largest");
  AddServer(command, &values->target);
  AddFolder(command, &values->target);
  AddOutput(command, &values->output);
  command->callback(
      [=] { *run = [values] { return Stats(values->target, values->stats, values->output); }; });
}

void AddTail(CLI::App* app, LogValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(app, "tail", "Show logs as they come; goes on when the connection breaks",
                 "  neurallog tail level:error --start 5m\n"
                 "  neurallog tail 'source:checkout | fields message' -o json | jq .message");
  TailOptions* const tail = &values->tail;
  command->add_option("query", tail->query, "LogsQL; pipes must work row by row");
  command->add_option("--start", tail->start, "First what is stored of this time, such as 5m");
  command->add_option("--cursor", tail->cursor, "Go on behind this event");
  command->add_option("--events", tail->events_max, "End after so many");
  AddRetries(command, &tail->retries, "Tries, in a row, when the connection breaks");
  AddServer(command, &values->target);
  AddOutput(command, &values->output);
  command->callback(
      [=] { *run = [values] { return Tail(values->target, values->tail, values->output); }; });
}

void AddLogExport(CLI::App* app, LogValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(app, "export", "Write all logs that match, oldest first",
                 "  neurallog export --start 2025-06 --end 2025-06 --to june.ndjson.zst\n"
                 "  neurallog export 'level:error | fields timestamp, message' --to errors.csv\n"
                 "An export to a file that was ended goes on when it is started again.");
  ExportOptions* const exported = &values->exported;
  command->add_option("query", exported->search.query, "Which logs, as LogsQL; else all");
  command->add_option("--to", exported->file, "The file; .gz and .zst compress it");
  command->add_option("-o,--output", exported->form, "json (a row a line) or csv")
      ->transform(CLI::CheckedTransformer(kFileForms))
      ->option_text("FORM");
  AddTimes(command, &exported->search);
  command->add_option("--after", exported->after, "Begin behind this time");
  command->add_option("--page", exported->page_records, "Records in a request")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddRetries(command, &exported->retries, "Of a request");
  command->add_flag("!--no-resume", exported->resume, "Begin at the beginning");
  AddServer(command, &values->target);
  AddFolder(command, &values->target);
  command->callback([=] { *run = [values] { return Export(values->target, values->exported); }; });
}

void AddLogImport(CLI::App* app, LogValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(app, "import", "Send files of logs: NDJSON, CSV or plain lines; gzip and zstd too",
                 "  neurallog import app.ndjson.gz --server https://logs.example.com\n"
                 "  journalctl -o cat | neurallog import - --format text --source journal\n"
                 "An import of files that was ended goes on when it is started again.");
  ImportOptions* const import = &values->import;
  command->add_option("files", import->files, "Files; - is standard input")->required();
  command->add_option("--format", import->format, "ndjson, csv or text; else by name and content")
      ->check(CLI::IsMember({"ndjson", "csv", "text"}));
  command->add_option("--source", import->source,
                      "The source of plain lines, and of CSV records that name none");
  command->add_option("--batch", import->batch_records, "Records in a request")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  AddRetries(command, &import->retries, "Of a request");
  command->add_flag("!--no-resume", import->resume, "Begin at the beginning");
  AddServer(command, &values->target);
  command->callback([=] { *run = [values] { return Import(values->target, values->import); }; });
}

void AddCompletions(CLI::App* app, LogValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(app, "completions", "Print a script that completes commands and options",
                 "  neurallog completions bash > /etc/bash_completion.d/neurallog\n"
                 "  neurallog completions zsh > ~/.zfunc/_neurallog\n"
                 "  neurallog completions fish > ~/.config/fish/completions/neurallog.fish");
  command->add_option("shell", values->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([=] {
    *run = [=] {
      std::fputs(CompletionScript(*app, values->shell).c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace

void AddLogCommands(CLI::App* app, std::function<int()>* run) {
  static LogValues values;
  for (const auto add : {AddQuery, AddStats, AddTail, AddLogExport, AddLogImport, AddCompletions})
    add(app, &values, run);
}

}  // namespace neurallog::cli
