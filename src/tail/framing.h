// How events of a live tail look on the wire.
//
//   kSse            id: 12-3            kEnvelope    {"cursor":"12-3","log":{...}}
//                   data: {...}         kWebSocket   the same, a text message each
//                                       kLines       {...}, as VictoriaLogs answers
//
// What is no log record is told as a notice: an SSE event of its own type, elsewhere an object with
// one member of that name: {"dropped":{"count":17,"total":17}}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tail/cursor.h"

namespace neurallog::tail {

enum class Framing : uint8_t { kSse, kEnvelope, kWebSocket, kLines };

// Lines of one record, each with its line end. No cursor: rows of before the tail began.
void AppendEvent(Framing framing, const Cursor* cursor, std::string_view lines, std::string* out);
// `body` is a JSON object. With a cursor the client may go on from there.
void AppendNotice(Framing framing, std::string_view name, const Cursor* cursor,
                  std::string_view body, std::string* out);
// Bytes that say nothing, to find out whether the client is there.
void AppendHeartbeat(Framing framing, std::string* out);
// The last bytes of a stream that the server ends.
void AppendEnd(Framing framing, std::string* out);

}  // namespace neurallog::tail
