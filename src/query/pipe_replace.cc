// `replace [if (filter)] ("old", "new") [at field] [limit N]`: other text for each occurrence.
#include "filter/parser.h"
#include "query/replace_args.h"

namespace neurallog::query {
namespace {

Status Replace(const ReplaceArgs& args, std::string_view value, std::string* to) {
  if (args.from.empty()) {
    to->append(value);
    return {};
  }
  uint64_t left = args.limit;
  for (size_t at; left > 0 && (at = value.find(args.from)) != std::string_view::npos; --left) {
    to->append(value.substr(0, at)).append(args.to);
    value.remove_prefix(at + args.from.size());
    if (to->size() > kValueBytesMax)
      return ResourceExhausted("a value would take more than 64 MiB");
  }
  to->append(value);
  return {};
}

}  // namespace

PipeResult ParsePipeReplace(const PipeParse& parse) {
  NL_TRY(ReplaceArgs args, ParseReplaceArgs(parse));
  auto shared = std::make_shared<const ReplaceArgs>(args);
  return MakeReplacePipe(
      parse.name, std::move(args),
      [shared](std::string_view value, std::string* to) { return Replace(*shared, value, to); });
}

}  // namespace neurallog::query
