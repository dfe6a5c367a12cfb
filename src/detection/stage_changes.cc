// What others want of the rule stage: done by its thread, when all that came before was evaluated.
#include "base/log.h"
#include "detection/stage.h"

namespace neurallog::detection {

Status Stage::Submit(uint64_t after_lsn, std::function<Status()> work) {
  std::future<Status> done;
  {
    base::MutexLock lock(mutex_);
    if (stopped_) return Unavailable("rules do not run: the server is read-only or stops");
    commands_.push_back({after_lsn, std::move(work), {}});
    done = commands_.back().done.get_future();
  }
  queue_->Wake();
  return done.get();
}

bool Stage::RunCommands() {
  while (true) {
    Command command;
    {
      base::MutexLock lock(mutex_);
      if (commands_.empty()) return false;
      if (position_.lsn <= commands_.front().after_lsn) return true;
      command = std::move(commands_.front());
      commands_.pop_front();
    }
    command.done.set_value(command.work());
  }
}

void Stage::RefuseCommands() {
  base::MutexLock lock(mutex_);
  stopped_ = true;
  for (Command& command : commands_)
    command.done.set_value(Unavailable("the server is shutting down"));
  commands_.clear();
}

// What was not published to the queue, because the tenant had no rules, is durable when `durable_lsn` is read.
Status Stage::Apply(TenantId tenant, storage::MetaChange change,
                    std::shared_ptr<const CompiledRules> rules) {
  {
    base::MutexLock lock(mutex_);
    if (stopped_) return Unavailable("rules do not run: the server is read-only or stops");
    if (tenants_ == 0 && applying_ == 0) needed_from_ = host_.delivered_lsn();
    ++applying_;
  }
  const Status status = Submit(host_.durable_lsn(), [&]() -> Status {
    if (!rules) {
      MatchStore::AddState(tenant, {}, &change);
      NL_RETURN_IF_ERROR(alerts_->Open(tenant, nullptr, clock_->WallNs()));
      alerts_->SetRules(tenant, nullptr, clock_->WallNs());
      NL_RETURN_IF_ERROR(Commit(std::move(change)));
      EndRunner(tenant);
      alerts_->Close(tenant);
    } else {
      NL_RETURN_IF_ERROR(Change(tenant, std::move(change), std::move(rules)));
    }
    CountTenants();
    return {};
  });
  base::MutexLock lock(mutex_);
  --applying_;
  return status;
}

// The state of rules that stay as they are is written with the change, so that nothing is replayed across it.
Status Stage::Change(TenantId tenant, storage::MetaChange change,
                     std::shared_ptr<const CompiledRules> rules) {
  if (alerts_->HasLive(tenant)) NL_RETURN_IF_ERROR(RunnerOf(tenant).status());
  auto state = std::make_unique<rules::RuleState>(rules->plan());
  NL_RETURN_IF_ERROR(AdoptState(tenant, state.get()));
  NL_RETURN_IF_ERROR(alerts_->Open(tenant, rules.get(), clock_->WallNs()));
  MatchStore::AddState(
      tenant, {position_, rules->plan()->stateful().empty() ? "" : state->Encode()}, &change);
  NL_RETURN_IF_ERROR(Commit(std::move(change)));
  Runner& runner = runners_[tenant];
  SetRules(&runner, std::move(rules), std::move(state));
  runner.since = runner.written = position_;
  runner.used_ns = clock_->MonotonicNs();
  runner.is_changed = false;
  alerts_->SetRules(tenant, runner.rules.get(), clock_->WallNs());
  if (const Status status = CommitPending(); !status.ok())  // again with what comes next
    base::LogWarn("alerts cannot be written", {{"error", status.ToString()}});
  return {};
}

Status Stage::Exchange(TenantId tenant, std::shared_ptr<const CompiledRules> rules) {
  return Submit(0, [&]() -> Status {
    const auto found = runners_.find(tenant);
    if (found == runners_.end() || !found->second.rules) return {};
    if (found->second.rules->plan() != rules->plan()) return Conflict("the rules have changed");
    SetRules(&found->second, std::move(rules), std::move(found->second.state));
    return {};
  });
}

Status Stage::Forget(TenantId tenant) {
  return Submit(0, [this, tenant] {
    EndRunner(tenant);
    CountTenants();
    NL_RETURN_IF_ERROR(alerts_->Forget(tenant));
    return matches_->Forget(tenant);
  });
}

Status Stage::Obey(TenantId tenant, const AlertId& id, const AlertOrder& order) {
  return Submit(0, [&]() -> Status {
    NL_RETURN_IF_ERROR(RunnerOf(tenant).status());
    NL_RETURN_IF_ERROR(alerts_->Obey(tenant, id, order));
    return Commit({});
  });
}

Result<std::map<std::string, RuleCounts>> Stage::Counts(TenantId tenant) {
  std::map<std::string, RuleCounts> counts;
  NL_RETURN_IF_ERROR(Submit(0, [&] {
    const auto found = runners_.find(tenant);
    if (found != runners_.end()) AddCounts(found->second, &counts);
    return Status();
  }));
  return counts;
}

void Stage::CountTenants() {
  base::MutexLock lock(mutex_);
  tenants_ = runners_.size();
}

uint64_t Stage::needed_from() const {
  base::MutexLock lock(mutex_);
  return tenants_ + applying_ > 0 ? needed_from_ : UINT64_MAX;
}

}  // namespace neurallog::detection
