// `count_uniq(a, b) [limit N]`, `count_uniq_hash`: how many different combinations of values there are,
// those that are all empty left out; counting ends at the limit. Sets hold 128-bit hashes of the values: 10^12 different values would collide with a
// probability below 10^-14. When the sets need more than half of the query's memory, the large ones are
// sketched, unless there is a limit.
#include <array>
#include <bit>

#include "base/bytes.h"
#include "base/hash.h"
#include "block/code_index.h"
#include "query/stats_function.h"
#include "query/unique_sketch.h"

namespace neurallog::query {
namespace {

// Open addressing, a power of two slots, at most 3/4 full. The zero hash marks a free slot. What is put in
// at once at the beginning is a list, until more comes.
class HashSet {
 public:
  // All different; the set must be empty.
  void PutAll(std::vector<base::Hash128Value> hashes) {
    slots_ = std::move(hashes);
    size_ = slots_.size();
    is_list_ = true;
  }
  bool empty() const { return size() == 0; }
  void Insert(base::Hash128Value hash) {
    if (sketch_ != nullptr) return sketch_->Insert(hash);
    if (is_list_) MakeTable();
    if ((size_ + 1) * 4 > slots_.size() * 3) Grow();
    if (InsertInto(&slots_, hash)) ++size_;
  }
  void Prefetch(const base::Hash128Value& hash) const {
    if (!slots_.empty() && !is_list_)
      __builtin_prefetch(&slots_[hash.low & (slots_.size() - 1)], 1);
  }
  void Sketch() {
    if (sketch_ != nullptr) return;
    sketch_ = std::make_unique<UniqueSketch>();
    is_list_ = false;
    for (const base::Hash128Value& hash : std::exchange(slots_, {}))
      if (!hash.empty()) sketch_->Insert(hash);
  }
  void Merge(const HashSet& later) {
    if (later.sketch_ != nullptr) {
      Sketch();
      sketch_->Merge(*later.sketch_);
    }
    constexpr size_t kAhead = 8;
    for (size_t i = 0; i < later.slots_.size(); ++i) {
      if (i + kAhead < later.slots_.size()) Prefetch(later.slots_[i + kAhead]);
      if (!later.slots_[i].empty()) Insert(later.slots_[i]);
    }
  }
  bool is_sketched() const { return sketch_ != nullptr; }
  uint64_t size() const { return sketch_ == nullptr ? size_ : sketch_->Estimate(); }
  size_t heap_bytes() const {
    return slots_.capacity() * sizeof(slots_[0]) +
           (sketch_ == nullptr ? 0 : sketch_->memory_bytes());
  }

 private:
  static bool InsertInto(std::vector<base::Hash128Value>* slots, const base::Hash128Value& hash) {
    const size_t mask = slots->size() - 1;
    for (size_t slot = hash.low & mask;; slot = (slot + 1) & mask) {
      if ((*slots)[slot] == hash) return false;
      if (!(*slots)[slot].empty()) continue;
      (*slots)[slot] = hash;
      return true;
    }
  }
  void Grow() { MoveTo(slots_.empty() ? kSlotsMin : slots_.size() * 2); }
  void MakeTable() {
    MoveTo(std::max(kSlotsMin, std::bit_ceil(slots_.size() * 2)));
    is_list_ = false;
  }
  void MoveTo(size_t slots) {
    std::vector<base::Hash128Value> table(slots);
    for (const base::Hash128Value& hash : slots_)
      if (!hash.empty()) InsertInto(&table, hash);
    slots_ = std::move(table);
  }

  static constexpr size_t kSlotsMin = 16;

  std::vector<base::Hash128Value> slots_;
  size_t size_ = 0;
  bool is_list_ = false;
  std::unique_ptr<UniqueSketch> sketch_;  // then slots_ is empty
};

class CountUniqState : public GroupState<HashSet> {
 public:
  CountUniqState(const std::vector<FieldPattern>& fields, uint64_t limit, size_t exact_bytes_max)
      : fields_(fields), limit_(limit), exact_bytes_max_(exact_bytes_max) {}

  Status Update(const StatsInput& input) override {
    std::vector<const block::Column*> columns(fields_.size());
    for (size_t i = 0; i < fields_.size(); ++i) {
      NL_TRY(columns[i], input.batch.Get(fields_[i].name));
    }
    const bool is_single_dict = columns.size() == 1 && columns[0] != nullptr &&
                                columns[0]->encoding == block::Encoding::kDict &&
                                !input.has_groups();
    if (is_single_dict) {
      UpdateFromDict(*columns[0], input);
    } else {
      UpdateFromRows(columns, input);
    }
    SketchIfLarge();
    return {};
  }
  std::string_view error_bound() const override {
    return is_sketched_ ? "0.81 % of the value, as a standard deviation" : std::string_view();
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    const uint64_t count = value(group).size();
    to->Add(std::to_string(limit_ == 0 ? count : std::min(count, limit_)), ValueType::kNumber);
  }

 private:
  void UpdateFromDict(const block::Column& column, const StatsInput& input) {
    Batch& batch = input.batch;
    const block::CodeIndex* index =
        batch.is_whole_block() ? batch.rows->columns().CodeIndexOf(fields_[0].name) : nullptr;
    if (index != nullptr) return UpdateFromStored(column, *index);
    std::vector<uint8_t> is_seen(column.entries.size());
    for (const uint32_t row : batch.List())
      if (column.Has(row)) is_seen[column.codes[row]] = 1;
    for (size_t i = 0; i < is_seen.size(); ++i)
      if (is_seen[i] != 0 && !column.entries[i].empty()) InsertLater(0, HashOf(column.entries[i]));
    InsertWaiting();
  }

  // Of a whole block, whose entries are all different.
  void UpdateFromStored(const block::Column& column, const block::CodeIndex& index) {
    std::vector<base::Hash128Value> hashes;
    for (size_t i = 0; i < column.entries.size(); ++i)
      if (index.CountOf(i) > 0 && !column.entries[i].empty())
        hashes.push_back(HashOf(column.entries[i]));
    if (value(0).empty()) return Change(0, [&](HashSet& set) { set.PutAll(std::move(hashes)); });
    for (const base::Hash128Value& hash : hashes) InsertLater(0, hash);
    InsertWaiting();
  }

  static base::Hash128Value HashOf(std::string_view text) {
    base::Hash128Value hash = base::Hash128(text);
    if (hash.empty()) hash.low = 1;
    return hash;
  }

  void UpdateFromRows(const std::vector<const block::Column*>& columns, const StatsInput& input) {
    const std::vector<uint32_t>& rows = input.batch.List();
    for (size_t i = 0; i < rows.size(); ++i) {
      const base::Hash128Value hash = HashOf(columns, rows[i]);
      if (!hash.empty()) InsertLater(input.GroupOf(i), hash);
    }
    InsertWaiting();
  }

  // Of the row's values; empty when it has none.
  base::Hash128Value HashOf(const std::vector<const block::Column*>& columns, uint32_t row) {
    char scratch[24];
    const auto text_of = [&](const block::Column* column) {
      return column == nullptr ? std::string_view() : column->TextAt(row, scratch);
    };
    if (columns.size() == 1) {
      const std::string_view text = text_of(columns[0]);
      return text.empty() ? base::Hash128Value() : HashOf(text);
    }
    key_.clear();
    bool has_value = false;
    for (const block::Column* column : columns) {
      const std::string_view text = text_of(column);
      has_value |= !text.empty();
      base::AppendLengthPrefixed(&key_, text);
    }
    return has_value ? HashOf(std::string_view(key_)) : base::Hash128Value();
  }

  // Several at once, so that their places in a large set are on the way to the cache together.
  void InsertLater(size_t group, const base::Hash128Value& hash) {
    value(group).Prefetch(hash);
    waiting_[waiting_count_++] = {group, hash};
    if (waiting_count_ == waiting_.size()) InsertWaiting();
  }
  void InsertWaiting() {
    for (size_t i = 0; i < waiting_count_; ++i) Insert(waiting_[i].first, waiting_[i].second);
    waiting_count_ = 0;
  }

  void Insert(size_t group, const base::Hash128Value& hash) {
    if (limit_ != 0 && value(group).size() >= limit_) return;
    Change(group, [&hash](HashSet& set) { set.Insert(hash); });
  }

  void OnMerged(const StatsState& other) override {
    is_sketched_ |= static_cast<const CountUniqState&>(other).is_sketched_;
    SketchIfLarge();
  }

  void SketchIfLarge() {
    if (heap_bytes() > exact_bytes_max_ && limit_ == 0) SketchLarge();
  }

  void SketchLarge() {
    constexpr size_t kLarge = 4096;
    for (size_t group = 0; group < groups(); ++group) {
      if (value(group).is_sketched() || value(group).size() < kLarge) continue;
      Change(group, [](HashSet& set) { set.Sketch(); });
      is_sketched_ = true;
    }
  }

  const std::vector<FieldPattern>& fields_;
  const uint64_t limit_;  // 0: none
  const size_t exact_bytes_max_;
  bool is_sketched_ = false;
  std::string key_;
  std::array<std::pair<size_t, base::Hash128Value>, 32> waiting_;
  size_t waiting_count_ = 0;
};

class CountUniqFunction : public StatsFunction {
 public:
  CountUniqFunction(std::vector<FieldPattern> fields, uint64_t limit)
      : fields_(std::move(fields)), limit_(limit) {}

  void Print(std::string* to) const override {
    to->append("count_uniq(");
    PrintFieldList(to, fields_);
    to->push_back(')');
    if (limit_ != 0) to->append(" limit " + std::to_string(limit_));
  }
  std::unique_ptr<StatsState> Start(const StatsContext& context) const override {
    return std::make_unique<CountUniqState>(fields_, limit_, context.exact_bytes_max);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const uint64_t limit_;
};

}  // namespace

StatsFunctionResult ParseStatsCountUniq(filter::Lexer* lexer) {
  const size_t begin = lexer->token().begin;
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/false));
  const bool has_wildcard =
      fields.empty() || std::any_of(fields.begin(), fields.end(),
                                    [](const FieldPattern& field) { return field.is_prefix; });
  if (has_wildcard) return lexer->ErrorAt(begin, "expected names of fields without a '*'");
  NL_TRY(const uint64_t limit, ParseStatsLimit(lexer));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<CountUniqFunction>(std::move(fields), limit));
}

}  // namespace neurallog::query
