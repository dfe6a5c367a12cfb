#include "http/http_date.h"

#include <cstdio>
#include <string>

#include "base/time_format.h"

namespace neurallog::http {

std::optional<int64_t> ParseHttpDate(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month_name[4] = {};
  int day = 0, year = 0, hour = 0, minute = 0, second = 0, read = 0;
  const std::string whole(text.substr(0, 64));
  const int found = std::sscanf(whole.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day,
                                month_name, &year, &hour, &minute, &second, &read);
  const size_t month = kMonths.find(month_name);
  if (found != 6 || read != 29 || text.size() != 29 || month % 3 != 0) return std::nullopt;
  char date[32];
  std::snprintf(date, sizeof(date), "%04d-%02d-%02dT%02d:%02d:%02dZ", year,
                static_cast<int>(month / 3) + 1, day, hour, minute, second);
  const auto ns = base::ParseRfc3339(date);
  if (!ns) return std::nullopt;
  return *ns / 1'000'000'000;
}

}  // namespace neurallog::http
