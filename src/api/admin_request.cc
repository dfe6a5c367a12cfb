#include "api/admin_request.h"

#include <algorithm>

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

void OnWorker(Context context, std::function<Status(Context&)> work) {
  auto shared = std::make_shared<Context>(std::move(context));
  const bool submitted = shared->api.workers().TrySubmit([shared, work] {
    const Status status = work(*shared);
    if (!status.ok()) SendStatus(shared->responder, status);
  });
  if (!submitted) SendStatus(shared->responder, Unavailable("too many requests are waiting"));
}

}  // namespace neurallog::api
