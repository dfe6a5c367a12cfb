// Parts of a point in time, in UTC.
#pragma once

#include <cstdint>

#include "rules/expression.h"

namespace neurallog::rules {

// The hour, day of the month, ISO week and so on of nanoseconds since 1970.
int64_t TimePartOf(TimePart part, int64_t ns);

}  // namespace neurallog::rules
