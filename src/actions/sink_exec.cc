// Runs a program of the server's allow-list; off while the list is empty. The notice is its standard
// input. Exit code 0 is a delivery, anything else is tried again.
//
// Configuration: program (exactly as the list has it); args (list of templates); timeout.
#include <algorithm>

#include "actions/blocking_sink.h"
#include "actions/child_process.h"
#include "actions/http_sink.h"
#include "actions/sink_table.h"
#include "base/json_text.h"

namespace neurallog::actions {
namespace {

constexpr size_t kArgsMax = 50;
constexpr size_t kArgBytesMax = 8 << 10;

class ExecSink : public BlockingSink {
 public:
  ExecSink(SinkHost* host, int64_t timeout_ns, std::string program, std::vector<Template> args)
      : BlockingSink(host, timeout_ns), program_(std::move(program)), args_(std::move(args)) {}

  std::string endpoint() const override { return "exec://" + program_; }
  Result<std::string> Preview(std::string_view notice) const override {
    NL_TRY(const std::vector<std::string> args, Args(notice));
    std::string command = program_;
    for (const std::string& arg : args) base::AppendJsonString(&command.append(" "), arg);
    return command;
  }

 protected:
  Outcome Run(const Attempt& attempt, int64_t deadline_ns) override {
    Result<std::vector<std::string>> args = Args(attempt.notice);
    if (!args.ok()) return OutcomeOfError(args.status());
    ChildProgram child;
    child.path = program_;
    child.args = std::move(args).value();
    child.environment = {"NEURALLOG_DELIVERY_ID=" + std::string(attempt.delivery_id),
                         "NEURALLOG_ATTEMPT=" + std::to_string(attempt.number)};
    child.input = attempt.notice;
    child.deadline_ns = deadline_ns;
    child.cancelled = host().stopping;
    const Result<ChildResult> ended = RunChild(child);
    if (!ended.ok()) return OutcomeOfError(ended.status());
    Outcome outcome;
    outcome.answer = ended->output;
    if (ended->exit_code == 0) return outcome;
    outcome.kind = Outcome::Kind::kRetry;
    outcome.error = "the program ended with " + std::to_string(ended->exit_code);
    return outcome;
  }

 private:
  Result<std::vector<std::string>> Args(std::string_view notice_json) const {
    NL_TRY(const base::JsonValue notice, base::ParseJson(notice_json));
    std::vector<std::string> args;
    for (const Template& arg : args_) {
      NL_TRY(std::string text, arg.Render(notice));
      if (text.size() > kArgBytesMax || text.find('\0') != std::string::npos)
        return TooLarge("an argument is longer than " + std::to_string(kArgBytesMax) +
                        " bytes or has a zero byte");
      args.push_back(std::move(text));
    }
    return args;
  }

  const std::string program_;
  const std::vector<Template> args_;
};

}  // namespace

MadeSink MakeExecSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_RETURN_IF_ERROR(CheckBlocking(*host));
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(std::string program, from.Required("program"));
  const auto& allowed = host->programs;
  if (std::find(allowed.begin(), allowed.end(), program) == allowed.end())
    return PermissionDenied("config.program: " + program +
                            " is not on the server's list (actions.exec_programs)");
  NL_TRY(const std::vector<std::string> texts, from.Texts("args"));
  if (texts.size() > kArgsMax)
    return InvalidArgument("config.args: more than " + std::to_string(kArgsMax));
  std::vector<Template> args;
  for (const std::string& text : texts) {
    NL_TRY(Template arg, Template::Compile(text, Escape::kText));
    args.push_back(std::move(arg));
  }
  NL_TRY(const int64_t timeout_ns, from.TimeoutNs());
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(
      std::make_unique<ExecSink>(host, timeout_ns, std::move(program), std::move(args)));
}

}  // namespace neurallog::actions
