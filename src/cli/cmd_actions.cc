// `actions test`, `deliveries`, `dead-letters` and `replay`.
#include <fmt/format.h>

#include <cstdio>

#include "base/json_text.h"
#include "base/json_value.h"
#include "cli/actions_work.h"
#include "cli/admin.h"
#include "cli/terminal.h"

namespace neurallog::cli {
namespace {

using base::JsonValue;
using FilterMembers = std::vector<std::pair<std::string_view, const std::string*>>;

FilterMembers FilterMembersOf(const DeliveryFilter& filter) {
  return {{"state", &filter.state},   {"action", &filter.action}, {"rule", &filter.rule},
          {"reason", &filter.reason}, {"since", &filter.since},   {"until", &filter.until}};
}

Result<JsonValue> AskServer(LogSource* source, std::string method, std::string url,
                            std::string body = {}) {
  http::ClientRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = std::move(body);
  NL_TRY(const http::ClientResponse response, source->Fetch(std::move(request)));
  return base::ParseJson(response.body);
}

std::string PercentEncoded(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped.append(fmt::format("%{:02x}", static_cast<unsigned char>(c)));
  return escaped;
}

// Page by page, until there are as many as are wanted.
Status ListRows(const LogTarget& target, const std::string& place, const char* name,
                const DeliveryFilter& filter, const OutputOptions& output) {
  NL_TRY(const auto source, LogSource::Open(target));
  const auto printer = RowPrinter::Make(output, stdout);
  std::string cursor;
  for (size_t left = filter.limit; left > 0;) {
    std::string url =
        fmt::format("{}?limit={}&cursor={}", place, std::min<size_t>(left, 1000), cursor);
    for (const auto& [member, value] : FilterMembersOf(filter))
      if (!value->empty()) url.append(fmt::format("&{}={}", member, PercentEncoded(*value)));
    NL_TRY(const JsonValue page, AskServer(source.get(), "GET", std::move(url)));
    NL_TRY(const JsonValue* const rows, page.Array(name));
    for (const JsonValue& row : rows->items())
      if (!printer->Take(base::ToJson(row).append("\n"))) return printer->status();
    left -= std::min(left, rows->items().size());
    if (page.Find("cursor") == nullptr) break;
    NL_TRY(cursor, page.String("cursor"));
  }
  printer->Finish();
  return printer->status();
}

// True: it was delivered.
Result<bool> TryAction(const LogTarget& target, const std::string& id) {
  NL_TRY(const auto source, LogSource::Open(target));
  NL_TRY(const JsonValue answer,
         AskServer(source.get(), "POST", "/v1/actions/" + PercentEncoded(id) + ":test"));
  const JsonValue* const delivered = answer.Find("delivered");
  const bool is_delivered = delivered != nullptr && delivered->text() == "true";
  fmt::print("{}\n", base::ToJson(answer));
  return is_delivered;
}

Status ReplayLetters(const LogTarget& target, const std::vector<std::string>& ids,
                     const DeliveryFilter& filter, bool new_id) {
  NL_TRY(const auto source, LogSource::Open(target));
  const std::string how = new_id ? ":replay?new_id=true" : ":replay";
  uint64_t replayed = 0;
  for (const std::string& id : ids) {
    NL_RETURN_IF_ERROR(
        AskServer(source.get(), "POST", "/v1/dead-letters/" + PercentEncoded(id) + how).status());
    ++replayed;
  }
  if (ids.empty()) {
    std::string body = "{";
    for (const auto& [member, value] : FilterMembersOf(filter)) {
      if (value->empty()) continue;
      body.append(body.size() > 1 ? ",\"" : "\"").append(member).append("\":");
      base::AppendJsonString(&body, *value);
    }
    NL_TRY(const JsonValue answer,
           AskServer(source.get(), "POST", "/v1/dead-letters" + how, body.append("}")));
    NL_TRY(replayed, answer.Unsigned("replayed"));
  }
  fmt::print("{} dead letters are back in the outbox\n", replayed);
  return {};
}

}  // namespace

int TestAction(const LogTarget& target, const std::string& id) {
  return FinishCheck(TryAction(target, id));
}

int ListDeliveries(const LogTarget& target, const DeliveryFilter& filter,
                   const OutputOptions& output) {
  return Finish(ListRows(target, "/v1/deliveries", "deliveries", filter, output));
}

int ListDeadLetters(const LogTarget& target, const DeliveryFilter& filter,
                    const OutputOptions& output) {
  return Finish(ListRows(target, "/v1/dead-letters", "dead_letters", filter, output));
}

int ReplayDeadLetters(const LogTarget& target, const std::vector<std::string>& ids,
                      const DeliveryFilter& filter, bool new_id) {
  return Finish(ReplayLetters(target, ids, filter, new_id));
}

}  // namespace neurallog::cli
