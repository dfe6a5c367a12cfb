// What :test, explain and why=1 say of rules that look at many records.
#pragma once

#include <string>
#include <vector>

#include "api/api.h"
#include "detection/trace.h"

namespace neurallog::api {

// ,"steps":[1,3]: those of the bits.
void AppendSteps(std::string* json, uint32_t bits);
// ,"group":{"user":"ann"}
void AppendGroup(std::string* json, const std::vector<std::string>& fields,
                 const std::vector<std::string>& values);
// ,"matches":[...], and of a rule with state ,"groups":[...]: what each has come to, and what it waits for.
void AppendTrace(std::string* json, detection::Trace* trace);

// What a match of a rule with state came from.
struct FiredBy {
  detection::BacktestRules rules;  // one was asked for
  TimeRange range;
  std::vector<std::string> group;  // values
};
// "records":[{"steps":[1],"record":{...}}]: the stored records of the group that the rule was told of, oldest first, at
// most the last 128. ,"is_cut":true: there may be more, or it took too long to find all.
Result<std::string> FiredRecords(const Context& on, const FiredBy& fired);

}  // namespace neurallog::api
