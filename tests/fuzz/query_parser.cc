// Any bytes are a query or an error; a query that parses prints as a text that parses to the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "filter/filter.h"
#include "query/query.h"

using neurallog::query::ParseQuery;

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto query = ParseQuery(text, {.now_ns = 1'748'736'000'000'000'000});
  if (!query.ok()) {
    Check(query.status().code() == neurallog::Code::kInvalidArgument &&
          !query.status().message().empty());
    return 0;
  }
  const std::string printed = ToText(*query);
  // Quotes and canonical times can make the printed form longer than a query may be.
  constexpr size_t kSurelyShortEnough = 4096;
  if (size > kSurelyShortEnough) return 0;
  const auto again = ParseQuery(printed, {.now_ns = 1'748'736'000'000'000'000});
  Check(again.ok());
  Check(ToText(*again) == printed);
  Check(neurallog::filter::Equal(*again->filter, *query->filter));
  return 0;
}
