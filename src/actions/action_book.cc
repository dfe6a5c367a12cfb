#include "actions/action_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_text.h"
#include "base/log.h"
#include "rules/alerting.h"

namespace neurallog::actions {
namespace {

constexpr std::string_view kPrefix = "action/";
constexpr size_t kSecretBytesMax = 4096;

std::string ActionName(std::string_view id) {
  return "action \"" + std::string(id.substr(0, 80)) + "\"";
}

std::string EndOf(std::string prefix) {
  prefix.back() = '/' + 1;
  return prefix;
}

Result<const SinkType*> TypeOf(std::string_view name) {
  if (const SinkType* const type = FindSinkType(name)) return type;
  std::string known;
  for (const SinkType& type : SinkTypes())
    known.append(known.empty() ? "" : ", ").append(type.name);
  return InvalidArgument(fmt::format("type \"{}\": expected one of {}", name.substr(0, 40), known));
}

Status CheckMember(const SinkType& type, std::string_view member) {
  for (const std::string_view name : type.secret_members)
    if (name == member) return {};
  return InvalidArgument(
      fmt::format("{} is no secret of type {}", member.substr(0, 40), type.name));
}

bool HasMember(const SinkType& type, std::string_view member) {
  return CheckMember(type, member).ok();
}

}  // namespace

std::string ActionBook::About(TenantId tenant, std::string_view id) const {
  return std::to_string(static_cast<uint32_t>(tenant)).append("/").append(id);
}

Status ActionBook::Load() {
  if (!options_.key_file.empty()) {
    NL_TRY(box_, SecretBox::Open(options_.key_file));
  }
  std::vector<std::pair<TenantId, StoredAction>> all;
  Status status;
  NL_RETURN_IF_ERROR(store_->ScanMeta(kPrefix, [&](std::string_view key, std::string_view value) {
    auto action = DecodeAction(value);
    if (!action.ok()) return static_cast<void>(status = action.status());
    const auto tenant = static_cast<TenantId>(
        std::strtoul(std::string(key.substr(kPrefix.size())).c_str(), nullptr, 10));
    all.emplace_back(tenant, std::move(*action));
  }));
  NL_RETURN_IF_ERROR(status);
  base::MutexLock lock(mutex_);
  for (const auto& [tenant, stored] : all) {
    auto compiled = CompileStored(tenant, stored);
    if (compiled.ok()) {
      actions_[tenant][stored.id] = *compiled;
      continue;
    }
    base::LogError("an action cannot be used",
                   {{"action", stored.id}, {"error", compiled.status().ToString()}});
    auto broken = std::make_shared<Action>();
    broken->tenant = tenant;
    broken->id = stored.id;
    broken->type = stored.settings.type;
    broken->enabled = stored.settings.enabled;
    broken->problem = compiled.status().ToString();
    actions_[tenant][stored.id] = std::move(broken);
  }
  return {};
}

Result<std::string> ActionBook::SecretsOf(TenantId tenant, const StoredAction& action) const {
  if (action.sealed_secrets.empty()) return std::string();
  if (!box_) return Unavailable("the server is read-only");
  return box_->Unseal(action.sealed_secrets, About(tenant, action.id));
}

Result<std::string> ActionBook::ShownConfig(TenantId tenant, const StoredAction& action) const {
  const auto secrets = SecretsOf(tenant, action);
  return HideSecrets(action.settings.config, secrets.ok() ? *secrets : std::string());
}

Result<std::shared_ptr<const Action>> ActionBook::CompileStored(TenantId tenant,
                                                                const StoredAction& stored) const {
  NL_TRY(const SinkType* const type, TypeOf(stored.settings.type));
  NL_TRY(const std::string secrets, SecretsOf(tenant, stored));
  NL_TRY(const std::string config, JoinSecrets(stored.settings.config, secrets));
  auto action = std::make_shared<Action>();
  NL_TRY(action->sink, type->make(tenant, config, host_));
  action->endpoint = action->sink->endpoint();
  action->tenant = tenant;
  action->id = stored.id;
  action->type = stored.settings.type;
  action->retry = stored.settings.retry;
  action->pace = stored.settings.pace;
  if (action->pace.per_second == 0) action->pace.per_second = action->sink->default_per_second();
  action->is_ordered = stored.settings.is_ordered;
  action->quiet = stored.settings.quiet;
  action->enabled = stored.settings.enabled;
  action->is_disabled_by_us = !stored.disabled_reason.empty();
  return std::shared_ptr<const Action>(std::move(action));
}

Status ActionBook::SetConfig(TenantId tenant, const std::string& config,
                             StoredAction* action) const {
  NL_TRY(const SinkType* const type, TypeOf(action->settings.type));
  // Secrets that cannot be read any more are replaced by those that are given.
  const auto old = SecretsOf(tenant, *action);
  NL_TRY(SplitConfig split, SplitSecrets(config, *type, old.ok() ? *old : std::string()));
  action->settings.config = std::move(split.open);
  action->sealed_secrets.clear();
  if (split.secrets.empty()) return {};
  if (!box_) return Unavailable("the server is read-only");
  NL_TRY(action->sealed_secrets, box_->Seal(split.secrets, About(tenant, action->id)));
  return {};
}

Status ActionBook::Check(const std::optional<StoredAction>& old, std::string_view id,
                         const Expectation& expectation) const {
  if (expectation.is_new && old) return Conflict(ActionName(id) + " exists");
  if (expectation.version && (!old || old->version != *expectation.version))
    return Conflict(ActionName(id) + " has changed; its version is " +
                    (old ? std::to_string(old->version) : "none"));
  return {};
}

Status ActionBook::CheckTimes(TenantId tenant, const Quiet& quiet) const {
  for (const auto* names : {&quiet.mute_times, &quiet.active_times})
    for (const std::string& id : *names)
      if (!noise_->Get(tenant, NoiseKind::kTimeInterval, id).ok())
        return InvalidArgument(fmt::format(
            "{}: time interval \"{}\" does not exist",
            names == &quiet.mute_times ? "mute_time_intervals" : "active_time_intervals",
            id.substr(0, 80)));
  return {};
}

std::optional<std::string> ActionBook::UserOf(TenantId tenant,
                                              std::string_view time_interval) const {
  base::MutexLock lock(mutex_);
  const auto of = actions_.find(tenant);
  if (of == actions_.end()) return std::nullopt;
  for (const auto& [id, action] : of->second)
    for (const auto* names : {&action->quiet.mute_times, &action->quiet.active_times})
      if (std::find(names->begin(), names->end(), time_interval) != names->end()) return id;
  return std::nullopt;
}

Result<StoredAction> ActionBook::Put(TenantId tenant, ActionDraft draft,
                                     const Expectation& expectation) {
  if (!rules::IsActionId(draft.id))
    return InvalidArgument("id \"" + draft.id.substr(0, 80) +
                           "\": expected 1 to 64 letters, digits, '_', '.' or '-'");
  NL_RETURN_IF_ERROR(CheckTimes(tenant, draft.settings.quiet));
  base::MutexLock lock(change_mutex_);
  std::optional<StoredAction> old;
  if (auto found = Get(tenant, draft.id); found.ok()) old = std::move(*found);
  else if (found.status().code() != Code::kNotFound) return found.status();
  NL_RETURN_IF_ERROR(Check(old, draft.id, expectation));
  if (!old) {
    base::MutexLock book_lock(mutex_);
    if (const auto of = actions_.find(tenant);
        of != actions_.end() && of->second.size() >= options_.actions_max)
      return ResourceExhausted(fmt::format("the tenant has {} actions already", of->second.size()));
  }
  StoredAction action = old.value_or(StoredAction());
  const std::string config = std::move(draft.settings.config);
  const bool is_same_type = old && old->settings.type == draft.settings.type;
  if (!is_same_type) action.sealed_secrets.clear();
  action.id = std::move(draft.id);
  action.settings = std::move(draft.settings);
  action.disabled_reason.clear();
  NL_RETURN_IF_ERROR(SetConfig(tenant, config, &action));
  action.version = old ? old->version + 1 : 1;
  action.updated_ns = clock_->WallNs();
  if (!old) action.created_ns = action.updated_ns;
  NL_TRY(auto compiled, CompileStored(tenant, action));
  NL_RETURN_IF_ERROR(Write(tenant, action, std::move(compiled)));
  return action;
}

Result<std::shared_ptr<const Action>> ActionBook::Compile(TenantId tenant,
                                                          ActionDraft draft) const {
  StoredAction action;
  if (!draft.id.empty())
    if (auto found = Get(tenant, draft.id);
        found.ok() && found->settings.type == draft.settings.type)
      action.sealed_secrets = found->sealed_secrets;
  action.id = draft.id.empty() ? "draft" : draft.id;
  const std::string config = std::move(draft.settings.config);
  action.settings = std::move(draft.settings);
  NL_RETURN_IF_ERROR(SetConfig(tenant, config, &action));
  return CompileStored(tenant, action);
}

Result<StoredAction> ActionBook::Change(TenantId tenant, std::string_view id,
                                        const Expectation& expectation, const Edit& edit) {
  base::MutexLock lock(change_mutex_);
  NL_TRY(StoredAction action, Get(tenant, id));
  NL_RETURN_IF_ERROR(Check(action, id, expectation));
  NL_RETURN_IF_ERROR(edit(&action));
  ++action.version;
  action.updated_ns = clock_->WallNs();
  NL_TRY(auto compiled, CompileStored(tenant, action));
  NL_RETURN_IF_ERROR(Write(tenant, action, std::move(compiled)));
  return action;
}

Result<StoredAction> ActionBook::SetEnabled(TenantId tenant, std::string_view id, bool enabled,
                                            const Expectation& expectation,
                                            std::string_view reason) {
  return Change(tenant, id, expectation, [&](StoredAction* action) {
    action->settings.enabled = enabled;
    action->disabled_reason = enabled ? std::string() : std::string(reason);
    return Status();
  });
}

Result<StoredAction> ActionBook::RotateSecret(TenantId tenant, std::string_view id,
                                              std::string_view member, std::string_view value,
                                              const Expectation& expectation) {
  if (value.empty() || value.size() > kSecretBytesMax)
    return InvalidArgument(fmt::format("secret: expected 1 to {} bytes", kSecretBytesMax));
  return Change(tenant, id, expectation, [&](StoredAction* action) -> Status {
    NL_TRY(const SinkType* const type, TypeOf(action->settings.type));
    NL_RETURN_IF_ERROR(CheckMember(*type, member));
    NL_TRY(const std::string secrets, SecretsOf(tenant, *action));
    NL_TRY(const base::JsonValue old, base::ParseJson(secrets.empty() ? "{}" : secrets));
    const std::string previous = std::string(member) + "_previous";
    std::string config = action->settings.config;
    const auto append = [&config](std::string_view name, std::string_view json) {
      config.pop_back();
      config.append(config.size() > 1 ? "," : "");
      base::AppendJsonString(&config, name);
      config.append(":").append(json).append("}");
    };
    for (const std::string& name : old.names())
      if (name != member && name != previous) append(name, base::ToJson(*old.Find(name)));
    if (const base::JsonValue* const former = old.Find(member);
        former != nullptr && HasMember(*type, previous))
      append(previous, base::ToJson(*former));
    std::string fresh;
    base::AppendJsonString(&fresh, value);
    append(member, fresh);
    return SetConfig(tenant, config, action);
  });
}

Status ActionBook::Write(TenantId tenant, const StoredAction& action,
                         std::shared_ptr<const Action> compiled) {
  NL_RETURN_IF_ERROR(store_->PutMeta(ActionKey(tenant, action.id), EncodeAction(action)));
  Enter(tenant, action.id, std::move(compiled));
  return {};
}

void ActionBook::Enter(TenantId tenant, const std::string& id,
                       std::shared_ptr<const Action> compiled) {
  {
    base::MutexLock lock(mutex_);
    if (compiled) actions_[tenant][id] = std::move(compiled);
    else actions_[tenant].erase(id);
  }
  if (on_change_) on_change_(tenant, id);
}

Status ActionBook::Delete(TenantId tenant, std::string_view id, const Expectation& expectation) {
  base::MutexLock lock(change_mutex_);
  NL_TRY(const StoredAction action, Get(tenant, id));
  NL_RETURN_IF_ERROR(Check(action, id, expectation));
  NL_RETURN_IF_ERROR(store_->DeleteMeta(ActionKey(tenant, id)));
  Enter(tenant, action.id, nullptr);
  return {};
}

Result<StoredAction> ActionBook::Get(TenantId tenant, std::string_view id) const {
  const Status missing = NotFound(ActionName(id) + " does not exist");
  if (!rules::IsActionId(id)) return missing;
  const auto bytes = store_->GetMeta(ActionKey(tenant, id));
  if (bytes.status().code() == Code::kNotFound) return missing;
  NL_RETURN_IF_ERROR(bytes.status());
  return DecodeAction(*bytes);
}

Result<std::vector<StoredAction>> ActionBook::List(TenantId tenant, std::string_view after,
                                                   size_t limit) const {
  std::vector<StoredAction> actions;
  Status status;
  if (limit == 0) return actions;
  const std::string prefix = ActionPrefix(tenant);
  std::string begin = ActionKey(tenant, after);
  if (!after.empty()) begin.push_back('\0');
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(begin, EndOf(prefix), storage::Store::Order::kAscending,
                                           [&](std::string_view, std::string_view value) {
                                             auto action = DecodeAction(value);
                                             if (!action.ok())
                                               return status = action.status(), false;
                                             actions.push_back(std::move(*action));
                                             return actions.size() < limit;
                                           }));
  NL_RETURN_IF_ERROR(status);
  return actions;
}

std::shared_ptr<const Action> ActionBook::Find(TenantId tenant, std::string_view id) const {
  if (id == kLogAction) return MakeLogAction(tenant);
  base::MutexLock lock(mutex_);
  const auto of = actions_.find(tenant);
  if (of == actions_.end()) return nullptr;
  const auto found = of->second.find(id);
  return found != of->second.end() ? found->second : nullptr;
}

std::shared_ptr<const Action> ActionBook::MakeLogAction(TenantId tenant) const {
  auto action = std::make_shared<Action>();
  action->tenant = tenant;
  action->id = kLogAction;
  action->type = "stream";
  action->retry.profile = RetryPolicy::Profile::kDurable;
  auto sink =
      FindSinkType(action->type)->make(tenant, R"({"message":"{{rule.name}}: {{reason}}"})", host_);
  if (!sink.ok()) return nullptr;
  action->sink = std::move(*sink);
  action->endpoint = action->sink->endpoint();
  return action;
}

void ActionBook::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  change->remove_ranges.emplace_back(ActionPrefix(tenant), EndOf(ActionPrefix(tenant)));
}

void ActionBook::Forget(TenantId tenant) {
  base::MutexLock lock(mutex_);
  actions_.erase(tenant);
}

}  // namespace neurallog::actions
