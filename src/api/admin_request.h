// What administrative requests have in common: a small JSON object as body, and work that may block.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "api/api.h"

namespace neurallog::api {

// The members of the body, all of them strings.
class Arguments {
 public:
  // InvalidArgument for a member that is not `known` or is no string, and for a body that is no object.
  static Result<Arguments> Read(const http::Request& request,
                                std::initializer_list<std::string_view> known);
  // Empty when the member was not there.
  std::string Get(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> members_;
};

// What If-Match and If-None-Match say of a thing whose ETag is its version.
struct VersionTag {
  bool is_new = false;              // it must not be there
  std::optional<uint64_t> version;  // 0: of what is no version
};
VersionTag ReadVersionTag(const http::Request& request);

// Runs `work`, which answers by itself or returns an error to be answered, on a worker.
void OnWorker(Context context, std::function<Status(Context&)> work);

}  // namespace neurallog::api
