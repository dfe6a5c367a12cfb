#include "actions/template.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/json_text.h"

namespace neurallog::actions {
namespace {

using base::JsonValue;
using Kind = JsonValue::Kind;

constexpr size_t kPathBytesMax = 256;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

bool IsTruthy(const JsonValue* value) {
  if (value == nullptr) return false;
  switch (value->kind()) {
    case Kind::kNull: return false;
    case Kind::kBool: return value->text() == "true";
    case Kind::kNumber: return true;
    case Kind::kString: return !value->text().empty();
    case Kind::kArray:
    case Kind::kObject: return !value->items().empty();
  }
  return false;
}

const JsonValue* Element(const JsonValue& array, std::string_view index) {
  size_t i = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), i);
  const bool is_index = error == std::errc() && end == index.data() + index.size();
  return is_index && i < array.items().size() ? &array.items()[i] : nullptr;
}

const JsonValue* Member(const JsonValue& value, std::string_view name) {
  return value.kind() == Kind::kArray ? Element(value, name) : value.Find(name);
}

// As people read it.
std::string PlainText(const JsonValue& value) {
  if (value.kind() == Kind::kNull) return {};
  if (value.kind() != Kind::kArray && value.kind() != Kind::kObject) return value.text();
  std::string text;
  for (size_t i = 0; i < value.items().size(); ++i) {
    if (value.kind() == Kind::kObject)
      text.append(text.empty() ? "" : " ").append(value.names()[i]).append("=");
    else if (!text.empty()) text.append(", ");
    const JsonValue& item = value.items()[i];
    const bool nested = item.kind() == Kind::kArray || item.kind() == Kind::kObject;
    text.append(nested ? base::ToJson(item) : PlainText(item));
  }
  return text;
}

void AppendEntities(std::string* to, std::string_view text, bool quotes) {
  for (const char c : text) {
    switch (c) {
      case '&': to->append("&amp;"); break;
      case '<': to->append("&lt;"); break;
      case '>': to->append("&gt;"); break;
      case '"': quotes ? to->append("&quot;") : to->append("\""); break;
      case '\'': quotes ? to->append("&#39;") : to->append("'"); break;
      default: to->push_back(c);
    }
  }
}

void AppendPercent(std::string* to, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos) {
      to->push_back(c);
    } else {
      to->append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
}

void AppendInsideJsonString(std::string* to, std::string_view text) {
  std::string quoted;
  base::AppendJsonString(&quoted, text);
  to->append(quoted, 1, quoted.size() - 2);
}

}  // namespace

// The longest name that is a member wins, so that flattened names are found.
const JsonValue* FindPath(const JsonValue& value, std::string_view path) {
  for (size_t end = path.size(); end != std::string_view::npos && end > 0;
       end = path.rfind('.', end - 1)) {
    const JsonValue* const member = Member(value, path.substr(0, end));
    if (member == nullptr) continue;
    return end == path.size() ? member : FindPath(*member, path.substr(end + 1));
  }
  return nullptr;
}

void AppendEscaped(std::string* to, std::string_view text, Escape escape) {
  switch (escape) {
    case Escape::kText: to->append(text); break;
    case Escape::kJson: AppendInsideJsonString(to, text); break;
    case Escape::kHtml: AppendEntities(to, text, /*quotes=*/true); break;
    case Escape::kUrl: AppendPercent(to, text); break;
    case Escape::kSlack: AppendEntities(to, text, /*quotes=*/false); break;
  }
}

class TemplateCompiler {
 public:
  TemplateCompiler(std::string_view text, Template* to) : text_(text), to_(to) {}

  Status Compile() {
    while (at_ < text_.size()) {
      const size_t begin = text_.find("{{", at_);
      AppendText(text_.substr(at_, std::min(begin, text_.size()) - at_));
      if (begin == std::string_view::npos) break;
      const size_t end = text_.find("}}", begin);
      if (end == std::string_view::npos) return Error(begin, "{{ has no }}");
      at_ = end + 2;
      const std::string_view tag = text_.substr(begin + 2, end - begin - 2);
      if (std::string_view("#^/!").find(tag.empty() ? ' ' : tag[0]) != std::string_view::npos)
        TakeLine(begin);
      NL_RETURN_IF_ERROR(OnTag(begin, tag));
    }
    if (open_.empty()) return Status::Ok();
    return Error(text_.size(), "section " + to_->nodes_[open_.back()].text + " has no end");
  }

 private:
  using Node = Template::Node;

  static Status Error(size_t at, const std::string& what) {
    return InvalidArgument("template: byte " + std::to_string(at) + ": " + what);
  }

  void AppendText(std::string_view text) {
    if (text.empty()) return;
    Node node;
    node.text = text;
    to_->nodes_.push_back(std::move(node));
  }

  // If the tag that began at `begin` and ended at at_ stands alone on its line, the line goes.
  void TakeLine(size_t begin) {
    const size_t before = text_.substr(0, begin).find_last_not_of(" \t");
    const size_t line = before == std::string_view::npos ? 0 : before + 1;
    if (line > 0 && text_[line - 1] != '\n') return;
    const size_t behind = std::min(text_.find_first_not_of(" \t\r", at_), text_.size());
    if (behind < text_.size() && text_[behind] != '\n') return;
    if (line < begin) {
      std::string& indent = to_->nodes_.back().text;
      indent.resize(indent.size() - (begin - line));
    }
    at_ = std::min(behind + 1, text_.size());
  }

  Status OnTag(size_t at, std::string_view tag) {
    const char sign = tag.empty() ? ' ' : tag[0];
    if (sign == '!') return Status::Ok();
    const bool has_sign = std::string_view("#^/&").find(sign) != std::string_view::npos;
    const std::string_view inside = Trim(has_sign ? tag.substr(1) : tag);
    const bool section = sign == '#' || sign == '^';
    const size_t equals = section ? inside.find('=') : std::string_view::npos;
    const std::string_view path = Trim(inside.substr(0, equals));
    if (path.empty() || path.size() > kPathBytesMax ||
        path.find_first_of("{}#^/&!=>'\" \n") != std::string_view::npos)
      return Error(at, "{{" + std::string(tag) + "}} names no value");
    if (sign == '/') return Close(at, path);

    Node node;
    node.text = path;
    node.kind = sign == '#'   ? Node::Kind::kSection
                : sign == '^' ? Node::Kind::kInverted
                : sign == '&' ? Node::Kind::kJsonValue
                              : Node::Kind::kValue;
    node.compares = equals != std::string_view::npos;
    if (node.compares) node.equals = Trim(inside.substr(equals + 1));
    if (section) {
      if (open_.size() == Template::kDepthMax) return Error(at, "sections nest too deeply");
      open_.push_back(to_->nodes_.size());
    }
    to_->nodes_.push_back(std::move(node));
    return Status::Ok();
  }

  Status Close(size_t at, std::string_view path) {
    if (open_.empty() || to_->nodes_[open_.back()].text != path)
      return Error(at, "{{/" + std::string(path) + "}} ends no section that is open");
    to_->nodes_[open_.back()].end = to_->nodes_.size();
    open_.pop_back();
    return Status::Ok();
  }

  const std::string_view text_;
  Template* const to_;
  size_t at_ = 0;
  std::vector<size_t> open_;  // places of the sections that have no end yet
};

class TemplateRenderer {
 public:
  TemplateRenderer(const Template& what, const JsonValue& root) : template_(what), scopes_{&root} {}

  Result<std::string> Render() {
    NL_RETURN_IF_ERROR(RenderRange(0, template_.nodes_.size()));
    return std::move(output_);
  }

 private:
  using Node = Template::Node;

  Status RenderRange(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Node& node = template_.nodes_[i];
      NL_RETURN_IF_ERROR(Count());
      if (node.kind == Node::Kind::kText) {
        output_.append(node.text);
      } else if (node.kind == Node::Kind::kSection || node.kind == Node::Kind::kInverted) {
        NL_RETURN_IF_ERROR(RenderSection(node, i + 1));
        i = node.end - 1;
      } else if (const JsonValue* const value = Find(node.text); value != nullptr) {
        AppendValue(*value, node.kind == Node::Kind::kJsonValue);
      } else if (node.kind == Node::Kind::kJsonValue && template_.escape_ == Escape::kJson) {
        output_.append("null");
      }
      if (output_.size() > Template::kOutputBytesMax)
        return TooLarge("the message has more than " + std::to_string(Template::kOutputBytesMax) +
                        " bytes");
    }
    return Status::Ok();
  }

  Status RenderSection(const Node& node, size_t begin) {
    const JsonValue* const value = Find(node.text);
    if (node.compares) {
      const bool equal = value != nullptr && PlainText(*value) == node.equals;
      const bool wanted = equal == (node.kind == Node::Kind::kSection);
      return wanted ? RenderRange(begin, node.end) : Status::Ok();
    }
    if (node.kind == Node::Kind::kInverted)
      return IsTruthy(value) ? Status::Ok() : RenderRange(begin, node.end);
    if (!IsTruthy(value)) return Status::Ok();
    if (value->kind() != Kind::kArray) return RenderInside(*value, begin, node.end);
    for (const JsonValue& item : value->items())
      NL_RETURN_IF_ERROR(RenderInside(item, begin, node.end));
    return Status::Ok();
  }

  Status RenderInside(const JsonValue& scope, size_t begin, size_t end) {
    NL_RETURN_IF_ERROR(Count());
    scopes_.push_back(&scope);
    const Status rendered = RenderRange(begin, end);
    scopes_.pop_back();
    return rendered;
  }

  const JsonValue* Find(std::string_view path) {
    if (path == ".") return scopes_.back();
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      steps_ += (*scope)->items().size();
      if (const JsonValue* const found = FindPath(**scope, path); found != nullptr) return found;
    }
    return nullptr;
  }

  void AppendValue(const JsonValue& value, bool as_json) {
    const std::string text = as_json ? base::ToJson(value) : PlainText(value);
    if (as_json && template_.escape_ == Escape::kJson) {
      output_.append(text);
    } else {
      AppendEscaped(&output_, text, template_.escape_);
    }
  }

  Status Count() {
    if (++steps_ <= Template::kStepsMax) return Status::Ok();
    return TooLarge("the message takes more than " + std::to_string(Template::kStepsMax) +
                    " steps");
  }

  const Template& template_;
  std::vector<const JsonValue*> scopes_;
  size_t steps_ = 0;
  std::string output_;
};

Result<Template> Template::Compile(std::string_view text, Escape escape) {
  if (text.size() > kBytesMax)
    return TooLarge("template: more than " + std::to_string(kBytesMax) + " bytes");
  Template compiled;
  compiled.escape_ = escape;
  NL_RETURN_IF_ERROR(TemplateCompiler(text, &compiled).Compile());
  return compiled;
}

Result<std::string> Template::Render(const base::JsonValue& root) const {
  return TemplateRenderer(*this, root).Render();
}

}  // namespace neurallog::actions
