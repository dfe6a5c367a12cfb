// The rule stage's rules at work: loaded, measured and unloaded, by tenant.
#include <algorithm>

#include "base/log.h"
#include "base/spare_memory.h"
#include "detection/stage.h"

namespace neurallog::detection {

Status Stage::LoadStates() {
  for (auto& [tenant, runner] : runners_) {
    if (runner.rules) continue;
    NL_TRY(const StoredState stored, matches_->ReadState(tenant));
    const bool waits = !stored.bytes.empty() && rules::RuleState::Waits(stored.bytes);
    if (waits || alerts_->HasLive(tenant)) NL_RETURN_IF_ERROR(LoadRunner(tenant, &runner));
  }
  are_states_loaded_ = true;
  return {};
}

// One round may load the rules of many tenants: what is too much goes at once.
Result<Stage::Runner*> Stage::RunnerOf(TenantId tenant) {
  const auto found = runners_.find(tenant);
  if (found == runners_.end()) return nullptr;
  Runner* const runner = &found->second;
  if (runner->rules) return runner;
  NL_RETURN_IF_ERROR(LoadRunner(tenant, runner));
  metrics_->compiled_bytes += static_cast<int64_t>(runner->rules->memory_bytes());
  const auto is_too_much = [this] {
    return static_cast<size_t>(metrics_->compiled_bytes.load()) > options_.compiled_bytes_max;
  };
  if (is_too_much()) UnloadIdle(runner->used_ns - 1);  // not this one
  if (is_too_much() && runner->used_ns - made_room_ns_ >= base::kNsPerSecond) {
    made_room_ns_ = runner->used_ns;
    Write(/*all_states=*/true);  // what is not written cannot go
    UnloadIdle(runner->used_ns - 1);
  }
  return runner;
}

Status Stage::LoadRunner(TenantId tenant, Runner* runner) {
  NL_TRY(auto rules, load_(tenant));
  NL_RETURN_IF_ERROR(alerts_->Open(tenant, rules.get(), clock_->WallNs()));
  auto state = std::make_unique<rules::RuleState>(rules->plan());
  SetRules(runner, std::move(rules), std::move(state));
  runner->used_ns = clock_->MonotonicNs();
  return RestoreState(tenant, runner);
}

// A rule that looks at single records needs none from before the place up to which all was reported, but for its alerts.
Status Stage::RestoreState(TenantId tenant, Runner* runner) {
  runner->since = reported_;
  if (!runner->has_state() && !alerts_->HasLive(tenant)) return {};
  NL_TRY(const StoredState stored, matches_->ReadState(tenant));
  runner->since = runner->written = stored.until;
  Decode(tenant, stored.bytes, runner->state.get());
  return {};
}

// What is not in memory is stored as it is.
Status Stage::AdoptState(TenantId tenant, rules::RuleState* state) {
  const auto found = runners_.find(tenant);
  if (found == runners_.end()) return {};
  if (found->second.rules) return state->Decode(found->second.state->Encode());
  NL_TRY(const StoredState stored, matches_->ReadState(tenant));
  Decode(tenant, stored.bytes, state);
  return {};
}

void Stage::Decode(TenantId tenant, std::string_view bytes, rules::RuleState* state) {
  const Status status = bytes.empty() ? Status() : state->Decode(bytes);
  if (!status.ok())
    base::LogError(
        "windows and sequences of a tenant's rules begin anew",
        {{"tenant", std::to_string(static_cast<uint32_t>(tenant))}, {"error", status.ToString()}});
}

bool Stage::CanUnload(TenantId tenant, const Runner& runner) const {
  return runner.rules && !runner.is_changed && !runner.state->waits() && !alerts_->HasLive(tenant);
}

void Stage::UnloadIdle(int64_t now_ns) {
  if (alerts_->is_changed()) return;        // they could not be written
  std::multimap<int64_t, TenantId> by_use;  // those that can go
  size_t bytes = 0;
  std::map<const CompiledRules*, int> users;  // of rules that tenants share
  for (auto& [tenant, runner] : runners_) {
    if (!runner.rules) continue;
    if (++users[runner.rules.get()] == 1) bytes += runner.rules->memory_bytes();
    if (now_ns - runner.used_ns >= options_.stay_ns && CanUnload(tenant, runner))
      by_use.emplace(runner.used_ns, tenant);
  }
  for (const auto& [used_ns, tenant] : by_use) {
    const bool is_idle = options_.idle_ns > 0 && now_ns - used_ns >= options_.idle_ns;
    if (!is_idle && bytes <= options_.compiled_bytes_max) break;
    Runner* const runner = &runners_[tenant];
    if (--users[runner->rules.get()] == 0) bytes -= runner->rules->memory_bytes();
    Unload(tenant, runner);
  }
  metrics_->compiled_bytes = static_cast<int64_t>(bytes);
}

void Stage::Unload(TenantId tenant, Runner* runner) {
  Runner unloaded;
  AddCounts(*runner, &unloaded.counts);
  std::erase_if(unloaded.counts,
                [](const auto& of) { return of.second.evaluated + of.second.matched == 0; });
  metrics_->rules -= static_cast<int64_t>(runner->rules->ready());
  metrics_->unloads.Add();
  *runner = std::move(unloaded);
  alerts_->Close(tenant);
  host_.on_unload(tenant);
}

void Stage::SetRules(Runner* runner, std::shared_ptr<const CompiledRules> rules,
                     std::unique_ptr<rules::RuleState> state) {
  std::map<std::string, RuleCounts> counts;
  AddCounts(*runner, &counts);
  const size_t before = runner->rules ? runner->rules->ready() : 0;
  metrics_->rules += static_cast<int64_t>(rules->ready()) - static_cast<int64_t>(before);
  runner->state = std::move(state);
  runner->matcher = std::make_unique<rules::Matcher>(rules->set());
  runner->watch.RulesChanged();
  runner->costs.RulesChanged();
  runner->fired.assign(rules->plan()->rules().size(), {});
  runner->counts.clear();
  for (auto& [id, of] : counts)
    if (rules->Find(id) != nullptr) runner->counts.emplace(id, of);
  runner->rules = std::move(rules);
}

void Stage::AddCounts(const Runner& runner, std::map<std::string, RuleCounts>* counts) {
  *counts = runner.counts;
  if (!runner.rules) return;
  for (uint32_t place = 0; place < runner.matcher->set().rules(); ++place) {
    RuleCounts& of = (*counts)[runner.rules->of_set(place).id];
    of.evaluated += runner.matcher->counts(place).evaluated;
    of.timed_ns += runner.matcher->counts(place).timed_ns;
  }
  for (uint32_t rule = 0; rule < runner.fired.size(); ++rule) {
    RuleCounts& of = (*counts)[runner.rules->of_firing(rule).id];
    of.timed_rows += runner.matcher->timed_rows();
    of.matched += runner.fired[rule].matched;
    of.last_match_ns = std::max(of.last_match_ns, runner.fired[rule].last_match_ns);
    if (runner.state) of.state = runner.state->counts(rule);
  }
}

void Stage::EndRunner(TenantId tenant) {
  const auto found = runners_.find(tenant);
  if (found == runners_.end()) return;
  if (found->second.rules) metrics_->rules -= static_cast<int64_t>(found->second.rules->ready());
  runners_.erase(found);
}

void Stage::LookAtCosts() {
  if (options_.rule_ns_max == 0) return;
  for (auto& [tenant, runner] : runners_) {
    if (!runner.rules) continue;
    auto slow = runner.costs.Look(*runner.rules, *runner.matcher, options_.rule_ns_max);
    if (!slow.empty()) host_.on_slow(tenant, std::move(slow));
  }
}

void Stage::LookAtMemory(int64_t now_ns) {
  if (now_ns - measured_ns_ >= 50 * measure_cost_ns_) {
    MeasureStates();
    measured_ns_ = clock_->MonotonicNs();
    measure_cost_ns_ = measured_ns_ - now_ns;
  }
  if (options_.spare_memory == nullptr) return;
  const size_t held =
      static_cast<size_t>(metrics_->state_bytes.load() + metrics_->compiled_bytes.load()) +
      queue_->bytes();
  if (held > held_bytes_) options_.spare_memory->Take(held - held_bytes_);
  else options_.spare_memory->GiveBack(held_bytes_ - held);
  held_bytes_ = held;
}

void Stage::MeasureStates() {
  size_t bytes = 0, most = 0;
  Runner* largest = nullptr;
  for (auto& [tenant, runner] : runners_) {
    if (!runner.has_state()) continue;
    const size_t own = runner.state->memory_bytes();
    bytes += own;
    if (own <= most) continue;
    most = own;
    largest = &runner;
  }
  metrics_->state_bytes = static_cast<int64_t>(bytes);
  if (bytes <= options_.state_bytes_max) return;
  // Groups go in proportion to what is too much, at most all of the tenant with the most.
  const size_t groups = largest->state->groups();
  const size_t excess = bytes - options_.state_bytes_max;
  const size_t kept = excess >= most ? 0 : groups - groups * excess / most;
  for (size_t before = groups + 1;
       largest->state->groups() > kept && largest->state->groups() < before;) {
    before = largest->state->groups();
    largest->state->Evict();
  }
  largest->is_changed = true;
}

}  // namespace neurallog::detection
