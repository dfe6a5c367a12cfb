// One record by its id, and what stands around it in its stream.
#include "api/answer.h"
#include "base/json_value.h"
#include "filter/filter.h"
#include "query/record_id.h"

namespace neurallog::api {
namespace {

constexpr uint64_t kNeighboursMax = 1'000;
constexpr uint64_t kNeighboursDefault = 10;

// The lines of a text, each without its end.
std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// Asks for the records of the id's time; a subclass asks for more.
class RecordAnswer : public Answer {
 public:
  bool needs_query() const override { return false; }
  bool is_whole() override { return true; }
  void TakeLines(std::string lines) override { lines_ += lines; }
  size_t memory_bytes() const override { return lines_.size(); }

  Status Prepare(const Context& context, Search* search) override {
    constexpr int kPlace = 3;  // /v1/logs/{id}
    return AskFor(PathSegment(context.request, kPlace), query::OutputFormat::kNative, search);
  }
  Result<std::string> Finish(const query::ExecuteStats&) override {
    NL_TRY(const std::string_view record, FindRecord());
    return std::string(record) + "\n";
  }

 protected:
  Status AskFor(std::string id, query::OutputFormat format, Search* search) {
    const auto parsed = query::ParseRecordId(id);
    if (!parsed) return NotFound("there is no record \"" + id.substr(0, 80) + "\"");
    id_ = std::move(id);
    time_ns_ = parsed->time_ns;
    search->options.range = {std::max(time_ns_, search->options.range.start_ns), time_ns_ + 1};
    search->options.format = format;
    search->options.with_ids = true;
    return search->ReplacePipes("filter *");
  }

  Result<std::string_view> FindRecord() const {
    for (const std::string_view line : SplitLines(lines_))
      if (IsIt(line)) return line;
    return NotFound("there is no record \"" + id_ + "\"");
  }
  bool IsIt(std::string_view line) const { return line.ends_with("\"_id\":\"" + id_ + "\"}"); }

  std::string id_;
  int64_t time_ns_ = 0;
  std::string lines_;
};

// Four searches: the record, for its stream; the stream's records of the same time; older ones; newer ones.
class ContextAnswer : public RecordAnswer {
 public:
  Status Prepare(const Context&, Search* search) override {
    NL_TRY(before_, ReadCount(search->params, "before", kNeighboursDefault));
    NL_TRY(after_, ReadCount(search->params, "after", kNeighboursDefault));
    if (before_ > kNeighboursMax || after_ > kNeighboursMax)
      return InvalidArgument("before, after: at most " + std::to_string(kNeighboursMax) +
                             " records");
    const auto id = search->params.Find("id");
    if (!id || id->empty()) return InvalidArgument("id: the id of a record is needed");
    return AskFor(std::string(*id), query::OutputFormat::kVictoriaLogs, search);
  }

  Result<std::optional<Search>> Continue(const Context& context) override {
    switch (++step_) {
      case 1: NL_RETURN_IF_ERROR(FindStream()); break;
      case 2: FindNeighboursOfSameTime(); break;
      case 3: older_ = std::move(lines_); break;
      default: return std::optional<Search>();
    }
    lines_.clear();
    NL_TRY(Search search, ReadSearch(context, /*query_required=*/false));
    const int64_t oldest_ns = search.options.range.start_ns;
    NL_TRY(search.query, query::ParseQuery(stream_query_, {.now_ns = search.now_ns}));
    search.options.format = query::OutputFormat::kNative;
    search.options.with_ids = true;
    search.options.in_order = true;
    search.options.newest_first = step_ == 2;
    if (step_ == 1) {
      search.options.range = {std::max(time_ns_, oldest_ns), time_ns_ + 1};
    } else if (step_ == 2) {
      search.options.range = {oldest_ns, time_ns_};
      search.options.limit = before_;
    } else {
      search.options.range = {time_ns_ + 1, TimeRange().end_ns};
      search.options.limit = after_;
    }
    return std::optional(std::move(search));
  }

  Result<std::string> Finish(const query::ExecuteStats&) override {
    std::vector<std::string> before;
    for (const std::string_view line : SplitLines(older_)) before.emplace_back(line);
    std::reverse(before.begin(), before.end());
    before.insert(before.end(), same_before_.begin(), same_before_.end());
    if (before.size() > before_)
      before.erase(before.begin(), before.end() - static_cast<ptrdiff_t>(before_));
    std::vector<std::string> after = same_after_;
    for (const std::string_view line : SplitLines(lines_)) after.emplace_back(line);
    if (after.size() > after_) after.resize(after_);
    return "{\"before\":[" + Join(before) + "],\"record\":" + record_ + ",\"after\":[" +
           Join(after) + "]}\n";
  }

 private:
  // The labels narrow the search, the id makes it exact.
  Status FindStream() {
    NL_TRY(const std::string_view line, FindRecord());
    NL_TRY(const base::JsonValue record, base::ParseJson(line));
    NL_TRY(const std::string stream, record.String(filter::kFieldStream));
    NL_TRY(const std::string stream_id, record.String(filter::kFieldStreamId));
    stream_query_ = stream == "{}" ? "" : stream + " ";
    stream_query_ += "_stream_id:=\"" + stream_id + "\"";
    return {};
  }

  void FindNeighboursOfSameTime() {
    for (const std::string_view line : SplitLines(lines_)) {
      if (record_.empty() && IsIt(line)) {
        record_ = line;
      } else {
        (record_.empty() ? same_before_ : same_after_).emplace_back(line);
      }
    }
  }

  static std::string Join(const std::vector<std::string>& lines) {
    std::string list;
    for (const std::string& line : lines) list += (list.empty() ? "" : ",") + line;
    return list;
  }

  uint64_t before_ = 0;
  uint64_t after_ = 0;
  int step_ = 0;
  std::string stream_query_;
  std::string record_;
  std::vector<std::string> same_before_, same_after_;
  std::string older_;
};

}  // namespace

void HandleRecord(Context context) { HandleAnswer<RecordAnswer>(std::move(context)); }
void HandleLogContext(Context context) { HandleAnswer<ContextAnswer>(std::move(context)); }

}  // namespace neurallog::api
