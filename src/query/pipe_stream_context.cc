// `stream_context [before N] [after N] [time_window 1h]`: for each row, the rows before and after it in
// its stream. Rows come in chunks, one per time of a match: the rows before it that no earlier chunk has,
// the match, and the rows after it up to the next match. Streams come in the order of their first match,
// and when there is more than one chunk, each ends with a row whose message is `---`.
#include <algorithm>
#include <deque>

#include "base/time_format.h"
#include "filter/number.h"
#include "filter/parser.h"
#include "query/query.h"
#include "query/run_pusher.h"
#include "query/stream_context.h"

namespace neurallog::query {
namespace {

constexpr int64_t kWindowDefault = 3600 * base::kNsPerSecond;

// The rows of one stream that are shown, found while its rows go by in the order of time.
class ContextOfStream {
 public:
  ContextOfStream(const StreamContext& spec, const std::vector<int64_t>& matches, std::string text)
      : spec_(spec), matches_(matches), text_(std::move(text)) {}

  // True when the row is kept.
  bool Add(int64_t ns, const RowPlace& place) {
    while (next_ < matches_.size() && matches_[next_] < ns) LeaveMatch();
    if (next_ < matches_.size() && matches_[next_] == ns) return AddMatch(place);
    if (after_left_ > 0 && IsNear(matches_[next_ - 1], ns)) {
      --after_left_;
      rows_.push_back(place);
      return true;
    }
    if (spec_.before == 0 || next_ == matches_.size() || !IsNear(ns, matches_[next_])) return false;
    waiting_.push_back(place);
    if (waiting_.size() > spec_.before) waiting_.pop_front();
    return true;
  }

  // Of its _stream.
  const std::string& text() const { return text_; }
  int64_t first_ns() const { return matches_.front(); }
  std::vector<RowPlace>& rows() { return rows_; }
  // Behind the last row of each chunk.
  std::vector<size_t> ChunkEnds() const {
    std::vector<size_t> ends(begins_.begin() + (begins_.empty() ? 0 : 1), begins_.end());
    if (!rows_.empty()) ends.push_back(rows_.size());
    return ends;
  }
  size_t memory_bytes() const {
    return (rows_.capacity() + waiting_.size()) * sizeof(RowPlace) +
           begins_.capacity() * sizeof(size_t);
  }

 private:
  bool IsNear(int64_t earlier, int64_t later) const {
    int64_t distance;
    return !__builtin_sub_overflow(later, earlier, &distance) && distance <= spec_.window_ns;
  }
  void LeaveMatch() {
    ++next_;
    after_left_ = spec_.after;
    is_in_match_ = false;
  }
  bool AddMatch(const RowPlace& place) {
    if (!is_in_match_) {
      begins_.push_back(rows_.size());
      rows_.insert(rows_.end(), waiting_.begin(), waiting_.end());
      waiting_.clear();
      is_in_match_ = true;
    }
    rows_.push_back(place);
    return true;
  }

  const StreamContext& spec_;
  const std::vector<int64_t>& matches_;
  const std::string text_;
  size_t next_ = 0;               // in matches_, the first that is not over
  bool is_in_match_ = false;      // its chunk has begun
  uint64_t after_left_ = 0;       // rows that the last chunk may still get
  std::deque<RowPlace> waiting_;  // the rows before the next match
  std::vector<RowPlace> rows_;
  std::vector<size_t> begins_;  // of chunks, in rows_
};

class StreamContextStage : public Stage {
 public:
  StreamContextStage(const StreamContext& spec, const StageContext& context, Stage* next)
      : Stage(next), spec_(spec), budget_(context.budget), interrupt_(*context.interrupt) {}
  ~StreamContextStage() override { budget_->Release(&charged_); }

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    NL_TRY(const std::span<const int64_t> times, batch.Times());
    NL_TRY(FieldReader ids, FieldReader::Open(batch, filter::kFieldStreamId));
    NL_TRY(FieldReader texts, FieldReader::Open(batch, filter::kFieldStream));
    bool is_kept = false;
    for (const uint32_t row : batch.List()) {
      ContextOfStream* stream = Find(ids.Text(row), texts, row);
      if (stream != nullptr)
        is_kept |= stream->Add(times[row], {batch.rows, batch.projection, row});
    }
    if (is_kept) NL_RETURN_IF_ERROR(batch.rows->Charge().Annotate("stream_context"));
    size_t bytes = 0;
    for (const auto& [id, stream] : streams_) bytes += stream.memory_bytes();
    return budget_->Charge(&charged_, bytes).Annotate("stream_context");
  }

  Status Finish() override {
    std::vector<std::pair<const std::string, ContextOfStream>*> order;
    for (auto& stream : streams_) order.push_back(&stream);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return a->second.first_ns() < b->second.first_ns();
    });
    const bool has_ends =
        order.size() > 1 || (order.size() == 1 && order[0]->second.ChunkEnds().size() > 1);
    for (auto* stream : order)
      NL_RETURN_IF_ERROR(PushStream(stream->first, &stream->second, has_ends));
    return next_->Finish();
  }

  Status Advance(int64_t ns) override {
    reached_ns_ = ns;
    return {};
  }
  TimeRange needed() const override {
    const std::vector<TimeRange>& windows = spec_.matches->windows();
    const auto next = std::find_if(windows.begin(), windows.end(), [this](const TimeRange& window) {
      return window.end_ns > reached_ns_;
    });
    return next == windows.end() ? TimeRange{0, 0}
                                 : TimeRange{next->start_ns, windows.back().end_ns};
  }
  bool wants_more() const override { return !needed().empty() && next_->wants_more(); }

 private:
  // Null: it has no match.
  ContextOfStream* Find(std::string_view id, FieldReader& texts, uint32_t row) {
    const auto known = streams_.find(id);
    if (known != streams_.end()) return &known->second;
    const auto matches = spec_.matches->streams().find(id);
    if (matches == spec_.matches->streams().end()) return nullptr;
    return &streams_
                .emplace(std::string(id),
                         ContextOfStream(spec_, matches->second, std::string(texts.Text(row))))
                .first->second;
  }

  Status PushStream(const std::string& id, ContextOfStream* stream, bool has_ends) {
    RunPusher pusher(next_);
    size_t begin = 0;
    for (const size_t end : stream->ChunkEnds()) {
      NL_RETURN_IF_ERROR(interrupt_.Check());
      if (!next_->wants_more()) return {};
      Batch last;
      last.rows = stream->rows()[end - 1].rows;
      NL_TRY(const std::span<const int64_t> times, last.Times());
      const int64_t last_ns = times[stream->rows()[end - 1].row];
      for (; begin < end; ++begin) NL_RETURN_IF_ERROR(pusher.Add(stream->rows()[begin]));
      NL_RETURN_IF_ERROR(pusher.Flush());
      if (has_ends) NL_RETURN_IF_ERROR(PushEnd(id, stream->text(), last_ns + 1));
    }
    return {};
  }

  // The row behind a chunk.
  Status PushEnd(const std::string& id, const std::string& stream, int64_t ns) {
    auto table = std::make_unique<Table>();
    table->SetRows(1);
    Batch batch;
    batch.count = 1;
    batch.matched.Reset(1, true);
    batch.rows = std::make_shared<Rows>(std::move(table), filter::Columns::Kind::kTable, budget_);
    FieldSet fields(batch);
    const auto set = [&fields](std::string_view name, std::string_view value) {
      filter::ColumnBuilder builder;
      builder.Add(value);
      fields.Set(name, builder.Finish());
    };
    set(filter::kFieldTime, base::FormatRfc3339(ns));
    set(filter::kFieldStreamId, id);
    set(filter::kFieldStream, stream);
    set(kFieldMessage, "---");
    return next_->Push(Derive(batch, std::move(fields), /*is_table=*/false));
  }

  const StreamContext& spec_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
  std::map<std::string, ContextOfStream, std::less<>> streams_;  // by id
  int64_t reached_ns_ = std::numeric_limits<int64_t>::min();
  size_t charged_ = 0;
};

class StreamContextPipe : public Pipe {
 public:
  explicit StreamContextPipe(StreamContext spec)
      : spec_(std::move(spec)), in_order_(MakePipeTimeOrder(/*newest_first=*/false)) {}
  void Print(std::string* to) const override {
    to->append("stream_context");
    if (spec_.before > 0) to->append(" before " + std::to_string(spec_.before));
    if (spec_.after > 0 || spec_.before == 0) to->append(" after " + std::to_string(spec_.after));
    if (spec_.window_ns != kWindowDefault)
      to->append(" time_window " + std::to_string(spec_.window_ns) + "ns");
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return in_order_->Start(context, context.Add<StreamContextStage>(spec_, context, next));
  }
  BlockOrder block_order() const override { return BlockOrder::kOldestFirst; }
  StreamContext* stream_context() override { return &spec_; }

 private:
  StreamContext spec_;
  const std::unique_ptr<Pipe> in_order_;
};

Status ParseWindow(filter::Lexer* lexer, int64_t* window_ns) {
  const auto window = filter::ParseDurationNs(lexer->token().text);
  if (!lexer->IsText() || !window || *window <= 0)
    return lexer->ErrorHere("expected a duration such as 1h after 'time_window', found " +
                            lexer->Found());
  *window_ns = *window;
  lexer->Next();
  return {};
}

// `before N`, `after N` and `time_window 1h` in any order.
Status ParseBounds(filter::Lexer* lexer, StreamContext* spec) {
  bool has_count = false;
  for (;;) {
    if (lexer->TakeKeyword("before")) {
      NL_TRY(spec->before, ParseCount(lexer, "a number of rows after 'before'"));
      has_count = true;
    } else if (lexer->TakeKeyword("after")) {
      NL_TRY(spec->after, ParseCount(lexer, "a number of rows after 'after'"));
      has_count = true;
    } else if (lexer->TakeKeyword("time_window")) {
      NL_RETURN_IF_ERROR(ParseWindow(lexer, &spec->window_ns));
    } else if (!has_count) {
      return lexer->ErrorHere("expected 'before' or 'after' and a number of rows, found " +
                              lexer->Found());
    } else {
      return {};
    }
  }
}

}  // namespace

PipeResult ParsePipeStreamContext(const PipeParse& parse) {
  StreamContext spec;
  spec.window_ns = kWindowDefault;
  NL_RETURN_IF_ERROR(ParseBounds(parse.lexer, &spec));
  spec.matches = std::make_shared<ContextMatches>(spec.before > 0 ? spec.window_ns : 0,
                                                  spec.after > 0 ? spec.window_ns : 0);
  auto streams = filter::MakeFilter(filter::Filter::Kind::kIn);
  streams->field = filter::kFieldStreamId;
  streams->subquery = spec.matches;
  NL_TRY(spec.filter, AddExtraFilters(std::move(streams), parse.options.extra_filters));
  NL_TRY(spec.program, filter::Program::Compile(*spec.filter, {.now_ns = parse.options.now_ns}));
  return std::unique_ptr<Pipe>(std::make_unique<StreamContextPipe>(std::move(spec)));
}

}  // namespace neurallog::query
