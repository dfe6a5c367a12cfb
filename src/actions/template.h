// Templates of messages: mustache's variables and sections over a JSON object, and no code.
//
//   NL_TRY(const Template text, Template::Compile("{{rule.name}}: {{#records}}{{message}}\n{{/records}}", Escape::kText));
//   NL_TRY(std::string message, text.Render(notice));
//
//   {{path.to.value}}          the value, escaped for where it goes; nothing when there is none
//   {{&path}}                  the value as JSON, with quotes; escaped too, except in JSON, where nothing is null
//   {{#path}}...{{/path}}      for each element, or once if the value is there and neither false nor empty
//   {{^path}}...{{/path}}      if it is not
//   {{#path=text}}...{{/path}} if the value is this text; ^ the contrary
//   {{.}}  {{! comment}}       the element; nothing
//
// A path is looked for in the innermost section first; a member's own name may have dots, and
// `list.0` is an element. An object as text is `name=value name=value`. A line that holds nothing but
// one section's begin, end or comment leaves no line behind.
// docs/actions.md tells users. Immutable, so thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "neurallog/status.h"

namespace neurallog::actions {

// Where the output goes.
enum class Escape : uint8_t {
  kText,   // anywhere that takes what it gets
  kJson,   // a JSON document: values stand inside of its strings
  kHtml,   // HTML, also inside of quoted attributes
  kUrl,    // part of a URL
  kSlack,  // Slack's mrkdwn, where & < > mean something
};

void AppendEscaped(std::string* to, std::string_view text, Escape escape);

// The value at "path.to.value" of an object or an array, or null.
const base::JsonValue* FindPath(const base::JsonValue& value, std::string_view path);

class Template {
 public:
  static constexpr size_t kBytesMax = 64 << 10;
  static constexpr size_t kOutputBytesMax = 256 << 10;
  static constexpr size_t kDepthMax = 16;       // of sections
  static constexpr size_t kStepsMax = 1 << 20;  // pieces and members that a rendering may look at

  Template() = default;
  // InvalidArgument says at which byte.
  static Result<Template> Compile(std::string_view text, Escape escape);

  // TooLarge beyond kOutputBytesMax or kStepsMax.
  Result<std::string> Render(const base::JsonValue& root) const;

 private:
  friend class TemplateCompiler;
  friend class TemplateRenderer;

  struct Node {
    enum class Kind : uint8_t { kText, kValue, kJsonValue, kSection, kInverted };
    Kind kind = Kind::kText;
    std::string text;  // kText: the text; otherwise the path
    bool compares = false;
    std::string equals;  // what a section compares with
    size_t end = 0;      // of a section: the first node behind it
  };

  Escape escape_ = Escape::kText;
  std::vector<Node> nodes_;
};

}  // namespace neurallog::actions
