// Who is told how a batch fared.
#pragma once

#include "neurallog/status.h"

namespace neurallog::ingest {

// Done is called exactly once, on the committer thread (or on the caller's when the batch is refused at once); it must not block.
// OK means: the batch is on the disk and every later query finds it.
class Ack {
 public:
  virtual ~Ack() = default;
  virtual void Done(const Status& status) = 0;
};

}  // namespace neurallog::ingest
