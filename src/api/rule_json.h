// How rules and what is wrong with them are shown, and what their requests have in common.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/api.h"
#include "detection/detection.h"

namespace neurallog::api {

inline TenantId TenantOf(const Context& context) { return context.principal.log->id(); }
inline detection::Detection& DetectionOf(const Context& context) {
  return context.api.engine().detection();
}

enum class Detail : uint8_t { kShort, kWithDocument };
std::string RuleJson(const detection::StoredRule& rule, const detection::RuleInfo* info,
                     Detail detail);
// [{"line":3,"column":5,"message":"..."}]
std::string ProblemsJson(const std::vector<rules::Problem>& problems);
// 400 with all problems as member `errors`.
void SendProblems(const http::ResponderPtr& responder, const std::vector<rules::Problem>& problems);
// Answers 204, or with the error.
std::function<void(const Status&)> AnswerDone(http::ResponderPtr responder);
// {"compiled":n,"needs_lists":n,"failed":n,"rules":[...]}
std::string ReportJson(const std::vector<detection::Detection::Imported>& report);
// The documents of the body, which may be an archive; at least one.
Result<std::vector<detection::DocumentText>> ReadDocuments(Context* context);
// The text of the body, of which Content-Encoding has been undone.
Result<std::string> ReadText(Context* context);
// The segment of the path behind /v1/rules/ or the like, without `verb`.
std::string IdOf(const http::Request& request, std::string_view verb = {});
void AppendTextMap(std::string* json, std::string_view name,
                   const std::vector<std::pair<std::string, std::string>>& texts);
// Why the rule matches the record, or why not.
Result<std::string> ExplainRecord(const Context& context, std::string_view document,
                                  std::string_view record);
// As /v1/matches and /v1/alerts take them.
Result<rules::Severity> ReadSeverity(std::string_view text);
Result<detection::MatchId> ReadMatchId(std::string_view name, std::string_view text);
void AppendTexts(std::string* json, std::string_view name, const std::vector<std::string>& texts);

}  // namespace neurallog::api
