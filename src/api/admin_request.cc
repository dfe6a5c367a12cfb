#include "api/admin_request.h"

#include <algorithm>
#include <charconv>

#include "base/json_value.h"

namespace neurallog::api {
namespace {

constexpr size_t kBodyBytesMax = 64 << 10;

}  // namespace

Result<Arguments> Arguments::Read(const http::Request& request,
                                  std::initializer_list<std::string_view> known) {
  const std::string_view body = request.body.view();
  if (body.size() > kBodyBytesMax)
    return TooLarge("the body has " + std::to_string(body.size()) + " bytes, more than 65536");
  NL_TRY(const base::JsonValue json, base::ParseJson(body));
  if (json.kind() != base::JsonValue::Kind::kObject)
    return InvalidArgument("expected one JSON object");
  Arguments arguments;
  for (size_t i = 0; i < json.names().size(); ++i) {
    const std::string& name = json.names()[i];
    if (std::find(known.begin(), known.end(), name) == known.end())
      return InvalidArgument("unknown member \"" + name + "\"");
    NL_TRY(arguments.members_[name], json.String(name));
  }
  return arguments;
}

std::string Arguments::Get(std::string_view name) const {
  const auto found = members_.find(name);
  return found == members_.end() ? std::string() : found->second;
}

VersionTag ReadVersionTag(const http::Request& request) {
  VersionTag expected;
  expected.is_new = request.FindHeader("If-None-Match") == "*";
  std::string_view tag = request.FindHeader("If-Match");
  if (tag.empty() || tag == "*") return expected;
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"')
    tag = tag.substr(1, tag.size() - 2);
  uint64_t version = 0;
  const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), version);
  const bool is_number = error == std::errc() && end == tag.data() + tag.size();
  expected.version = is_number ? version : 0;
  return expected;
}

void OnWorker(Context context, std::function<Status(Context&)> work) {
  auto shared = std::make_shared<Context>(std::move(context));
  const bool submitted = shared->api.workers().TrySubmit([shared, work] {
    const Status status = work(*shared);
    if (!status.ok()) SendStatus(shared->responder, status);
  });
  if (!submitted) SendStatus(shared->responder, Unavailable("too many requests are waiting"));
}

}  // namespace neurallog::api
