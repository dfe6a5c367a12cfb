#include "http/http_date.h"

#include <catch2/catch.hpp>

namespace neurallog::http {

TEST_CASE("a date of HTTP is read, and nothing like one") {
  CHECK(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(ParseHttpDate("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  for (const char* bad :
       {"", "7", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"})
    CHECK_FALSE(ParseHttpDate(bad).has_value());
}

}  // namespace neurallog::http
