#include "cli/actions_commands.h"

#include "cli/actions_work.h"
#include "cli/log_options.h"

namespace neurallog::cli {
namespace {

// What the options are read into; lives as long as the program.
struct ActionValues {
  LogTarget target;
  OutputOptions output;
  DeliveryFilter filter;
  std::string id;
  std::vector<std::string> ids;
  bool new_id = false;
};

using Run = std::function<int()>;

void AddFilter(CLI::App* command, DeliveryFilter* filter) {
  command->add_option("--action", filter->action, "Of this action, by id");
  command->add_option("--rule", filter->rule, "Of this rule, by id");
  command->add_option("--since", filter->since,
                      "Not older than this: 2025-06-01T12:00:00Z, or 3h for three hours ago");
  command->add_option("--until", filter->until, "Older than this, likewise");
}

void AddReason(CLI::App* command, DeliveryFilter* filter) {
  command->add_option("--reason", filter->reason,
                      "refused, exhausted, gone, no_action, disabled, outbox_full or unusable");
}

void AddListing(CLI::App* command, ActionValues* values) {
  command->add_option("--limit", values->filter.limit, "At most so many")->capture_default_str();
  AddServer(command, &values->target);
  AddFolder(command, &values->target);
  AddOutput(command, &values->output);
}

void AddActionTest(CLI::App* actions, ActionValues* values, Run* run) {
  CLI::App* const command = AddCommand(actions, "test", "Make one attempt with a sample, at once",
                                       "  neurallog actions test ops");
  command->add_option("id", values->id, "The action")->required();
  AddServer(command, &values->target);
  command->callback([=] { *run = [=] { return TestAction(values->target, values->id); }; });
}

void AddDeliveries(CLI::App* actions, ActionValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(actions, "deliveries", "List what was delivered or is to be, newest first",
                 "  neurallog actions deliveries --state retrying\n"
                 "  neurallog actions deliveries --action ops --since 1h -o json");
  command->add_option("--state", values->filter.state, "pending, retrying, delivered or dead");
  AddFilter(command, &values->filter);
  AddListing(command, values);
  command->callback([=] {
    *run = [=] { return ListDeliveries(values->target, values->filter, values->output); };
  });
}

void AddDeadLetters(CLI::App* actions, ActionValues* values, Run* run) {
  CLI::App* const command =
      AddCommand(actions, "dead-letters", "List what could not be delivered, newest first",
                 "  neurallog actions dead-letters --reason exhausted");
  AddFilter(command, &values->filter);
  AddReason(command, &values->filter);
  AddListing(command, values);
  command->callback([=] {
    *run = [=] { return ListDeadLetters(values->target, values->filter, values->output); };
  });
}

void AddReplay(CLI::App* actions, ActionValues* values, Run* run) {
  CLI::App* const command = AddCommand(actions, "replay", "Deliver dead letters after all",
                                       "  neurallog actions replay msg_187a...\n"
                                       "  neurallog actions replay --action ops --since 3h");
  command->add_option("ids", values->ids, "These; none: all that the options mean");
  AddFilter(command, &values->filter);
  AddReason(command, &values->filter);
  command->add_flag("--new-id", values->new_id,
                    "With other ids: to receivers that have seen them they are no duplicates");
  AddServer(command, &values->target);
  command->callback([=] {
    *run = [=] {
      return ReplayDeadLetters(values->target, values->ids, values->filter, values->new_id);
    };
  });
}

}  // namespace

void AddActionsCommands(CLI::App* app, std::function<int()>* run) {
  static ActionValues values;
  CLI::App* const actions =
      app->add_subcommand("actions", "Try actions, see and replay their deliveries")
          ->require_subcommand(1);
  for (const auto add : {AddActionTest, AddDeliveries, AddDeadLetters, AddReplay})
    add(actions, &values, run);
}

}  // namespace neurallog::cli
