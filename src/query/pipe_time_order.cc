// All rows in the order of _time, merged from blocks that come in the order of their first times. A row goes on as soon as no later block
// can hold one before it, so what waits is the blocks that overlap. Rows of one time stay in the order in which they came.
#include <algorithm>
#include <list>

#include "filter/filter.h"
#include "query/pipe.h"
#include "query/row_subset.h"

namespace neurallog::query {
namespace {

class TimeOrderStage : public Stage {
 public:
  TimeOrderStage(bool newest_first, const StageContext& context, Stage* next)
      : Stage(next), newest_first_(newest_first), interrupt_(*context.interrupt) {}

  Status Push(Batch batch) override {
    if (batch.count == 0) return {};
    NarrowToRows(&batch);
    NL_TRY(const std::span<const int64_t> times, batch.Times());
    if (times.empty()) return next_->Push(std::move(batch));
    NL_RETURN_IF_ERROR(batch.rows->Charge());
    batch.List();
    runs_.push_back({std::move(batch), times});
    return {};
  }
  Status Advance(int64_t ns) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    NL_RETURN_IF_ERROR(Release(KeyOf(ns)));
    return next_->Advance(ns);
  }
  TimeRange needed() const override { return next_->needed(); }
  Status Finish() override {
    NL_RETURN_IF_ERROR(Release(std::nullopt));
    return next_->Finish();
  }

 private:
  struct Run {
    Batch batch;
    std::span<const int64_t> times;
    size_t next = 0;
  };
  using RunPlace = std::list<Run>::iterator;

  // Smaller keys come first; ~ turns the order round.
  int64_t KeyOf(int64_t ns) const { return newest_first_ ? ~ns : ns; }
  int64_t KeyAt(const Run& run, size_t i) const { return KeyOf(run.times[run.batch.list[i]]); }

  RunPlace First() {
    return std::min_element(runs_.begin(), runs_.end(), [this](const Run& a, const Run& b) {
      return KeyAt(a, a.next) < KeyAt(b, b.next);
    });
  }

  // Rows before the bound go on; all of them when there is none.
  Status Release(std::optional<int64_t> bound) {
    while (!runs_.empty()) {
      const RunPlace run = First();
      if (bound && KeyAt(*run, run->next) >= *bound) return {};
      NL_RETURN_IF_ERROR(PushSlice(*run, EndOfSlice(run, bound)));
      if (run->next == run->batch.list.size()) runs_.erase(run);
    }
    return {};
  }

  // Up to where no other run has a row that comes before.
  size_t EndOfSlice(RunPlace run, std::optional<int64_t> bound) const {
    size_t end = run->batch.list.size();
    const auto cut = [&](int64_t key, bool also_equal) {
      const auto first = run->batch.list.begin();
      const auto is_before = [&](uint32_t row, int64_t limit) {
        const int64_t own = KeyOf(run->times[row]);
        return also_equal ? own <= limit : own < limit;
      };
      const auto place = std::lower_bound(first + static_cast<ptrdiff_t>(run->next),
                                          first + static_cast<ptrdiff_t>(end), key, is_before);
      end = static_cast<size_t>(place - first);
    };
    if (bound) cut(*bound, /*also_equal=*/false);
    bool is_behind = false;  // the others that come now have come later than this run
    for (auto other = runs_.begin(); other != runs_.end(); ++other) {
      if (other == run) {
        is_behind = true;
      } else {
        cut(KeyAt(*other, other->next), is_behind);
      }
    }
    return end;
  }

  Status PushSlice(Run& run, size_t end) {
    const auto begin = run.batch.list.begin();
    Batch slice;
    slice.rows = run.batch.rows;
    slice.projection = run.batch.projection;
    slice.SetList({begin + static_cast<ptrdiff_t>(run.next), begin + static_cast<ptrdiff_t>(end)});
    run.next = end;
    return next_->Push(std::move(slice));
  }

  const bool newest_first_;
  const Interrupt& interrupt_;
  std::list<Run> runs_;  // none is at its end
};

class TimeOrderPipe : public Pipe {
 public:
  explicit TimeOrderPipe(bool newest_first) : newest_first_(newest_first) {}
  void Print(std::string* to) const override {
    to->append("sort by (_time").append(newest_first_ ? " desc)" : ")");
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<TimeOrderStage>(newest_first_, context, next);
  }
  BlockOrder block_order() const override {
    return newest_first_ ? BlockOrder::kNewestFirst : BlockOrder::kOldestFirst;
  }

 private:
  const bool newest_first_;
};

}  // namespace

std::unique_ptr<Pipe> MakePipeTimeOrder(bool newest_first) {
  return std::make_unique<TimeOrderPipe>(newest_first);
}

}  // namespace neurallog::query
