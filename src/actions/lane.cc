#include "actions/lane.h"

namespace neurallog::actions {

void Lane::SetAction(std::shared_ptr<const Action> action) {
  action_ = std::move(action);
  tokens_ = -1;
  paused_until_ns_ = 0;
  failures_ = 0;
  breaker_ = Breaker::kClosed;  // it may be another receiver
  failing_since_ns_ = 0;
}

void Lane::Push(Waiting waiting) {
  if (waiting.group != 0) {
    const auto [found, is_first] = groups_.try_emplace(waiting.group);
    if (is_first) found->second.leader = waiting.id;
    if (found->second.leader != waiting.id) {
      found->second.held.push_back(waiting);
      ++held_;
      return;
    }
  }
  waiting_.push_back(waiting);
  std::push_heap(waiting_.begin(), waiting_.end(), IsLater());
}

Waiting Lane::Pop() {
  std::pop_heap(waiting_.begin(), waiting_.end(), IsLater());
  const Waiting next = waiting_.back();
  waiting_.pop_back();
  return next;
}

double Lane::TokensAt(int64_t now_ns) const {
  const Pace& pace = action_->pace;
  const double most = std::max({pace.burst, pace.per_second, 1.0});
  if (tokens_ < 0) return most;
  const double since = static_cast<double>(now_ns - tokens_at_ns_) * 1e-9;
  return std::min(most, tokens_ + since * pace.per_second);
}

int64_t Lane::TokenNs(int64_t now_ns) const {
  if (action_->pace.per_second <= 0) return now_ns;
  const double missing = 1 - TokensAt(now_ns);
  if (missing <= 0) return now_ns;
  return now_ns + static_cast<int64_t>(missing / action_->pace.per_second * 1e9) + 1;
}

bool Lane::MayGo(int64_t now_ns) const {
  const size_t most = breaker_ == Breaker::kHalfOpen ? 1 : action_->pace.concurrency;
  return in_flight_ < most && paused_until_ns_ <= now_ns &&
         (breaker_ != Breaker::kOpen || open_until_ns_ <= now_ns);
}

std::optional<Waiting> Lane::Take(int64_t now_ns, int64_t due_until_ns) {
  if (waiting_.empty() || waiting_.front().due_ns > std::min(now_ns, due_until_ns) ||
      !MayGo(now_ns) || TokenNs(now_ns) > now_ns)
    return std::nullopt;
  if (breaker_ == Breaker::kOpen) {
    if (in_flight_ > 0) return std::nullopt;
    breaker_ = Breaker::kHalfOpen;
  }
  if (action_->pace.per_second > 0) {
    tokens_ = TokensAt(now_ns) - 1;
    tokens_at_ns_ = now_ns;
  }
  ++in_flight_;
  return Pop();
}

int64_t Lane::NextNs(int64_t now_ns) const {
  if (waiting_.empty()) return INT64_MAX;
  const size_t most = breaker_ == Breaker::kClosed ? action_->pace.concurrency : 1;
  if (in_flight_ >= most) return INT64_MAX;
  int64_t next_ns = std::max(waiting_.front().due_ns, paused_until_ns_);
  if (breaker_ == Breaker::kOpen) next_ns = std::max(next_ns, open_until_ns_);
  return std::max(next_ns, TokenNs(now_ns));
}

void Lane::Done(const Waiting& waiting, End end, int64_t now_ns) {
  if (in_flight_ > 0) --in_flight_;
  if (waiting.group == 0 || end == End::kRetry) return;
  const auto found = groups_.find(waiting.group);
  if (found == groups_.end()) return;
  Group& group = found->second;
  if (group.held.empty()) {
    groups_.erase(found);
    return;
  }
  Waiting next = group.held.front();
  group.held.pop_front();
  --held_;
  group.leader = next.id;
  next.due_ns = std::min(next.due_ns, now_ns);
  Push(next);
}

void Lane::Succeeded() {
  breaker_ = Breaker::kClosed;
  failures_ = 0;
  failing_since_ns_ = 0;
}

void Lane::Refused(int64_t now_ns) {
  breaker_ = Breaker::kClosed;
  failures_ = 0;
  NoteFailure(now_ns);
}

void Lane::NoteFailure(int64_t now_ns) {
  if (failing_since_ns_ == 0) failing_since_ns_ = now_ns;
  failed_ns_ = now_ns;
}

void Lane::Failed(int64_t now_ns) {
  NoteFailure(now_ns);
  if (++failures_ < action_->pace.breaker_failures && breaker_ == Breaker::kClosed) return;
  if (breaker_ == Breaker::kClosed) blocked_since_ns_ = now_ns;
  breaker_ = Breaker::kOpen;
  open_until_ns_ = now_ns + action_->pace.breaker_open_ns;
}

std::vector<Waiting> Lane::TakeImpatient(int64_t now_ns, int64_t patience_ns, size_t max) {
  std::vector<Waiting> taken;
  if (breaker_ == Breaker::kClosed) return taken;
  const auto is_patient = [&](const Waiting& waiting) {
    const int64_t since_ns =
        waiting.since_ns != 0 ? waiting.since_ns : std::max(waiting.due_ns, blocked_since_ns_);
    return waiting.due_ns > now_ns || now_ns - since_ns < patience_ns || taken.size() == max;
  };
  const auto first = std::partition(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    if (is_patient(waiting)) return true;
    taken.push_back(waiting);
    return false;
  });
  waiting_.erase(first, waiting_.end());
  std::make_heap(waiting_.begin(), waiting_.end(), IsLater());
  in_flight_ += taken.size();
  return taken;
}

std::vector<Waiting> Lane::TakeAll() {
  std::vector<Waiting> taken = std::move(waiting_);
  waiting_.clear();
  for (auto& [hash, group] : groups_)
    taken.insert(taken.end(), group.held.begin(), group.held.end());
  groups_.clear();
  held_ = 0;
  std::sort(taken.begin(), taken.end(),
            [](const Waiting& a, const Waiting& b) { return a.id < b.id; });
  return taken;
}

}  // namespace neurallog::actions
