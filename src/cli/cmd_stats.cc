#include <fmt/format.h>

#include <utility>

#include "cli/log_work.h"

namespace neurallog::cli {

int Stats(const LogTarget& target, const StatsOptions& stats, const OutputOptions& output) {
  SearchOptions search = stats.search;
  if (search.query.empty()) search.query = "*";
  search.query += fmt::format(" | stats by ({}) {} as result | sort by (result desc)",
                              fmt::join(stats.by, ", "), stats.function);
  if (!search.limit.empty()) search.query += " | limit " + std::exchange(search.limit, "0");
  return Query(target, search, output);
}

}  // namespace neurallog::cli
