// Actions that only fail: since when is kept over a start, and after too long the action is disabled, of which its tenant
// is told like of anything else that happens: by a delivery, into its own logs.
#include "actions/dispatcher.h"
#include "actions/notice.h"
#include "base/bytes.h"
#include "base/log.h"

namespace neurallog::actions {
namespace {

constexpr int64_t kNotedNs = 60 * base::kNsPerSecond;  // what is over sooner is not written down
constexpr std::string_view kFailingPrefix = "failing/";

std::string FailingPrefix(TenantId tenant) {
  return std::string(kFailingPrefix)
      .append(std::to_string(static_cast<uint32_t>(tenant)))
      .append("/");
}

}  // namespace

Status Dispatcher::FindFailing() {
  failing_.clear();
  return store_->ScanMeta(kFailingPrefix, [this](std::string_view key, std::string_view value) {
    key.remove_prefix(kFailingPrefix.size());
    const size_t slash = key.find('/');
    base::ByteReader reader(value);
    const auto since_ns = reader.ReadLe<int64_t>();
    if (slash == std::string_view::npos || !reader.ok()) return;
    const auto tenant =
        static_cast<TenantId>(std::strtoul(std::string(key.substr(0, slash)).c_str(), nullptr, 10));
    failing_[{tenant, std::string(key.substr(slash + 1))}] = since_ns;
  });
}

void Dispatcher::AddFailingRemoval(TenantId tenant, storage::MetaChange* change) {
  const std::string begin = FailingPrefix(tenant);
  std::string end = begin;
  end.back() = '/' + 1;
  change->remove_ranges.emplace_back(begin, end);
}

void Dispatcher::NoteFailing(TenantId tenant, const std::string& id, int64_t since_wall_ns) {
  const auto [noted, is_new] = failing_.try_emplace({tenant, id}, since_wall_ns);
  if (!is_new) return;
  std::string value;
  base::AppendLe(&value, since_wall_ns);
  change_.put.emplace_back(FailingPrefix(tenant).append(id), std::move(value));
}

void Dispatcher::ForgetFailing(TenantId tenant, const std::string& id) {
  if (failing_.erase({tenant, id}) > 0) change_.remove.push_back(FailingPrefix(tenant).append(id));
}

void Dispatcher::LookAtHealth(int64_t now_ns) {
  const int64_t wall_of_monotonic_ns = clock_->WallNs() - now_ns;
  for (const auto& [tenant, desk] : desks_) {
    for (const auto& [id, lane] : desk.lanes) {
      const int64_t since_ns = lane.failing_since_ns();
      if (since_ns == 0) ForgetFailing(tenant, id);
      else if (now_ns - since_ns >= kNotedNs)
        NoteFailing(tenant, id, since_ns + wall_of_monotonic_ns);
      if (lane.failing_ns() >= options_.failing_ns_max)
        Disable(*lane.action(), "nothing was delivered for too long");
    }
  }
}

// When its tenant's notice is written: so there is one, also when the process dies in between.
void Dispatcher::Disable(const Action& action, const std::string& reason) {
  const auto at_work = book_->Find(action.tenant, action.id);
  if (!at_work || !at_work->enabled || action.id == ActionBook::kLogAction) return;
  const auto is_it = [&](const Doomed& one) {
    return one.tenant == action.tenant && one.id == action.id;
  };
  if (std::any_of(doomed_.begin(), doomed_.end(), is_it)) return;
  doomed_.push_back({action.tenant, action.id, reason});
  if (book_->Find(action.tenant, ActionBook::kLogAction)) TellOfDisabled(action, reason);
}

void Dispatcher::TellOfDisabled(const Action& action, const std::string& reason) {
  Delivery delivery;
  delivery.action_id = ActionBook::kLogAction;
  delivery.event = kDisabledEvent;
  Make(action.tenant, std::move(delivery),
       DisabledNotice(tenant_name_(action.tenant), action.id, action.type, reason,
                      clock_->WallNs()));
}

void Dispatcher::DisableDoomed() {
  for (const auto& [tenant, id, reason] : std::exchange(doomed_, {})) {
    const auto disabled = book_->SetEnabled(tenant, id, false, {}, reason);
    if (disabled.ok()) metrics_->disabled.Add();
    base::LogWarn("an action is disabled",
                  {{"action", id},
                   {"tenant", std::to_string(static_cast<uint32_t>(tenant))},
                   {"reason", reason},
                   {"error", disabled.status().ToString()}});
  }
}

}  // namespace neurallog::actions
