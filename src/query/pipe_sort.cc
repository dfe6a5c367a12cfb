// `sort [by (a, b desc)] [desc] [partition by (c)] [limit N] [offset N] [rank as name]`,
// `first N [by (a)] [partition by (c)]`, `last N [by (a)] [partition by (c)]`.
//
// Without `by` rows are ordered by all their fields: _time, the message, then the others in the order
// of their names.
// A partition is a group of rows with equal fields: its fields are the first to sort by, and limit and
// offset count anew in each. What no partition can need any more is thrown away from time to time.
// With a limit, a heap keeps the best rows: their keys and where they lie, no more; columns that
// are not keys are decoded for the survivors only. Sorting by _time alone with a limit is special:
// keys are integers, the source is told which times can still matter, so that it visits no block
// that is too old (or too young), and rows that no later block can beat go on at once, so that a
// large limit does not hold many blocks. Rows with equal keys stay in the order in which they came.
// The end comes in steps: rows are sorted in runs, and these merged as the answer is read.
#include <algorithm>

#include "filter/parser.h"
#include "query/rewrite_pipe.h"
#include "query/run_pusher.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct SortField {
  FieldPattern field;
  bool descending = false;
};

struct SortSpec {
  std::vector<SortField> fields;  // those of the partition first
  size_t partition_fields = 0;
  bool by_all = false;  // then by all other fields, without `by`
  bool all_descending = false;
  std::optional<FieldPattern> rank;
  bool has_limit = false;
  uint64_t limit = 0;
  uint64_t offset = 0;

  // How many rows a heap keeps.
  uint64_t kept() const {
    uint64_t kept;
    return __builtin_add_overflow(limit, offset, &kept) ? UINT64_MAX : kept;
  }
  bool is_by_time() const {
    return fields.size() == 1 && partition_fields == 0 && !rank && !by_all &&
           fields[0].field.name == filter::kFieldTime;
  }
};

// By _time with a limit.
class NewestStage : public Stage {
 public:
  NewestStage(const SortSpec& spec, const StageContext& context, Stage* next)
      : Stage(next),
        spec_(spec),
        descending_(spec.fields[0].descending),
        left_(spec.kept()),
        offset_left_(spec.offset),
        budget_(context.budget),
        interrupt_(*context.interrupt) {}
  ~NewestStage() override { budget_->Release(&charged_); }

  Status Push(Batch batch) override {
    if (spec_.limit == 0 || left_ == 0) return {};
    NL_RETURN_IF_ERROR(interrupt_.Check());
    NL_TRY(const std::span<const int64_t> times, batch.Times());
    for (const uint32_t row : batch.List()) {
      const int64_t key = times.empty() ? 0 : KeyOf(times[row]);
      if (heap_.size() == left_ && key >= heap_.front().key) continue;
      Insert({key, sequence_++, {batch.rows, batch.projection, row}});
    }
    NL_RETURN_IF_ERROR(batch.rows->Charge());
    return budget_->Charge(&charged_, heap_.capacity() * sizeof(Entry));
  }

  Status Finish() override {
    NL_RETURN_IF_ERROR(PushFirst(heap_.size()));
    return next_->Finish();
  }

  Status Advance(int64_t ns) override {
    const int64_t bound = KeyOf(ns);
    const auto is_certain = [bound](const Entry& entry) { return entry.key < bound; };
    const auto uncertain = std::partition(heap_.begin(), heap_.end(), is_certain);
    if (uncertain == heap_.begin()) {
      std::make_heap(heap_.begin(), heap_.end(), Before);
      return {};
    }
    return PushFirst(static_cast<size_t>(uncertain - heap_.begin()));
  }

  bool wants_more() const override { return spec_.limit > 0 && left_ > 0 && next_->wants_more(); }

  TimeRange needed() const override {
    TimeRange range;
    if (heap_.size() < left_ || heap_.empty()) return range;
    const int64_t key = heap_.front().key;
    if (descending_) {
      range.start_ns = ~key == std::numeric_limits<int64_t>::max() ? ~key : ~key + 1;
    } else {
      range.end_ns = key;
    }
    return range;
  }

 private:
  struct Entry {
    int64_t key;
    uint64_t sequence;
    RowPlace place;
  };
  static bool Before(const Entry& a, const Entry& b) {
    return a.key != b.key ? a.key < b.key : a.sequence < b.sequence;
  }

  // Smaller keys come first; ~ turns the order round.
  int64_t KeyOf(int64_t ns) const { return descending_ ? ~ns : ns; }

  // Lets the first `count` entries go, all of which come before the others. After an error those that did not
  // go are still here.
  Status PushFirst(size_t count) {
    const auto end = heap_.begin() + static_cast<ptrdiff_t>(count);
    std::sort(heap_.begin(), end, Before);
    RunPusher pusher(next_);
    Status status;
    auto entry = heap_.begin();
    for (; entry != end && status.ok(); ++entry) {
      if (offset_left_ > 0) {
        --offset_left_;
      } else {
        status = pusher.Add(std::move(entry->place));
      }
    }
    left_ -= static_cast<uint64_t>(entry - heap_.begin());
    heap_.erase(heap_.begin(), entry);
    std::make_heap(heap_.begin(), heap_.end(), Before);
    const Status flushed = pusher.Flush();
    return status.ok() ? flushed : status;
  }

  void Insert(Entry entry) {
    if (heap_.size() == left_) {
      std::pop_heap(heap_.begin(), heap_.end(), Before);
      heap_.back() = std::move(entry);
    } else {
      heap_.push_back(std::move(entry));
    }
    std::push_heap(heap_.begin(), heap_.end(), Before);
  }

  const SortSpec& spec_;
  const bool descending_;
  uint64_t left_;  // rows still to be found, with those to be skipped
  uint64_t offset_left_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
  std::vector<Entry> heap_;  // the worst one in front
  uint64_t sequence_ = 0;
  size_t charged_ = 0;
};

// The names of all fields that records of a block have, in the order in which they are compared.
using Names = std::vector<std::string>;

bool NameBefore(const std::string& a, const std::string& b) {
  const auto rank = [](const std::string& name) {
    return name == filter::kFieldTime ? 0 : name == kFieldMessage ? 1 : 2;
  };
  return rank(a) != rank(b) ? rank(a) < rank(b) : a < b;
}

std::shared_ptr<const Names> SortedNames(const Batch& batch) {
  auto names = std::make_shared<Names>();
  for (FieldRef& field : batch.Fields())
    if (!field.is_implied) names->push_back(std::move(field.name));
  std::sort(names->begin(), names->end(), NameBefore);
  return names;
}

class SortStage : public SlowEnd {
 public:
  SortStage(const SortSpec& spec, const StageContext& context, Stage* next)
      : SlowEnd(context, next),
        spec_(spec),
        kept_(spec.has_limit && spec.partition_fields == 0 ? spec.kept() : UINT64_MAX),
        budget_(context.budget),
        interrupt_(*context.interrupt),
        pusher_(next, spec.rank ? &*spec.rank : nullptr) {}
  ~SortStage() override { budget_->Release(&charged_); }

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    NL_RETURN_IF_ERROR(LoadColumns(&batch));
    Entry entry;
    size_t until_check = kRowsPerCheck;
    for (const uint32_t row : batch.List()) {
      LoadKeys(row, &entry);
      if (entries_.size() < kept_) {
        entry.place = {batch.rows, batch.projection, row};
        Append(std::move(entry));
        entry = {};
      } else if (kept_ > 0 && Before(entry, entries_.front())) {
        entry.place = {batch.rows, batch.projection, row};
        ReplaceWorst(&entry);
      }
      if (--until_check == 0) {
        until_check = kRowsPerCheck;
        NL_RETURN_IF_ERROR(ChargeEntries());
      }
    }
    NL_RETURN_IF_ERROR(batch.rows->Charge());
    if (spec_.partition_fields > 0 && entries_.size() >= prune_at_) Prune();
    return ChargeEntries();
  }

  bool wants_more() const override { return kept_ > 0; }

 private:
  static constexpr size_t kRowsPerCheck = 1024;
  static constexpr size_t kRowsPerRun = 8 << 10;
  // Those of one block are read together, the fewer times the more rows go at once.
  static constexpr size_t kRowsPerStep = 32 << 10;
  static constexpr size_t kPruneMin = 64 << 10;

  // Sorts a run of rows in each step, then merges the runs and pushes some rows in each step.
  Result<bool> EndStep() override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    if (sorted_ < entries_.size()) {
      SortNextRun();
      return true;
    }
    for (size_t i = 0; i < kRowsPerStep && !runs_.empty(); ++i)
      NL_RETURN_IF_ERROR(PushRow(TakeFirst()));
    NL_RETURN_IF_ERROR(pusher_.Flush());
    if (!runs_.empty()) return true;
    entries_.clear();
    return false;
  }

  struct Entry {
    std::vector<Value> keys;
    std::shared_ptr<const Names> names;  // of the keys behind those of spec_.fields
    uint64_t sequence = 0;
    RowPlace place;
  };

  bool Before(const Entry& a, const Entry& b) const {
    for (size_t i = 0; i < spec_.fields.size(); ++i) {
      const int order = Compare(a.keys[i], b.keys[i]);
      if (order != 0) return spec_.fields[i].descending ? order > 0 : order < 0;
    }
    if (spec_.by_all)
      if (const int order = CompareAll(a, b); order != 0)
        return spec_.all_descending ? order > 0 : order < 0;
    return a.sequence < b.sequence;
  }

  // Field by field; one that is not there is empty.
  int CompareAll(const Entry& a, const Entry& b) const {
    const Value absent;
    size_t i = 0, j = 0;
    while (i < a.names->size() || j < b.names->size()) {
      const bool a_has = i < a.names->size() &&
                         (j == b.names->size() || !NameBefore((*b.names)[j], (*a.names)[i]));
      const bool b_has = j < b.names->size() &&
                         (i == a.names->size() || !NameBefore((*a.names)[i], (*b.names)[j]));
      const int order = Compare(a_has ? a.keys[spec_.fields.size() + i++] : absent,
                                b_has ? b.keys[spec_.fields.size() + j++] : absent);
      if (order != 0) return order;
    }
    return 0;
  }

  bool SamePartition(const Entry& a, const Entry& b) const {
    for (size_t i = 0; i < spec_.partition_fields; ++i)
      if (Compare(a.keys[i], b.keys[i]) != 0) return false;
    return true;
  }

  // Entries [next, end) in order.
  struct Run {
    size_t next;
    size_t end;
  };
  // For a heap with the run of the first entry in front.
  bool RunBehind(const Run& a, const Run& b) const {
    return Before(entries_[b.next], entries_[a.next]);
  }

  void SortNextRun() {
    const size_t end = std::min(sorted_ + kRowsPerRun, entries_.size());
    Sort(sorted_, end);
    runs_.push_back({sorted_, end});
    std::push_heap(runs_.begin(), runs_.end(),
                   [this](const Run& a, const Run& b) { return RunBehind(a, b); });
    sorted_ = end;
  }

  // The first entry of all runs, which is in none afterwards.
  size_t TakeFirst() {
    const auto behind = [this](const Run& a, const Run& b) { return RunBehind(a, b); };
    std::pop_heap(runs_.begin(), runs_.end(), behind);
    const size_t first = runs_.back().next++;
    if (runs_.back().next == runs_.back().end) {
      runs_.pop_back();
    } else {
      std::push_heap(runs_.begin(), runs_.end(), behind);
    }
    return first;
  }

  // Entries come here in order.
  Status PushRow(size_t index) {
    Entry& entry = entries_[index];
    rank_ = last_ != kNone && SamePartition(entries_[last_], entry) ? rank_ + 1 : 1;
    last_ = index;
    const uint64_t kept = spec_.has_limit ? spec_.kept() : UINT64_MAX;
    if (rank_ <= spec_.offset || rank_ > kept) return {};
    return pusher_.Add(std::move(entry.place), rank_);
  }

  void Sort(size_t begin, size_t end) {
    const auto at = entries_.begin();
    std::sort(at + static_cast<ptrdiff_t>(begin), at + static_cast<ptrdiff_t>(end),
              [this](const Entry& a, const Entry& b) { return Before(a, b); });
  }

  // Throws away what lies behind the limit of its partition.
  void Prune() {
    Sort(0, entries_.size());
    const uint64_t kept = spec_.has_limit ? spec_.kept() : UINT64_MAX;
    uint64_t rank = 0;
    size_t end = 0;
    for (size_t i = 0; i < entries_.size(); ++i) {
      rank = end > 0 && SamePartition(entries_[end - 1], entries_[i]) ? rank + 1 : 1;
      if (rank > kept) {
        bytes_ -= BytesOf(entries_[i]);
      } else if (end++ != i) {
        entries_[end - 1] = std::move(entries_[i]);
      }
    }
    entries_.resize(end);
    prune_at_ = std::max<size_t>(kPruneMin, 2 * entries_.size());
  }

  Status LoadColumns(Batch* batch) {
    columns_.clear();
    const auto load = [&](const std::string& name) -> Status {
      NL_TRY(columns_.emplace_back(), batch->Get(name));
      return {};
    };
    for (const SortField& field : spec_.fields) NL_RETURN_IF_ERROR(load(field.field.name));
    if (!spec_.by_all) return {};
    names_ = SortedNames(*batch);
    for (const std::string& name : *names_) NL_RETURN_IF_ERROR(load(name));
    return {};
  }

  void LoadKeys(uint32_t row, Entry* entry) {
    char scratch[24];
    entry->keys.resize(columns_.size());
    entry->names = names_;
    entry->sequence = sequence_++;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i] == nullptr) {
        entry->keys[i].Set({});
      } else if (columns_[i]->encoding == block::Encoding::kInts && columns_[i]->Has(row)) {
        entry->keys[i].SetInt(columns_[i]->ints[row]);
      } else {
        entry->keys[i].Set(columns_[i]->TextAt(row, scratch));
      }
    }
  }

  static size_t BytesOf(const Entry& entry) {
    size_t bytes = sizeof(Entry);
    for (const Value& key : entry.keys) bytes += key.memory_bytes();
    return bytes;
  }

  void Append(Entry entry) {
    bytes_ += BytesOf(entry);
    entries_.push_back(std::move(entry));
    if (kept_ != UINT64_MAX)
      std::push_heap(entries_.begin(), entries_.end(),
                     [this](const Entry& a, const Entry& b) { return Before(a, b); });
  }

  void ReplaceWorst(Entry* entry) {
    const auto before = [this](const Entry& a, const Entry& b) { return Before(a, b); };
    std::pop_heap(entries_.begin(), entries_.end(), before);
    bytes_ -= BytesOf(entries_.back());
    bytes_ += BytesOf(*entry);
    std::swap(entries_.back(), *entry);
    entry->place = {};
    std::push_heap(entries_.begin(), entries_.end(), before);
  }

  Status ChargeEntries() {
    return budget_
        ->Charge(&charged_, bytes_ + (entries_.capacity() - entries_.size()) * sizeof(Entry))
        .Annotate("sort");
  }

  const SortSpec& spec_;
  const uint64_t kept_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
  std::vector<const block::Column*> columns_;
  std::shared_ptr<const Names> names_;
  std::vector<Entry> entries_;  // with a limit a heap, the worst one in front
  size_t prune_at_ = kPruneMin;
  uint64_t sequence_ = 0;

  // At the end.
  static constexpr size_t kNone = SIZE_MAX;
  RunPusher pusher_;
  size_t sorted_ = 0;      // entries that are in runs
  std::vector<Run> runs_;  // a heap of those that have entries left
  size_t last_ = kNone;    // the entry that went before
  uint64_t rank_ = 0;      // of it, in its partition
  size_t bytes_ = 0;
  size_t charged_ = 0;
};

class SortPipe : public Pipe {
 public:
  explicit SortPipe(SortSpec spec) : spec_(std::move(spec)) {}

  void Print(std::string* to) const override {
    to->append("sort");
    if (spec_.by_all) {
      if (spec_.all_descending) to->append(" desc");
    } else {
      to->append(" by (");
      PrintSortFields(to, spec_.partition_fields, spec_.fields.size());
    }
    if (spec_.partition_fields > 0) {
      to->append(" partition by (");
      PrintSortFields(to, 0, spec_.partition_fields);
    }
    if (spec_.offset != 0) to->append(" offset " + std::to_string(spec_.offset));
    if (spec_.has_limit) to->append(" limit " + std::to_string(spec_.limit));
    if (!spec_.rank) return;
    to->append(" rank as ");
    PrintFieldList(to, {*spec_.rank});
  }

  Stage* Start(const StageContext& context, Stage* next) const override {
    if (spec_.has_limit && spec_.is_by_time())
      return context.Add<NewestStage>(spec_, context, next);
    return context.Add<SortStage>(spec_, context, next);
  }

  void PartitionByTime() override {
    const auto end = spec_.fields.begin() + static_cast<ptrdiff_t>(spec_.partition_fields);
    const bool has_time = std::any_of(spec_.fields.begin(), end, [](const SortField& by) {
      return by.field.name == filter::kFieldTime;
    });
    if (!spec_.has_limit || has_time) return;
    const std::string time(filter::kFieldTime);
    spec_.fields.insert(end, {{time, time, false}, false});
    ++spec_.partition_fields;
  }
  BlockOrder block_order() const override {
    if (!spec_.has_limit || !spec_.is_by_time()) return BlockOrder::kAny;
    return spec_.fields[0].descending ? BlockOrder::kNewestFirst : BlockOrder::kOldestFirst;
  }

 private:
  void PrintSortFields(std::string* to, size_t begin, size_t end) const {
    for (size_t i = begin; i < end; ++i) {
      if (i != begin) to->append(", ");
      PrintFieldList(to, {spec_.fields[i].field});
      if (spec_.fields[i].descending) to->append(" desc");
    }
    to->push_back(')');
  }

  SortSpec spec_;
};

bool TakeDirection(filter::Lexer* lexer) {
  if (lexer->TakeKeyword("desc")) return true;
  lexer->TakeKeyword("asc");
  return false;
}

// `[by] (a, b desc)` when it is there.
Status ParseSortFields(filter::Lexer* lexer, SortSpec* spec) {
  spec->by_all = !lexer->TakeKeyword("by") && !lexer->IsSymbol('(');
  if (spec->by_all) return {};
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected a list of fields after 'by', found " + lexer->Found());
  spec->by_all = lexer->TakeSymbol(')');
  if (spec->by_all) return {};
  do {
    SortField field;
    NL_TRY(field.field, ParseFieldName(lexer, "the name of a field"));
    field.descending = TakeDirection(lexer);
    spec->fields.push_back(std::move(field));
  } while (lexer->TakeSymbol(',') && !lexer->IsSymbol(')'));
  if (!lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ',' or ')', found " + lexer->Found());
  return {};
}

// `partition [by] (a, b)` behind its keyword.
Status ParsePartition(filter::Lexer* lexer, SortSpec* spec) {
  lexer->TakeKeyword("by");
  const size_t begin = lexer->token().begin;
  NL_TRY(std::vector<FieldPattern> fields,
         ParseFieldListInParentheses(lexer, "a list of fields after 'partition by'"));
  for (FieldPattern& field : fields) {
    if (field.is_prefix) return lexer->ErrorAt(begin, "expected names of fields without a '*'");
    spec->fields.insert(spec->fields.begin() + static_cast<ptrdiff_t>(spec->partition_fields++),
                        {std::move(field), false});
  }
  return {};
}

// `rank [as name]` behind its keyword.
Result<FieldPattern> ParseRank(filter::Lexer* lexer) {
  const bool has_name =
      lexer->IsText() && !lexer->IsKeyword("limit") && !lexer->IsKeyword("offset");
  if (!has_name) return FieldPattern{"rank", "rank", false};
  return ParseResultName(lexer);
}

void Reverse(SortSpec* spec) {
  spec->all_descending = !spec->all_descending;
  for (SortField& field : spec->fields) field.descending = !field.descending;
}

PipeResult ParseFirstOrLast(const PipeParse& parse, bool is_last) {
  SortSpec spec;
  spec.has_limit = true;
  spec.limit = 1;
  filter::Lexer* lexer = parse.lexer;
  const bool has_count = lexer->IsText() && !lexer->IsKeyword("by") &&
                         !lexer->IsKeyword("partition") && !lexer->IsKeyword("rank");
  if (has_count) {
    NL_TRY(spec.limit,
           ParseCount(lexer, "a number of rows or 'by' after '" + std::string(parse.name) + "'"));
  }
  NL_RETURN_IF_ERROR(ParseSortFields(lexer, &spec));
  if (is_last) Reverse(&spec);
  if (lexer->TakeKeyword("partition")) NL_RETURN_IF_ERROR(ParsePartition(lexer, &spec));
  if (lexer->TakeKeyword("rank")) {
    NL_TRY(spec.rank, ParseRank(lexer));
  }
  return std::unique_ptr<Pipe>(std::make_unique<SortPipe>(std::move(spec)));
}

}  // namespace

PipeResult ParsePipeSort(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  SortSpec spec;
  NL_RETURN_IF_ERROR(ParseSortFields(lexer, &spec));
  if (TakeDirection(lexer)) Reverse(&spec);
  for (;;) {
    if (lexer->TakeKeyword("limit")) {
      spec.has_limit = true;
      NL_TRY(spec.limit, ParseCount(lexer, "a number of rows after 'limit'"));
    } else if (lexer->TakeKeyword("offset")) {
      NL_TRY(spec.offset, ParseCount(lexer, "a number of rows after 'offset'"));
    } else if (lexer->TakeKeyword("rank")) {
      NL_TRY(spec.rank, ParseRank(lexer));
    } else if (spec.partition_fields == 0 && lexer->TakeKeyword("partition")) {
      NL_RETURN_IF_ERROR(ParsePartition(lexer, &spec));
    } else if (spec.partition_fields > 0 && !spec.has_limit) {
      return lexer->ErrorHere("expected 'limit' with 'partition by', found " + lexer->Found());
    } else {
      return std::unique_ptr<Pipe>(std::make_unique<SortPipe>(std::move(spec)));
    }
  }
}

PipeResult ParsePipeFirst(const PipeParse& parse) {
  return ParseFirstOrLast(parse, /*is_last=*/false);
}
PipeResult ParsePipeLast(const PipeParse& parse) {
  return ParseFirstOrLast(parse, /*is_last=*/true);
}

std::unique_ptr<Pipe> MakePipeSortByTime(bool newest_first, uint64_t limit, uint64_t offset) {
  SortSpec spec;
  spec.fields.push_back(
      {{std::string(filter::kFieldTime), std::string(filter::kFieldTime), false}, newest_first});
  spec.has_limit = true;
  spec.limit = limit;
  spec.offset = offset;
  return std::make_unique<SortPipe>(std::move(spec));
}

}  // namespace neurallog::query
