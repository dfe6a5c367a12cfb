// The rule stage over a real log and a real store, without the rest of the server.
#include "detection/detection.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "base/json_value.h"
#include "support/batch.h"
#include "support/temp_dir.h"

namespace neurallog::detection {
namespace {

constexpr TenantId kTenant{1};
constexpr TenantId kOther{2};

std::string RuleText(const std::string& name, const std::string& word) {
  return "name: " + name + "\ndetection:\n  a: {message|contains: '" + word +
         "'}\n  condition: a\n";
}

class DetectionFixture {
 public:
  DetectionFixture() {
    wal_options_.directory = wal_dir_.path();
    wal_options_.segment_bytes = 1 << 20;
    writer_ = wal::Writer::Open(&io::FileSystem::Posix(), wal_options_, 0, {}, {}, 0).value();
    OpenStore();
    Open();
  }
  ~DetectionFixture() {
    if (detection_) detection_->Stop();
  }

  void OpenStore() {
    storage::StoreOptions options;
    options.directory = store_dir_.path();
    store_ = storage::Store::Open(options, &base::Clock::System()).value();
  }

  void Open() {
    published_.clear();
    registry_ = std::make_unique<metrics::Registry>();
    detection_ = std::make_unique<Detection>(options_, store_.get(), &base::Clock::System(),
                                             registry_.get());
    REQUIRE(detection_->Load().ok());
    Host host;
    host.set_published = [this](TenantId id, bool is_published) {
      base::MutexLock lock(mutex_);
      published_[id] = is_published;
    };
    host.stage.delivered_lsn = [this] { return delivered_.load(); };
    host.stage.durable_lsn = [this] { return writer_->durable_lsn(); };
    host.stage.read_log = [this](wal::RangeReader::Wants wants, uint64_t from) {
      return wal::RangeReader(&io::FileSystem::Posix(), writer_.get(), std::move(wants), from);
    };
    host.stage.expiry_ns = [](TenantId) { return INT64_MIN; };
    REQUIRE(detection_->Start(std::move(host)).ok());
  }

  // Ends the stage. What is committed later is seen by the next one only.
  void Close() {
    detection_->Stop();
    detection_.reset();
  }

  // As the committer does it.
  void Append(TenantId tenant, std::shared_ptr<const model::RecordBatch> batch,
              int carried_from = 0) {
    wal::FrameInfo info;
    info.tenant = tenant;
    info.rows = batch->rows();
    info.carried_from_lsn = static_cast<uint64_t>(carried_from);
    info.written_ns = base::Clock::System().WallNs();
    const uint64_t lsn = writer_->Add(info, *batch);
    REQUIRE(writer_->Sync().ok());
    bool is_published = false;
    {
      base::MutexLock lock(mutex_);
      is_published = published_[tenant];
    }
    if (detection_ && is_published && carried_from == 0)
      detection_->queue()->Publish({tenant, lsn, info.written_ns, std::move(batch)});
    delivered_.store(lsn);
  }

  StoredRule Put(const std::string& name, const std::string& word, TenantId tenant = kTenant) {
    auto rule = detection_->Put(tenant, {"", RuleText(name, word), {}}, {});
    REQUIRE(rule.status().ToString() == "ok");
    return *rule;
  }
  // Waits until everything has been evaluated.
  std::vector<int64_t> Seqs(TenantId tenant = kTenant) {
    REQUIRE(detection_->Counts(tenant).ok());
    while (detection_->passed_lsn() < delivered_.load()) REQUIRE(detection_->Counts(tenant).ok());
    REQUIRE(detection_->Counts(tenant).ok());  // behind the commit of that round
    std::vector<int64_t> seqs;
    MatchQuery query;
    query.limit = 100'000;
    std::optional<MatchId> next;
    const auto found = detection_->matches().List(tenant, query, &next);
    REQUIRE(found.ok());
    for (const std::string& json : *found) {
      const base::JsonValue match = base::ParseJson(json).value();
      seqs.push_back(std::stoll(match.Find("record")->Find("seq")->text()));
    }
    std::sort(seqs.begin(), seqs.end());
    return seqs;
  }

 protected:
  testing::TempDir wal_dir_, store_dir_;
  wal::WriterOptions wal_options_;
  std::unique_ptr<wal::Writer> writer_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<metrics::Registry> registry_;
  Options options_;
  std::atomic<uint64_t> delivered_{0};
  base::Mutex mutex_;
  std::map<TenantId, bool> published_;
  std::unique_ptr<Detection> detection_;
};

using List = std::vector<int64_t>;

TEST_CASE_METHOD(DetectionFixture, "a rule sees what is appended after it, of its tenant") {
  Append(kTenant, testing::MakeBatch(0, 10));
  CHECK(detection_->needed_from() == UINT64_MAX);
  Put("one", "row 1");
  CHECK(detection_->needed_from() <= delivered_ + 1);
  Append(kTenant, testing::MakeBatch(10, 3));
  Append(kOther, testing::MakeBatch(10, 3));
  CHECK(Seqs() == List{10, 11, 12});
  CHECK(Seqs(kOther).empty());
  CHECK(detection_->Counts(kTenant)->at(IdFromName("one")).matched == 3);
  REQUIRE(detection_->Delete(kTenant, IdFromName("one"), {}).ok());
  CHECK(detection_->needed_from() == UINT64_MAX);
  Append(kTenant, testing::MakeBatch(13, 1));
  CHECK(Seqs() == List{10, 11, 12});
}

TEST_CASE_METHOD(DetectionFixture, "what came in while no stage ran is read from the log, once") {
  Put("one", "row");
  Append(kTenant, testing::MakeBatch(0, 5));
  CHECK(Seqs().size() == 5);
  Close();
  Append(kTenant, testing::MakeBatch(5, 5));
  Append(kTenant, testing::MakeBatch(3, 7), /*carried_from=*/1);  // rows that are there already
  Open();
  Append(kTenant, testing::MakeBatch(10, 2));
  const List seqs = Seqs();
  CHECK(seqs == List{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
}

TEST_CASE_METHOD(DetectionFixture,
                 "a stage that is too slow for its queue reads the log and loses nothing") {
  Close();
  options_.queue_bytes_max = 1;
  Open();
  Put("one", "row");
  List expected;
  for (int64_t i = 0; i < 300; ++i) {
    Append(kTenant, testing::MakeBatch(i * 20, 20));
    for (int64_t row = 0; row < 20; ++row) expected.push_back(i * 20 + row);
  }
  CHECK(Seqs() == expected);
}

TEST_CASE_METHOD(DetectionFixture,
                 "a stage that dies anywhere makes the same matches again, none twice") {
  Put("one", "row");
  List expected;
  for (int64_t i = 0; i < 30; ++i) {
    Append(kTenant, testing::MakeBatch(i * 100, 100));
    for (int64_t row = 0; row < 100; ++row) expected.push_back(i * 100 + row);
  }
  CHECK(Seqs() == expected);
  // An older state of the store: the stage goes on from the position that it finds there.
  Close();
  storage::MetaChange change;
  std::string position;
  base::AppendLe<uint64_t>(&position, 7);
  base::AppendLe<uint32_t>(&position, 50);
  change.put.emplace_back("rule_position", position);
  REQUIRE(store_->WriteMeta(change).ok());
  Open();
  CHECK(Seqs() == expected);
}

TEST_CASE_METHOD(DetectionFixture,
                 "rows that the log does not hold any more are counted as missed") {
  Put("one", "row");
  Close();
  Append(kTenant, testing::MakeBatch(0, 5));
  REQUIRE(writer_->StartSegment().ok());
  Append(kTenant, testing::MakeBatch(5, 5));
  writer_->Release(2);
  Open();
  CHECK(Seqs() == List{5, 6, 7, 8, 9});
  CHECK(registry_->WriteText().find("neurallog_rule_batches_missed_total 1\n") !=
        std::string::npos);
}

TEST_CASE_METHOD(DetectionFixture, "a rule's versions are kept, and changes are guarded by them") {
  const std::string id = Put("one", "a").id;
  CHECK(detection_->Put(kTenant, {"", RuleText("one", "b"), {}}, {.is_new = true, .version = {}})
            .status()
            .code() == Code::kConflict);
  CHECK(detection_->Put(kTenant, {id, RuleText("one", "b"), {}}, {.is_new = false, .version = 2})
            .status()
            .code() == Code::kConflict);
  for (uint64_t version = 1; version < 30; ++version)
    REQUIRE(detection_
                ->Put(kTenant, {id, RuleText("one", "b" + std::to_string(version)), {}},
                      {.is_new = false, .version = version})
                .ok());
  CHECK(detection_->Get(kTenant, id)->version == 30);
  const auto versions = detection_->Versions(kTenant, id).value();
  REQUIRE(versions.size() == Detection::kVersionsKept);
  CHECK(versions.front().version == 29);
  CHECK(versions.back().version == 10);
  REQUIRE(detection_->Delete(kTenant, id, {.is_new = false, .version = 30}).ok());
  CHECK(detection_->Versions(kTenant, id).status().code() == Code::kNotFound);
}

TEST_CASE_METHOD(DetectionFixture, "a stored rule that cannot be read does not stop the others") {
  Put("one", "row");
  storage::MetaChange change;
  StoredRule broken;
  broken.id = "broken";
  broken.document = "name: broken\ndetection: {a: {x|nothing: 1}, condition: a}\n";
  change.put.emplace_back(RuleKey(kTenant, "broken"), EncodeRule(broken));
  change.put.emplace_back(RuleKey(kTenant, "garbage"), "garbage");
  REQUIRE(store_->WriteMeta(change).ok());
  Close();
  Open();
  Append(kTenant, testing::MakeBatch(0, 2));
  CHECK(Seqs() == List{0, 1});
  CHECK(detection_->Compiled(kTenant).value()->Find("broken")->state == RuleState::kFailed);
}

TEST_CASE_METHOD(DetectionFixture,
                 "an import changes what differs and leaves what cannot run out") {
  const std::string text = RuleText("one", "row 1") + "---\n" + RuleText("two", "row 2") +
                           "---\nname: three\ndetection: 5\n---\n" +
                           "name: four\ndetection: {a: {x|expand: '%no%'}, condition: a}\n";
  CHECK(detection_->Import(kTenant, SplitDocuments(text), /*dry_run=*/true)->size() == 4);
  CHECK(detection_->List(kTenant, "", 10)->empty());
  const auto report = detection_->Import(kTenant, SplitDocuments(text), /*dry_run=*/false).value();
  CHECK(report[0].info.state == RuleState::kReady);
  CHECK(report[2].info.state == RuleState::kFailed);
  CHECK(report[2].problems[0].at.line == 12);
  CHECK(report[3].info.state == RuleState::kNeedsLists);
  CHECK(detection_->List(kTenant, "", 10)->size() == 3);
  REQUIRE(detection_
              ->Import(kTenant,
                       SplitDocuments(RuleText("one", "row 1") + "---\n" + RuleText("two", "x")),
                       false)
              .ok());
  CHECK(detection_->Get(kTenant, IdFromName("one"))->version == 1);
  CHECK(detection_->Get(kTenant, IdFromName("two"))->version == 2);
  REQUIRE(detection_->PutList(kTenant, "no", {"5"}).ok());
  CHECK(detection_->Compiled(kTenant).value()->Find(IdFromName("four"))->state ==
        RuleState::kReady);
}

std::string CountText(int count) {
  return "name: many\ntype: threshold\ndetection:\n  a: {message|contains: row}\n  condition: a\n"
         "window: {size: 1h, group_by: [message]}\nthreshold: {gte: " +
         std::to_string(count) + "}\n";
}

// Three rows of each message, and a rule that fires at the third.
TEST_CASE_METHOD(DetectionFixture,
                 "a window counts on after a restart, from its state and the log behind it") {
  REQUIRE(detection_->Put(kTenant, {"many", CountText(3), {}}, {}).status().ToString() == "ok");
  const auto rows = [] { return testing::MakeBatch(0, 4, base::Clock::System().WallNs()); };
  Append(kTenant, rows());
  const bool is_lost = GENERATE(false, true);
  if (is_lost) {
    const auto before = detection_->matches().ReadState(kTenant).value();
    CHECK(Seqs().empty());
    Close();
    // As after a crash: the state of before, the progress of before, and the log.
    storage::MetaChange change;
    MatchStore::AddState(kTenant, before, &change);
    std::string progress;
    for (int i = 0; i < 2; ++i) {
      base::AppendLe(&progress, before.until.lsn);
      base::AppendLe(&progress, before.until.row);
    }
    change.put.emplace_back("rule_position", progress);
    REQUIRE(store_->WriteMeta(change).ok());
    Open();
  }
  Append(kTenant, rows());
  CHECK(Seqs().empty());
  Close();
  Append(kTenant, rows());
  Open();
  CHECK(Seqs() == List{0, 1, 2, 3});
  Append(kTenant, rows());
  CHECK(Seqs() == List{0, 1, 2, 3});  // it holds on
}

TEST_CASE_METHOD(DetectionFixture, "a change of one rule leaves the window of another as it is") {
  REQUIRE(detection_->Put(kTenant, {"many", CountText(2), {}}, {}).ok());
  const auto rows = [] { return testing::MakeBatch(0, 2, base::Clock::System().WallNs()); };
  Append(kTenant, rows());
  Put("other", "nothing");
  Append(kTenant, rows());
  CHECK(Seqs() == List{0, 1});
}

TEST_CASE_METHOD(DetectionFixture,
                 "rows whose matches were written are told to windows again, and reported once") {
  REQUIRE(detection_->Put(kTenant, {"many", CountText(1), {}}, {}).ok());
  const auto before = detection_->matches().ReadState(kTenant).value();
  Append(kTenant, testing::MakeBatch(0, 3, base::Clock::System().WallNs()));
  CHECK(Seqs() == List{0, 1, 2});
  Close();
  // The state is of before, but the matches are there.
  storage::MetaChange change;
  MatchStore::AddState(kTenant, before, &change);
  std::string progress;
  base::AppendLe<uint64_t>(&progress, 2);
  base::AppendLe<uint32_t>(&progress, 0);
  base::AppendLe(&progress, before.until.lsn);
  base::AppendLe(&progress, before.until.row);
  change.put.emplace_back("rule_position", progress);
  REQUIRE(store_->WriteMeta(change).ok());
  Open();
  Append(kTenant, testing::MakeBatch(2, 2, base::Clock::System().WallNs()));
  CHECK(Seqs() == List{0, 1, 2, 3});
}

TEST_CASE_METHOD(DetectionFixture, "what does not come is noticed after a restart too, once") {
  REQUIRE(detection_
              ->Put(kTenant,
                    {"silent",
                     "name: silent\ntype: absence\ndetection:\n  a: {message|contains: row}\n"
                     "  condition: a\nabsence: {within: 300ms}\n",
                     {}},
                    {})
              .status()
              .ToString() == "ok");
  Append(kTenant, testing::MakeBatch(0, 1, base::Clock::System().WallNs()));
  const auto firings = [&] {
    std::optional<MatchId> next;
    return detection_->matches().List(kTenant, {}, &next)->size();
  };
  Close();
  Open();
  for (int i = 0; i < 1000 && firings() == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(firings() == 1);
}

// All rows have "row" in their message and none a large number; only a sample tells which of the two is rare.
TEST_CASE_METHOD(DetectionFixture,
                 "rules are compiled again with a sample of the records, and windows count on") {
  const std::string text =
      "name: rare\ndetection:\n  a: {message|contains: row, seq|gte: 5000}\n  condition: a\n";
  const StoredRule rare = detection_->Put(kTenant, {"", text, {}}, {}).value();
  REQUIRE(detection_->Put(kTenant, {"many", CountText(2), {}}, {}).ok());
  const auto compilations = [&] {
    const std::string metrics = registry_->WriteText();
    const std::string name = "\nneurallog_rule_compilations_total ";
    return std::stoi(metrics.substr(metrics.find(name) + name.size()));
  };
  const int before = compilations();
  const int64_t now_ns = base::Clock::System().WallNs();
  Append(kTenant, testing::MakeBatch(0, 600, now_ns));
  CHECK(Seqs().empty());
  CHECK(detection_->Counts(kTenant)->at(rare.id).evaluated == 600);
  for (int i = 0; i < 2000 && compilations() == before; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  REQUIRE(compilations() == before + 1);
  Put("other", "nothing");  // behind the exchange
  Append(kTenant, testing::MakeBatch(0, 3, now_ns));
  Append(kTenant, testing::MakeBatch(4998, 4, now_ns));
  CHECK(Seqs() == List{0, 1, 2, 5000, 5001});
  CHECK(detection_->Counts(kTenant)->at(rare.id).evaluated == 602);
}

TEST_CASE_METHOD(DetectionFixture, "changes from many sides are all made, and wrong ones refused") {
  constexpr int kChanges = 40;
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = thread; i < kChanges; i += 4) {
        const std::string name = "rule" + std::to_string(i);
        const bool is_right = i % 5 != 0;
        const std::string text =
            is_right ? RuleText(name, "row " + std::to_string(i)) : "name: x\ndetection: 5\n";
        const auto rule = detection_->Put(kTenant, {name, text, {}}, {});
        right +=
            rule.ok() == is_right && (is_right || rule.status().code() == Code::kInvalidArgument);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == kChanges);
  CHECK(detection_->List(kTenant, "", 100)->size() == 32);
  Append(kTenant, testing::MakeBatch(36, 5));
  CHECK(Seqs() == List{36, 36, 37, 37, 38, 38, 39, 39, 40});  // also "row 3" and "row 4"
}

TEST_CASE("of several words on a key in a draft the last one counts") {
  Draft draft;
  draft.Put("a/1", "x");
  draft.Put("b", "x");
  draft.Remove("b");
  draft.RemoveRange("a/", "a0");
  draft.Put("a/2", "y");
  draft.Remove("c");
  draft.Put("c", "z");
  const auto& change = draft.change;
  CHECK(change.put == std::vector<std::pair<std::string, std::string>>{{"a/2", "y"}, {"c", "z"}});
  CHECK(change.remove == std::vector<std::string>{"b"});
  CHECK(draft.is_changed());
}

TEST_CASE_METHOD(DetectionFixture,
                 "a rule that takes too long is quarantined until it is enabled") {
  Close();
  options_.rule_ns_max = 1;
  Open();
  const std::string text =
      "name: slow\ndetection:\n  a: {message|contains: row}\n  b: {seq|lt: 100000}\n"
      "  condition: a and not b\n";
  const std::string id = detection_->Put(kTenant, {"", text, {}}, {}).value().id;
  Put("idle", "nothing");
  const auto state = [&] { return detection_->Compiled(kTenant).value()->Find(id)->state; };
  for (int i = 0; i < 18; ++i) Append(kTenant, testing::MakeBatch(i * 1000, 1000));
  for (int i = 0; i < 2000 && state() != RuleState::kQuarantined; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (i % 200 == 199) Append(kTenant, testing::MakeBatch(0, 10'000));
  }
  REQUIRE(state() == RuleState::kQuarantined);
  CHECK(detection_->Compiled(kTenant).value()->Find(id)->reason.find("rules.rule_ns_max") !=
        std::string::npos);
  CHECK(detection_->Get(kTenant, id)->version == 1);
  CHECK(registry_->WriteText().find("neurallog_rules_quarantined_total 1\n") != std::string::npos);
  CHECK(detection_->Compiled(kTenant).value()->Find(IdFromName("idle"))->state ==
        RuleState::kReady);
  Close();
  Open();
  CHECK(state() == RuleState::kQuarantined);
  Append(kTenant, testing::MakeBatch(200'000, 1));
  CHECK(Seqs().empty());
  REQUIRE(detection_->SetEnabled(kTenant, id, true, {}).ok());
  CHECK(state() == RuleState::kReady);
  Append(kTenant, testing::MakeBatch(200'001, 1));
  CHECK(Seqs() == List{200'001});
}

TEST_CASE_METHOD(DetectionFixture, "windows that take more than their memory let stale groups go") {
  Close();
  options_.state_bytes_max = 200'000;
  Open();
  REQUIRE(detection_->Put(kTenant, {"many", CountText(2), {}}, {}).ok());
  Append(kTenant, testing::MakeBatch(0, 20'000, base::Clock::System().WallNs()));
  CHECK(Seqs().empty());
  const auto held = [&] {
    const std::string metrics = registry_->WriteText();
    const std::string name = "\nneurallog_rule_state_bytes ";
    return std::stod(metrics.substr(metrics.find(name) + name.size()));
  };
  for (int i = 0; i < 4000 && held() < 200'000; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(held() > 200'000);  // noticed; what is over is let go
  Append(kTenant, testing::MakeBatch(0, 20'000, base::Clock::System().WallNs()));
  CHECK(Seqs().size() < 20'000);
}

// With a state of nothing that time alone could bring about.
class UnloadFixture : public DetectionFixture {
 public:
  UnloadFixture() {
    Close();
    options_.stay_ns = options_.idle_ns = 1;
    Open();
  }

  double Metric(const std::string& name) const {
    const std::string text = registry_->WriteText(), line = "\n" + name + " ";
    return std::stod(text.substr(text.find(line) + line.size()));
  }
  bool Becomes(const std::string& metric, double value) const {
    for (int i = 0; i < 6000 && Metric(metric) != value; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return Metric(metric) == value;
  }
};

TEST_CASE_METHOD(UnloadFixture, "idle rules are unloaded, and go on with the next record") {
  REQUIRE(detection_->Put(kTenant, {"three", CountText(3), {}}, {}).ok());
  Put("other", "row", kOther);
  const int64_t now_ns = base::Clock::System().WallNs();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(Becomes("neurallog_rules", 0));
    Append(kTenant, testing::MakeBatch(0, 1, now_ns));
    CHECK(Seqs().size() == (i == 2));
  }
  CHECK(Metric("neurallog_rule_unloads_total") >= 4);
  CHECK(detection_->Counts(kTenant)->at("three").evaluated == 3);
  CHECK(detection_->Counts(kTenant)->at("three").matched == 1);
}

TEST_CASE_METHOD(UnloadFixture, "a change of rules that are not in memory keeps their windows") {
  REQUIRE(detection_->Put(kTenant, {"two", CountText(2), {}}, {}).ok());
  const int64_t now_ns = base::Clock::System().WallNs();
  Append(kTenant, testing::MakeBatch(0, 1, now_ns));
  REQUIRE(Becomes("neurallog_rules", 0));
  Put("another", "nothing");
  Append(kTenant, testing::MakeBatch(0, 1, now_ns));
  CHECK(Seqs().size() == 1);
}

TEST_CASE_METHOD(UnloadFixture, "rules that wait for time stay in memory, also after a start") {
  const std::string text =
      "name: unanswered\ntype: absence\n"
      "detection:\n  a: {message|contains: row}\n  condition: a\n"
      "absence:\n  within: 1h\n  without:\n    detection:\n      b: {message: answer}\n"
      "      condition: b\n";
  REQUIRE(detection_->Put(kTenant, {"waits", text, {}}, {}).status().ToString() == "ok");
  Put("other", "row", kOther);
  Append(kTenant, testing::MakeBatch(0, 1, base::Clock::System().WallNs()));
  CHECK(Seqs().empty());
  REQUIRE(Becomes("neurallog_rules", 1));
  Close();
  Open();
  CHECK(Becomes("neurallog_rules", 1));
}

TEST_CASE_METHOD(UnloadFixture, "rules past their memory go though nobody is idle") {
  Close();
  options_.idle_ns = 0;
  options_.compiled_bytes_max = 1;
  Open();
  Put("one", "nothing");
  CHECK(Becomes("neurallog_rules", 0));
  Append(kTenant, testing::MakeBatch(0, 1));
  CHECK(Seqs().empty());
  CHECK(Becomes("neurallog_rule_unloads_total", 2));
}

std::vector<DocumentText> PackOf(const std::vector<std::string>& words) {
  std::vector<DocumentText> documents;
  for (const std::string& word : words)
    documents.push_back({"id: " + word + "\n" + RuleText(word, word), 1, ""});
  return documents;
}

TEST_CASE_METHOD(DetectionFixture, "tenants share the rules of a pack, and each has its matches") {
  REQUIRE(detection_->PutPack("words", PackOf({"row", "other"}), false)->size() == 2);
  REQUIRE(detection_->Subscribe(kTenant, "words", {}).ok());
  REQUIRE(detection_->Subscribe(kOther, "words", {}).ok());
  CHECK(detection_->Compiled(kTenant).value() == detection_->Compiled(kOther).value());
  Append(kTenant, testing::MakeBatch(0, 2));
  Append(kOther, testing::MakeBatch(2, 1));
  CHECK(Seqs() == List{0, 1});
  CHECK(Seqs(kOther) == List{2});
  Put("own", "nothing", kOther);
  CHECK(detection_->Compiled(kTenant).value() != detection_->Compiled(kOther).value());
  CHECK(detection_->Compiled(kOther).value()->infos().size() == 3);
  CHECK(detection_->Counts(kTenant)->at("words:row").matched == 2);
}

TEST_CASE_METHOD(DetectionFixture, "tenants with the same rules and lists share what is compiled") {
  const auto is_shared = [&] {
    return detection_->Compiled(kTenant).value() == detection_->Compiled(kOther).value();
  };
  Put("one", "row");
  const std::string id = Put("one", "row", kOther).id;
  CHECK(is_shared());
  Append(kTenant, testing::MakeBatch(0, 2));
  Append(kOther, testing::MakeBatch(2, 1));
  CHECK(Seqs() == List{0, 1});
  CHECK(Seqs(kOther) == List{2});
  Put("one", "other", kOther);
  CHECK(!is_shared());
  Put("one", "other");
  CHECK(is_shared());
  REQUIRE(detection_->PutList(kTenant, "names", {"ann"}).ok());
  CHECK(!is_shared());
  REQUIRE(detection_->PutList(kOther, "names", {"bob"}).ok());
  CHECK(!is_shared());
  REQUIRE(detection_->PutList(kOther, "names", {"ann"}).ok());
  CHECK(is_shared());
  REQUIRE(detection_->SetEnabled(kOther, id, false, {}).ok());
  CHECK(!is_shared());
}

TEST_CASE_METHOD(DetectionFixture, "who subscribes follows a pack, also after a start") {
  REQUIRE(detection_->PutPack("words", PackOf({"row"}), false).ok());
  REQUIRE(detection_->Subscribe(kTenant, "words", {}).ok());
  Close();
  Open();
  Append(kTenant, testing::MakeBatch(0, 1));
  CHECK(Seqs() == List{0});
  const auto version = detection_->Get(kTenant, "words:row")->version;
  REQUIRE(detection_->PutPack("words", PackOf({"row", "more"}), false).ok());
  REQUIRE(
      detection_->SetEnabled(kTenant, "words:row", false, {}).ok());  // behind the pack's change
  CHECK(detection_->Get(kTenant, "words:row")->version == version);
  CHECK(detection_->Get(kTenant, "words:more")->version > version);
  CHECK_FALSE(detection_->Get(kTenant, "words:row")->enabled);
  Append(kTenant, testing::MakeBatch(1, 1));
  CHECK(Seqs() == List{0});
  REQUIRE(detection_->SetEnabled(kTenant, "words:row", true, {}).ok());
  Append(kTenant, testing::MakeBatch(2, 1));
  CHECK(Seqs() == List{0, 2});
  CHECK(detection_->Delete(kTenant, "words:row", {}).code() == Code::kInvalidArgument);
  REQUIRE(detection_->DeletePack("words").ok());
  REQUIRE(detection_->Unsubscribe(kTenant, "words").ok());
  Append(kTenant, testing::MakeBatch(3, 1));
  CHECK(Seqs() == List{0, 2});
  CHECK(detection_->Unsubscribe(kTenant, "words").code() == Code::kNotFound);
}

TEST_CASE_METHOD(DetectionFixture, "lists and filters of the tenant hold for rules of packs") {
  const std::string text =
      "name: listed\nid: listed\ndetection: {a: {message|expand: '%words%'}, condition: a}\n";
  REQUIRE(detection_->PutPack("lists", {{text, 1, ""}}, false)->at(0).info.state ==
          RuleState::kNeedsLists);
  REQUIRE(detection_->Subscribe(kTenant, "lists", {}).ok());
  const auto state = [&](TenantId tenant) {
    return detection_->Compiled(tenant).value()->Find("lists:listed")->state;
  };
  CHECK(state(kTenant) == RuleState::kNeedsLists);
  REQUIRE(detection_->PutList(kTenant, "words", {"row 0", "row 1"}).ok());
  CHECK(state(kTenant) == RuleState::kReady);
  const std::string filter =
      "title: not this\nid: f\nlogsource: {}\nfilter:\n  rules: [listed]\n"
      "  a: {seq: 1}\n  condition: a\n";
  REQUIRE(detection_->Put(kTenant, {"", filter, {}}, {}).status().ToString() == "ok");
  Append(kTenant, testing::MakeBatch(0, 3));
  CHECK(Seqs() == List{0});
}

}  // namespace
}  // namespace neurallog::detection
