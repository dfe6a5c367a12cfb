#include "http/url.h"

#include <strings.h>

#include <algorithm>

#include "http/listen_address.h"

namespace neurallog::http {

std::string Url::origin() const {
  std::string text = tls ? "https://" : "http://";
  const bool v6 = host.find(':') != std::string::npos;
  text.append(v6 ? "[" : "").append(host).append(v6 ? "]:" : ":");
  return text.append(std::to_string(port));
}

Result<Url> ParseUrl(std::string_view text) {
  // A backslash ends the host for some readers and not for others.
  if (!IsLine(text) || text.find_first_of(" \\") != std::string_view::npos)
    return InvalidArgument("url " + std::string(text) +
                           " has a space, a line break or a backslash");
  Url url;
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos)
    return InvalidArgument("url " + std::string(text) + " has no scheme");
  url.tls = SameName(text.substr(0, scheme), "https");
  if (!url.tls && !SameName(text.substr(0, scheme), "http"))
    return InvalidArgument("url " + std::string(text) + " is neither http nor https");
  const std::string_view rest = text.substr(scheme + 3);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  url.authority = rest.substr(0, end);
  if (url.authority.find('@') != std::string::npos)
    return InvalidArgument("url of " + url.authority.substr(url.authority.rfind('@') + 1) +
                           " has a user name");
  std::string_view target = rest.substr(end);
  target = target.substr(0, target.find('#'));
  url.target = target.empty() || target[0] != '/' ? "/" + std::string(target) : std::string(target);
  const size_t bracket = url.authority.rfind(']');
  const size_t host_end = bracket == std::string::npos ? 0 : bracket;
  const bool has_port = url.authority.find(':', host_end) != std::string::npos;
  const std::string host_port =
      has_port ? url.authority : url.authority + (url.tls ? ":443" : ":80");
  NL_TRY(HostPort address, ParseHostPort(host_port));
  if (address.host.empty()) return InvalidArgument("url " + std::string(text) + " has no host");
  url.host = std::move(address.host);
  url.port = address.port;
  return url;
}

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool IsLine(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace neurallog::http
