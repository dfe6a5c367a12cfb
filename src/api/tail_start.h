// The beginning of a live tail: sends what is stored already, and lets the viewer go on from there.
#pragma once

#include <memory>
#include <optional>

#include "api/api.h"
#include "query/execution.h"
#include "query/query.h"
#include "tail/hub.h"
#include "wal/range_reader.h"

namespace neurallog::api {

// Works in steps on the worker pool: while the client is slow to read it holds no thread. Either what
// a query finds now (`StartWithHistory`) or what is in the log behind a cursor (`StartBehind`) is
// sent first, or nothing. If the events that come meanwhile are more than the viewer's queue takes,
// they are read from the log as well.
class TailStart : public std::enable_shared_from_this<TailStart> {
 public:
  TailStart(Api* api, ingest::TenantLog* log, std::shared_ptr<tail::Viewer> viewer)
      : api_(api), log_(log), viewer_(std::move(viewer)) {}

  void StartNow();
  void StartWithHistory(query::Query query, query::ExecuteOptions options);
  void StartBehind(const tail::Cursor& cursor);

 private:
  void StepHistory();
  void StepLog();
  // Everything up to `position_` has been sent.
  void Release();
  Status ReadOn();
  // False when the client has enough to read: `step` follows then.
  bool MayWrite(void (TailStart::*step)());
  void WriteLines(std::string_view lines);
  void TellGap();

  Api* const api_;
  ingest::TenantLog* const log_;
  const std::shared_ptr<tail::Viewer> viewer_;
  tail::Cursor sent_;   // what was sent so far, of the log
  uint64_t until_ = 0;  // LSN: what is to be sent before the viewer goes on
  std::optional<query::Execution> history_;
  std::optional<wal::RangeReader> reader_;
  std::optional<tail::Matcher> matcher_;
};

}  // namespace neurallog::api
