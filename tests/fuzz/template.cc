// Any bytes are a template or an error; what one makes of any JSON has its bound, and no value gets
// out of the place that its escaping gives it. Input: template, a zero byte, JSON.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "actions/template.h"

using neurallog::actions::Escape;
using neurallog::actions::Template;
using neurallog::base::JsonValue;
using neurallog::base::ParseJson;

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

void CheckOutput(const std::string& output, std::string_view text, Escape escape) {
  Check(output.size() <= Template::kOutputBytesMax);
  const bool is_plain = text.find_first_of("<>\"&\\") == std::string_view::npos;
  if (escape == Escape::kHtml && is_plain)
    Check(output.find_first_of("<>\"'") == std::string::npos ||
          text.find('\'') != std::string_view::npos);
  bool has_control = false;
  for (const char c : text) has_control = has_control || static_cast<unsigned char>(c) < ' ';
  // Other bytes than UTF-8 pass through from the template's own text.
  bool is_ascii = true;
  for (const char c : text) is_ascii = is_ascii && static_cast<unsigned char>(c) < 128;
  if (escape == Escape::kJson && is_plain && !has_control && is_ascii) {
    std::string quoted = "\"";
    Check(ParseJson(quoted.append(output).append("\"")).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view text = all.substr(0, all.find('\0'));
  const std::string_view json = all.substr(text.size() == size ? size : text.size() + 1);
  const auto value = ParseJson(json);
  for (const Escape escape :
       {Escape::kText, Escape::kJson, Escape::kHtml, Escape::kUrl, Escape::kSlack}) {
    const auto compiled = Template::Compile(text, escape);
    if (!compiled.ok()) {
      Check(!compiled.status().message().empty());
      continue;
    }
    const auto output = compiled->Render(value.ok() ? *value : JsonValue());
    if (output.ok()) CheckOutput(*output, text, escape);
    else Check(output.status().code() == neurallog::Code::kTooLarge);
  }
  return 0;
}
