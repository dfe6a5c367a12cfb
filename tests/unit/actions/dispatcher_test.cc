#include "actions/dispatcher.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "actions/actions.h"
#include "support/temp_dir.h"

namespace neurallog::actions {
namespace {

constexpr TenantId kTenant{1};
constexpr TenantId kOther{2};
constexpr auto kSame = Dispatcher::ReplayAs::kSame;
constexpr int64_t kSecond = base::kNsPerSecond;
constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

// A receiver that answers as the test wants, and an outbox with deliveries of the test.
class DispatcherFixture {
 public:
  DispatcherFixture() {
    options_.key_file = dir_.path() + "/actions.key";
    host_.on_test = [this](const Attempt& attempt) {
      const std::lock_guard<std::mutex> lock(mutex_);
      seen_.emplace_back(attempt.delivery_id);
      return answer_ ? answer_(attempt) : Outcome();
    };
    Open();
  }
  ~DispatcherFixture() { actions_->Stop(); }

  void Open() {
    storage::StoreOptions options;
    options.directory = dir_.path() + "/store";
    store_ = storage::Store::Open(options, &base::Clock::System()).value();
    registry_ = std::make_unique<metrics::Registry>();
    actions_ = std::make_unique<Actions>(options_, store_.get(), &clock_, registry_.get(), &host_);
    REQUIRE(actions_->Load().ok());
    REQUIRE(actions_->Start(nullptr, [](TenantId) { return "acme"; }).ok());
    clock_.Advance(1);
  }
  void Reopen() {
    actions_->Stop();
    actions_.reset();
    store_.reset();
    Open();
  }
  void Put(TenantId tenant, const std::string& json) {
    REQUIRE(actions_->book().Put(tenant, ActionDraft::Parse(json).value(), {}).ok());
  }
  NewDelivery Make(TenantId tenant, const std::string& action, uint64_t group) {
    NewDelivery made;
    made.tenant = tenant;
    made.notice = R"({"event":"match"})";
    clock_.Advance(1);
    made.delivery.id = {clock_.WallNs(), ++last_hash_};
    made.delivery.action_id = action;
    made.delivery.rule_id = "rule";
    made.delivery.event = "match";
    made.delivery.source = "x";
    made.delivery.group = group;
    made.delivery.due_ns = clock_.WallNs();
    return made;
  }
  // What the next start finds. `edit` is shown each one and its number.
  void Store(size_t count, const std::function<void(size_t, Delivery*)>& edit) {
    storage::MetaChange change;
    for (size_t i = 0; i < count; ++i) {
      NewDelivery made = Make(kTenant, "ops", 0);
      edit(i, &made.delivery);
      DeliveryStore::AddNew(kTenant, made.delivery, made.notice, &change);
    }
    REQUIRE(store_->WriteMeta(change).ok());
  }
  double Metric(const std::string& name) {
    const std::string text = registry_->WriteText();
    const size_t at = text.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  }
  // As the outbox does it.
  DeliveryId Deliver(TenantId tenant, const std::string& action, uint64_t group = 0) {
    NewDelivery made = Make(tenant, action, group);
    storage::MetaChange change;
    DeliveryStore::AddNew(tenant, made.delivery, made.notice, &change);
    REQUIRE(store_->WriteMeta(change).ok());
    const DeliveryId id = made.delivery.id;
    std::vector<NewDelivery> all;
    all.push_back(std::move(made));
    actions_->dispatcher().Add(std::move(all));
    return id;
  }
  Delivery Get(const DeliveryId& id, TenantId tenant = kTenant) {
    return actions_->deliveries().Get(tenant, id).value();
  }
  // Moves the clock on by `step_ns` until it holds, for ten seconds at most.
  template <typename Fact>
  bool Until(Fact fact, int64_t step_ns = 0) {
    for (int i = 0; i < 10'000; ++i) {
      if (fact()) return true;
      clock_.Advance(step_ns);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  bool Becomes(const DeliveryId& id, DeliveryState state, int64_t step_ns = 0) {
    return Until([&] { return Get(id).state == state; }, step_ns);
  }
  size_t seen() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return seen_.size();
  }
  void Answer(std::function<Outcome(const Attempt&)> answer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    answer_ = std::move(answer);
  }
  std::vector<Delivery> Letters() {
    std::optional<DeliveryId> next;
    return actions_->deliveries().Letters(kTenant, {}, &next).value();
  }

 protected:
  testing::TempDir dir_;
  Options options_;
  base::ManualClock clock_{kStart};
  SinkHost host_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Actions> actions_;
  uint64_t last_hash_ = 0;
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::function<Outcome(const Attempt&)> answer_;
};

Outcome Fails(int status, Outcome::Kind kind) { return {kind, status, "no", "the answer", 0}; }

TEST_CASE_METHOD(DispatcherFixture, "a delivery is made and its attempt written down") {
  Put(kTenant, R"({"id":"ops","type":"test"})");
  const DeliveryId id = Deliver(kTenant, "ops");
  REQUIRE(Becomes(id, DeliveryState::kDelivered));
  const Delivery delivery = Get(id);
  CHECK(delivery.number == 1);
  REQUIRE(delivery.attempts.size() == 1);
  CHECK(delivery.attempts[0].kind == Outcome::Kind::kDelivered);
  CHECK(seen_ == std::vector<std::string>{DeliveryIdText(id)});
}

TEST_CASE_METHOD(DispatcherFixture,
                 "one that fails is tried again with the same id, until it is dead") {
  Put(kTenant, R"({"id":"ops","type":"test","breaker":{"failures":100}})");
  Answer([](const Attempt&) { return Fails(503, Outcome::Kind::kRetry); });
  const DeliveryId id = Deliver(kTenant, "ops");
  REQUIRE(Becomes(id, DeliveryState::kDead, kSecond / 100));
  const Delivery dead = Get(id);
  CHECK(dead.reason == DeadReason::kExhausted);
  CHECK(dead.number == 6);
  CHECK(dead.ended_ns - dead.since_ns <= 30 * kSecond);
  CHECK(dead.attempts[5].status == 503);
  CHECK(dead.attempts[5].answer == "the answer");
  CHECK(seen_ == std::vector<std::string>(6, DeliveryIdText(id)));
  REQUIRE(Letters().size() == 1);
  CHECK(actions_->deliveries().Letter(kTenant, id)->notice == R"({"event":"match"})");
}

TEST_CASE_METHOD(DispatcherFixture,
                 "a dead letter is replayed with its id, and not a second time") {
  Put(kTenant, R"({"id":"ops","type":"test"})");
  Answer([](const Attempt&) { return Fails(400, Outcome::Kind::kFinal); });
  const DeliveryId id = Deliver(kTenant, "ops");
  REQUIRE(Becomes(id, DeliveryState::kDead));
  CHECK(Get(id).reason == DeadReason::kRefused);
  Answer({});
  REQUIRE(actions_->dispatcher().ReplayOne(kTenant, id, kSame).ok());
  REQUIRE(Becomes(id, DeliveryState::kDelivered));
  CHECK(Get(id).number == 2);
  CHECK(Letters().empty());
  CHECK(actions_->dispatcher().ReplayOne(kTenant, id, kSame).code() == Code::kNotFound);
  CHECK(seen_ == std::vector<std::string>(2, DeliveryIdText(id)));
}

TEST_CASE_METHOD(
    DispatcherFixture,
    "a dead letter that is replayed with a new id is another delivery to its receiver") {
  Put(kTenant, R"({"id":"ops","type":"test"})");
  Answer([](const Attempt&) { return Fails(400, Outcome::Kind::kFinal); });
  const DeliveryId id = Deliver(kTenant, "ops");
  REQUIRE(Becomes(id, DeliveryState::kDead));
  Answer({});
  REQUIRE(actions_->dispatcher().ReplayOne(kTenant, id, Dispatcher::ReplayAs::kNew).ok());
  REQUIRE(Until([&] { return seen() == 2; }));
  const DeliveryId renewed = ParseDeliveryId(seen_[1]).value();
  CHECK(renewed != id);
  REQUIRE(Becomes(renewed, DeliveryState::kDelivered));
  CHECK(Get(renewed).number == 1);
  CHECK(Get(renewed).rule_id == "rule");
  CHECK(Get(id).state == DeliveryState::kDead);
  CHECK(Letters().empty());
  REQUIRE(Until([&] { return Metric("neurallog_outbox_depth") == 0; }));
}

TEST_CASE_METHOD(DispatcherFixture, "dead letters are replayed and deleted by what they are") {
  Put(kTenant, R"({"id":"a","type":"test"})");
  Put(kTenant, R"({"id":"b","type":"test"})");
  Answer([](const Attempt&) { return Fails(400, Outcome::Kind::kFinal); });
  for (int i = 0; i < 3; ++i) Deliver(kTenant, i < 2 ? "a" : "b");
  REQUIRE(Until([&] { return Letters().size() == 3; }));
  Answer({});
  DeliveryQuery query;
  query.action_id = "a";
  std::optional<DeliveryId> next;
  CHECK(*actions_->dispatcher().Replay(kTenant, query, kSame, &next) == 2);
  CHECK(*actions_->dispatcher().Replay(kOther, {}, kSame, &next) == 0);
  REQUIRE(Until([&] { return seen() == 5; }));
  CHECK(Letters().size() == 1);
  CHECK(*actions_->dispatcher().RemoveLetters(kTenant, {}, &next) == 1);
  CHECK(Letters().empty());
}

TEST_CASE_METHOD(DispatcherFixture, "what waits goes on after a restart, with what it knew") {
  Put(kTenant,
      R"({"id":"ops","type":"test","retry":{"profile":"durable"},"breaker":{"failures":100}})");
  Answer([](const Attempt&) { return Fails(503, Outcome::Kind::kRetry); });
  const DeliveryId first = Deliver(kTenant, "ops");
  REQUIRE(Until([&] { return Get(first).redrives == 1; }, kSecond / 100));
  const Delivery before = Get(first);
  Reopen();
  Answer({});
  const DeliveryId second = Deliver(kTenant, "ops");
  REQUIRE(Becomes(second, DeliveryState::kDelivered));
  CHECK(Get(first).state == DeliveryState::kRetrying);
  clock_.Advance(400 * kSecond);
  REQUIRE(Becomes(first, DeliveryState::kDelivered));
  CHECK(Get(first).number == before.number + 1);
}

TEST_CASE_METHOD(DispatcherFixture,
                 "a receiver that is gone disables its action, and what waits is dead") {
  Put(kTenant, R"({"id":"ops","type":"test","concurrency":1})");
  Answer([](const Attempt&) { return Fails(410, Outcome::Kind::kGone); });
  const DeliveryId first = Deliver(kTenant, "ops");
  REQUIRE(Becomes(first, DeliveryState::kDead));
  REQUIRE(Until([&] { return !actions_->book().Find(kTenant, "ops")->enabled; }));
  CHECK(Get(first).reason == DeadReason::kGone);
  CHECK_FALSE(actions_->book().Get(kTenant, "ops")->disabled_reason.empty());
  CHECK(actions_->dispatcher().ReplayOne(kTenant, first, kSame).code() == Code::kConflict);
}

TEST_CASE_METHOD(DispatcherFixture, "an action that is deleted leaves dead letters") {
  Put(kTenant, R"({"id":"ops","type":"test","rate_limit":{"per_second":0.001,"burst":1}})");
  const DeliveryId first = Deliver(kTenant, "ops");
  REQUIRE(Becomes(first, DeliveryState::kDelivered));
  const DeliveryId second = Deliver(kTenant, "ops");
  REQUIRE(actions_->book().Delete(kTenant, "ops", {}).ok());
  REQUIRE(Becomes(second, DeliveryState::kDead));
  CHECK(Get(second).reason == DeadReason::kNoAction);
}

TEST_CASE_METHOD(DispatcherFixture, "a tenant with much to say does not hold up another one") {
  Put(kTenant, R"({"id":"ops","type":"test","concurrency":1})");
  Put(kOther, R"({"id":"ops","type":"test","concurrency":1})");
  std::vector<DeliveryId> many;
  for (int i = 0; i < 200; ++i) many.push_back(Deliver(kTenant, "ops"));
  const DeliveryId one = Deliver(kOther, "ops");
  REQUIRE(Until([&] { return seen() == 201; }));
  REQUIRE(Until([&] { return Get(one, kOther).state == DeliveryState::kDelivered; }));
  REQUIRE(Becomes(many.back(), DeliveryState::kDelivered));
}

TEST_CASE_METHOD(DispatcherFixture, "old history goes, what waits stays") {
  options_.history_max = 32;
  Reopen();
  Put(kTenant, R"({"id":"slow","type":"test","rate_limit":{"per_second":0.001,"burst":1}})");
  Put(kTenant, R"({"id":"ops","type":"test"})");
  const DeliveryId spent = Deliver(kTenant, "slow");
  REQUIRE(Becomes(spent, DeliveryState::kDelivered));
  const DeliveryId waits = Deliver(kTenant, "slow");
  for (int i = 0; i < 100; ++i) Deliver(kTenant, "ops");
  REQUIRE(Until([&] { return seen() == 101; }));
  DeliveryQuery query;
  query.limit = 1000;
  std::optional<DeliveryId> next;
  REQUIRE(Until([&] { return actions_->deliveries().List(kTenant, query, &next)->size() <= 33; },
                kSecond));
  CHECK(Get(waits).state == DeliveryState::kPending);
  CHECK(actions_->deliveries().Get(kTenant, spent).status().code() == Code::kNotFound);
  Reopen();
  clock_.Advance(2000 * kSecond);
  REQUIRE(Until([&] { return seen() == 102; }));
}

TEST_CASE_METHOD(DispatcherFixture, "dead letters are bounded, the oldest go") {
  options_.dead_letters_max = 16;
  Reopen();
  Put(kTenant, R"({"id":"ops","type":"test"})");
  Answer([](const Attempt&) { return Fails(400, Outcome::Kind::kFinal); });
  DeliveryId last;
  for (int i = 0; i < 40; ++i) last = Deliver(kTenant, "ops");
  REQUIRE(Until([&] { return seen() == 40 && Letters().size() <= 16; }, kSecond));
  CHECK(Letters().front().id == last);
}

TEST_CASE_METHOD(DispatcherFixture, "an action that has only failed for too long is disabled") {
  options_.failing_ns_max = 60 * kSecond;
  Reopen();
  Put(kTenant, R"({"id":"ops","type":"test","retry":{"profile":"durable"}})");
  Answer([](const Attempt&) { return Fails(500, Outcome::Kind::kRetry); });
  const DeliveryId id = Deliver(kTenant, "ops");
  REQUIRE(Becomes(id, DeliveryState::kDead, kSecond));
  CHECK(Get(id).reason == DeadReason::kDisabled);
  CHECK_FALSE(actions_->book().Find(kTenant, "ops")->enabled);
  CHECK(actions_->book().Find(kTenant, "ops")->is_disabled_by_us);
}

TEST_CASE_METHOD(
    DispatcherFixture,
    "since when an action only fails is known over a start, and forgotten when it delivers") {
  options_.failing_ns_max = 2'000 * kSecond;
  Reopen();
  Put(kTenant, R"({"id":"ops","type":"test","retry":{"profile":"durable"}})");
  Answer([](const Attempt&) { return Fails(500, Outcome::Kind::kRetry); });
  const DeliveryId id = Deliver(kTenant, "ops");
  REQUIRE(Until([&] { return Get(id).redrives == 2; }, kSecond / 4));
  Reopen();
  REQUIRE(Until([&] { return !actions_->book().Find(kTenant, "ops")->enabled; }, kSecond));
  CHECK(clock_.WallNs() < kStart + 3'000 * kSecond);
  REQUIRE(actions_->book().SetEnabled(kTenant, "ops", true, {}).ok());
  CHECK(Until([&] { return store_->GetMeta("failing/1/ops").status().code() == Code::kNotFound; }));
}

TEST_CASE_METHOD(DispatcherFixture, "what comes when too many wait is a dead letter at once") {
  options_.pending_per_tenant_max = 2;
  Reopen();
  Put(kTenant, R"({"id":"ops","type":"test"})");
  detection::RuleInfo rule;
  rule.id = "rule";
  rule.type = "match";
  rule.alerting.actions.emplace_back();
  rule.alerting.actions[0].id = "ops";
  for (uint64_t i = 1; i <= 4; ++i)
    actions_->follower()->Match(kTenant, rule, {kStart, i}, R"({"record":{"n":1}})");
  storage::MetaChange change;
  const std::vector<detection::AlertTransition> none;
  actions_->follower()->AddTo(
      {none, true, [&](TenantId, std::string_view) { return &rule; }, {}, {}}, &change);
  REQUIRE(store_->WriteMeta(change).ok());
  actions_->follower()->Written();
  REQUIRE(Until([&] { return seen() == 2; }));
  const std::vector<Delivery> dead = Letters();
  REQUIRE(dead.size() == 2);
  CHECK(dead[0].reason == DeadReason::kOutboxFull);
  CHECK(dead[0].source == ToString(detection::MatchId{kStart, 4}));
}

TEST_CASE_METHOD(DispatcherFixture,
                 "secrets are stored so that nobody reads them, and shown to nobody") {
  const SecretBox box = SecretBox::Open(options_.key_file).value();
  const std::string sealed = box.Seal("top", "1/ops").value();
  CHECK(sealed.find("top") == std::string::npos);
  CHECK(box.Unseal(sealed, "1/ops").value() == "top");
  CHECK(box.Unseal(sealed, "2/ops").status().code() == Code::kCorruption);
  CHECK(SecretBox::Open(options_.key_file)->Unseal(sealed, "1/ops").ok());
  CHECK_FALSE(SecretBox::Open(dir_.path() + "/other.key")->Unseal(sealed, "1/ops").ok());
  std::string damaged = sealed;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  CHECK_FALSE(box.Unseal(damaged, "1/ops").ok());
  CHECK((std::filesystem::status(options_.key_file).permissions() &
         std::filesystem::perms::others_all) == std::filesystem::perms::none);
  const SinkType type{"x", {"token"}, nullptr};
  const SplitConfig split = SplitSecrets(R"({"url":"u","token":"t"})", type, "").value();
  CHECK(split.open == R"({"url":"u"})");
  CHECK(split.secrets == R"({"token":"t"})");
  CHECK(HideSecrets(split.open, split.secrets).value() == R"({"url":"u","token":"***"})");
  CHECK(SplitSecrets(R"({"url":"v","token":"***"})", type, split.secrets)->secrets ==
        split.secrets);
  CHECK_FALSE(SplitSecrets(R"({"token":"***"})", type, "").ok());
}

TEST_CASE_METHOD(
    DispatcherFixture,
    "what waited at a start goes in order of due time, and what comes meanwhile behind") {
  Put(kTenant, R"({"id":"ops","type":"test","concurrency":128})");
  std::map<int64_t, std::string> by_due;
  Store(10'000, [&](size_t i, Delivery* delivery) {
    if (i % 100 == 7) delivery->due_ns += 4'000;  // of 1 ns each: in a later piece
    delivery->due_ns = delivery->due_ns * 2 + (i % 100 == 7);
    delivery->due_ns -= kStart;
    by_due[delivery->due_ns] = DeliveryIdText(delivery->id);
  });
  clock_.Advance(20'000);
  Reopen();
  const DeliveryId fresh = Deliver(kTenant, "ops");
  REQUIRE(Until([&] { return seen() == 10'001; }));
  std::vector<std::string> expected;
  for (const auto& [due_ns, id] : by_due) expected.push_back(id);
  expected.push_back(DeliveryIdText(fresh));
  CHECK(seen_ == expected);
}

TEST_CASE_METHOD(DispatcherFixture, "a group keeps its order over a start") {
  Put(kTenant, R"({"id":"ops","type":"test"})");
  std::vector<std::string> made;
  Store(3'000, [&](size_t, Delivery* delivery) {
    delivery->group = 7;
    made.push_back(DeliveryIdText(delivery->id));
  });
  Reopen();
  made.push_back(DeliveryIdText(Deliver(kTenant, "ops", 7)));
  REQUIRE(Until([&] { return seen() == 3'001; }));
  CHECK(seen_ == made);
}

TEST_CASE_METHOD(
    DispatcherFixture,
    "dead letters that are replayed while a start still reads go once, and are counted right") {
  Put(kTenant, R"({"id":"ops","type":"test"})");
  Store(6'000, [&](size_t i, Delivery* delivery) {
    if (i % 2 == 0) delivery->state = DeliveryState::kDead;
  });
  Reopen();
  size_t replayed = 0;
  for (std::optional<DeliveryId> next; replayed < 3'000;)
    replayed += *actions_->dispatcher().Replay(kTenant, {}, kSame, &next);
  REQUIRE(Until([&] { return seen() >= 6'000 && Metric("neurallog_outbox_depth") == 0; }));
  CHECK(std::set<std::string>(seen_.begin(), seen_.end()).size() == 6'000);
  CHECK(seen_.size() == 6'000);
  REQUIRE(Until([&] { return Metric("neurallog_dead_letters") == 0; }));
  CHECK(Metric("neurallog_dead_letter_bytes") == 0);
}

TEST_CASE_METHOD(
    DispatcherFixture,
    "a damaged row that waits for a receiver which is left alone costs it no attempt") {
  DeliveryId damaged;
  Store(2, [&](size_t, Delivery* delivery) { damaged = delivery->id; });
  Answer([](const Attempt&) { return Fails(503, Outcome::Kind::kRetry); });
  Put(kTenant,
      R"({"id":"ops","type":"test","concurrency":1,"breaker":{"failures":1,"open_for":"40s"}})");
  Reopen();
  REQUIRE(Until([&] { return Metric("neurallog_action_breakers_open") == 1; }, kSecond / 10));
  const storage::Keyspace keys(kTenant, 0);
  REQUIRE(store_
              ->PutMeta(keys.DeliveryKey(storage::Keyspace::DeliveryPart::kState, damaged.time_ns,
                                         damaged.hash),
                        "damaged")
              .ok());
  REQUIRE(Until([&] { return Metric("neurallog_outbox_depth") == 0; }, kSecond / 10));
  Answer({});
  const DeliveryId next = Deliver(kTenant, "ops");
  CHECK(Becomes(next, DeliveryState::kDelivered, kSecond / 10));
}

}  // namespace
}  // namespace neurallog::actions
