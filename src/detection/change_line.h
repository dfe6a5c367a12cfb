// Changes that wait to be made by one thread: those of one tenant that wait together are made together.
//
//   ChangeLine line([](TenantId tenant, std::vector<Change*> changes) { ... });   // sets each status
//   line.Start();
//   line.Submit(tenant, {edit, check, done});          // returns at once
//   line.Post(tenant);                                 // nobody is told: an empty list of changes
//
// So a burst of changes costs one compilation, and whoever changes rules neither compiles them nor waits. A tenant's
// turn comes when those who came before have been served. At most kWaitingMax changes wait, further ones are refused; a
// tenant that is posted again before its turn has one turn. Thread-safe but Start and Stop.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"

namespace neurallog::detection {

struct Draft;
class CompiledRules;

struct Change {
  // Enters the change into the draft; on an error the draft is as before. May be called again on another draft.
  std::function<Status(Draft*)> edit;
  // Looks at the result; an error takes the change back. None: it is always right.
  std::function<Status(const CompiledRules&, const Draft&)> check;
  // Told once what became of it, on the line's thread, or by Submit when it is refused. Must not wait for another change.
  std::function<void(const Status&)> done;
  Status status;
};

class ChangeLine {
 public:
  static constexpr size_t kWaitingMax = 1024;
  using Make = std::function<void(TenantId, const std::vector<Change*>&)>;
  explicit ChangeLine(Make make) : make_(std::move(make)) {}
  ~ChangeLine() { Stop(); }

  void Start();
  // Makes what waits. Changes that come later are refused.
  void Stop();
  void Submit(TenantId tenant, Change change);
  void Post(TenantId tenant);

 private:
  struct Turn {
    TenantId tenant;
    std::vector<Change> changes;
  };

  // The change waits, or why it does not.
  Status Admit(TenantId tenant, Change* change);
  void Serve(Turn* turn);
  Turn* TurnOf(TenantId tenant) NL_REQUIRES(mutex_);
  void Loop();

  const Make make_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<Turn> turns_ NL_GUARDED_BY(mutex_);
  size_t waiting_ NL_GUARDED_BY(mutex_) = 0;
  bool is_open_ NL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace neurallog::detection
