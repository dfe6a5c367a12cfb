// An http or https URL taken apart, and the names of header fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::http {

struct Url {
  bool tls = false;
  std::string host;  // without brackets
  uint16_t port = 80;
  std::string authority;  // as written, for the Host field
  std::string target;     // path and query, without the fragment

  // "https://host:port", the same for every spelling of the scheme's own port.
  std::string origin() const;
};

// InvalidArgument names what is wrong. A URL with a user name or password is refused: they belong
// into a header.
Result<Url> ParseUrl(std::string_view text);

// Equal but for the case of ASCII letters.
bool SameName(std::string_view a, std::string_view b);
// Has no character that would end a line of a head.
bool IsLine(std::string_view text);

}  // namespace neurallog::http
