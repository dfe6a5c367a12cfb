// The stats pipe as a part of others: `top` and `uniq` are stats with a fixed function and
// something behind.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "query/condition.h"
#include "query/group_by.h"
#include "query/pipe.h"
#include "query/stats_function.h"

namespace neurallog::query {

struct StatsCall {
  std::unique_ptr<StatsFunction> function;
  Condition condition{};
  std::string name;  // of the result
};

struct StatsSpec {
  std::vector<GroupField> by;
  std::vector<StatsCall> calls;
};

// What the number of rows in a group is called: `hits`, with more `s` as long as a field has that name.
std::string HitsName(const std::vector<GroupField>& by);
// Starts a stage that groups rows by `spec` and pushes one table. `spec` must outlive it.
Stage* StartStats(const StatsSpec& spec, const StageContext& context, Stage* next);

}  // namespace neurallog::query
