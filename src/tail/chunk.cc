#include "tail/chunk.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/log.h"
#include "block/gather.h"
#include "block/memory_view.h"

namespace neurallog::tail {
namespace {

bool IsRelative(const filter::Filter& filter) {
  return filter.kind == filter::Filter::Kind::kTime ||
         std::any_of(filter.children.begin(), filter.children.end(),
                     [](const auto& child) { return IsRelative(*child); });
}

bool IsSorted(const std::vector<block::RowRef>& rows) {
  return std::is_sorted(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.timestamp_ns < b.timestamp_ns;
  });
}

// Sorts the rows by time and returns where each of them was.
std::vector<uint32_t> SortByTime(std::vector<block::RowRef>* rows) {
  if (IsSorted(*rows)) return {};
  std::unordered_map<const char*, uint32_t> place_of;
  place_of.reserve(rows->size());
  for (uint32_t i = 0; i < rows->size(); ++i) place_of[(*rows)[i].row] = i;
  block::SortRows(*rows);
  std::vector<uint32_t> places;
  places.reserve(rows->size());
  for (const block::RowRef& row : *rows) places.push_back(place_of[row.row]);
  return places;
}

}  // namespace

Chunk::Chunk(std::vector<std::shared_ptr<const model::RecordBatch>> batches,
             std::vector<block::RowRef> rows, std::vector<Cursor> cursors)
    : cursors_(std::move(cursors)), places_(SortByTime(&rows)) {
  memory_ = std::make_unique<block::MemoryBlock>(std::move(batches), std::move(rows));
  rows_ = std::make_shared<query::Rows>(std::make_unique<block::MemoryView>(*memory_),
                                        filter::Columns::Kind::kBlock, &budget_);
}

Status Chunk::ForEach(const std::vector<LoggedBatch>& batches, const Cursor& after,
                      const std::function<Status(Chunk&)>& visit) {
  std::vector<std::shared_ptr<const model::RecordBatch>> held;
  std::vector<block::RowRef> rows;
  std::vector<Cursor> cursors;
  size_t bytes = 0;
  const auto cut = [&]() -> Status {
    if (rows.empty()) return {};
    Chunk chunk(std::exchange(held, {}), std::exchange(rows, {}), std::exchange(cursors, {}));
    bytes = 0;
    return visit(chunk);
  };
  for (const LoggedBatch& logged : batches) {
    if (logged.lsn < after.lsn) continue;
    const char* at = logged.batch->first_row();
    for (uint32_t i = 0; i < logged.batch->rows(); ++i) {
      const model::RowReader row(at);
      const Cursor cursor{logged.lsn, i};
      if (cursor > after) {
        if (held.empty() || held.back() != logged.batch) held.push_back(logged.batch);
        rows.push_back({logged.batch.get(), at, row.timestamp_ns()});
        cursors.push_back(cursor);
        bytes += static_cast<size_t>(row.next_row() - at);
      }
      at = row.next_row();
      if (rows.size() == kRowsMax || bytes >= kBytesMax) NL_RETURN_IF_ERROR(cut());
    }
  }
  return cut();
}

std::vector<uint32_t> Chunk::InLogOrder(const filter::Bitmap& set) const {
  std::vector<uint32_t> list;
  set.ForEach([&](uint32_t row) { list.push_back(row); });
  if (!places_.empty())
    std::sort(list.begin(), list.end(),
              [this](uint32_t a, uint32_t b) { return places_[a] < places_[b]; });
  return list;
}

Matcher::Matcher(const filter::Filter& filter, std::shared_ptr<const filter::Program> program)
    : relative_(IsRelative(filter) ? filter::CloneFilter(filter) : nullptr),
      program_(std::move(program)) {}

void Matcher::SetNow(int64_t now_ns) {
  if (!relative_) return;
  auto program = filter::Program::Compile(*relative_, {.now_ns = now_ns});
  if (program.ok()) program_ = std::move(*program);
}

Result<std::vector<uint32_t>> Matcher::Match(Chunk& chunk) const {
  filter::Columns& columns = chunk.rows()->columns();
  const filter::Verdict verdict = program_->Judge(columns);
  if (verdict == filter::Verdict::kNone) return std::vector<uint32_t>();
  filter::Bitmap set(columns.rows(), true);
  if (verdict == filter::Verdict::kSome) NL_RETURN_IF_ERROR(program_->Refine(columns, &set));
  return chunk.InLogOrder(set);
}

}  // namespace neurallog::tail
