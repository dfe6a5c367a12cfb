// What a viewer asked for: a query of filter and row-by-row pipes, and the form of the answer.
//
// Immutable and thread-safe; shared by all viewers who ask for the same.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "query/query.h"
#include "query/row_pipeline.h"
#include "tail/chunk.h"
#include "tail/framing.h"

namespace neurallog::tail {

// Events as they go over the wire, one after the other. Shared by all viewers who get them.
struct Reel {
  struct Event {
    Cursor cursor;
    size_t end;  // of its bytes
  };
  std::string bytes;
  std::vector<Event> events;

  size_t Begin(size_t event) const { return event == 0 ? 0 : events[event - 1].end; }
};

class Lens {
 public:
  // InvalidArgument names a pipe that does not work row by row.
  static Result<std::shared_ptr<const Lens>> Make(query::Query query, query::OutputFormat format,
                                                  Framing framing);

  // Equal for lenses that show the same; and for those whose filters are the same.
  const std::string& key() const { return key_; }
  const std::string& filter_key() const { return filter_key_; }
  Framing framing() const { return framing_; }

  Matcher MakeMatcher() const { return Matcher(*query_.filter, query_.program); }
  // The events of rows that match, in log order.
  Result<std::shared_ptr<const Reel>> Render(Chunk& chunk, const std::vector<uint32_t>& rows) const;

 private:
  Lens(query::Query query, query::OutputFormat format, Framing framing);

  const query::Query query_;
  const query::RowPipeline pipeline_;
  const Framing framing_;
  const std::string filter_key_;
  const std::string key_;
};

}  // namespace neurallog::tail
