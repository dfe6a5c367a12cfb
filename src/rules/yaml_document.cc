// The only file of this room that sees yaml-cpp. Its parser reports events; a tree is built from
// them here, so that lines, depth and the growth by aliases are in our hands.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <map>
#include <set>
#include <streambuf>

#include "rules/document.h"

namespace neurallog::rules {
namespace {

Position PositionOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// How a limit leaves yaml-cpp's parser; never leaves this file.
struct LimitReached {
  Problem problem;
};

bool IsNullText(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const DocumentLimits& limits) : limits_(limits) {}

  Node TakeDocument() { return std::move(root_); }
  size_t nodes() const { return nodes_; }

  void OnDocumentStart(const YAML::Mark&) override {
    root_ = {};
    open_.clear();
    anchors_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Leaf(Node::Kind::kNull, mark, anchor, {}, /*is_quoted=*/false);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool is_quoted = tag == "!";
    const bool is_null = !is_quoted && IsNullText(text);
    Leaf(is_null ? Node::Kind::kNull : Node::Kind::kScalar, mark, anchor, text, is_quoted);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Fail(mark, "alias of a value that is not complete");
    nodes_ += CountNodes(found->second);
    CheckNodes(mark);
    Add(found->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Begin(Node::Kind::kList, mark, anchor);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Begin(Node::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { End(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    bool has_key = false;
    std::set<std::string, std::less<>> names;
  };

  [[noreturn]] static void Fail(const YAML::Mark& mark, std::string message) {
    throw LimitReached{{PositionOf(mark), std::move(message)}};
  }

  void CheckNodes(const YAML::Mark& mark) const {
    if (nodes_ > limits_.nodes_max)
      Fail(mark, fmt::format("more than {} values", limits_.nodes_max));
  }

  static size_t CountNodes(const Node& node) {
    size_t count = 1;
    for (const Node& item : node.items) count += CountNodes(item);
    return count + node.keys.size();
  }

  void Leaf(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text,
            bool is_quoted) {
    ++nodes_;
    CheckNodes(mark);
    Node node;
    node.kind = kind;
    node.is_quoted = is_quoted;
    node.at = PositionOf(mark);
    node.text = text;
    if (anchor != 0) anchors_[anchor] = node;
    Add(std::move(node));
  }

  void Begin(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    ++nodes_;
    CheckNodes(mark);
    if (open_.size() >= limits_.depth_max)
      Fail(mark, fmt::format("nested deeper than {} levels", limits_.depth_max));
    open_.emplace_back();
    open_.back().node.kind = kind;
    open_.back().node.at = PositionOf(mark);
    open_.back().anchor = anchor;
  }

  void End() {
    Node node = std::move(open_.back().node);
    const YAML::anchor_t anchor = open_.back().anchor;
    open_.pop_back();
    if (anchor != 0) anchors_[anchor] = node;
    Add(std::move(node));
  }

  void Add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_map() && !parent.has_key) return AddKey(&parent, std::move(node));
    parent.has_key = false;
    parent.node.items.push_back(std::move(node));
  }

  static void AddKey(Open* parent, Node key) {
    if (key.is_list() || key.is_map())
      throw LimitReached{{key.at, fmt::format("expected a key, got {}", key.KindName())}};
    if (!parent->names.insert(key.text).second)
      throw LimitReached{{key.at, fmt::format("key \"{}\" is given twice", key.text)}};
    parent->has_key = true;
    parent->node.keys.push_back(std::move(key));
  }

  const DocumentLimits& limits_;
  Node root_;
  std::vector<Open> open_;  // lists and maps that are not complete, outermost first
  std::map<YAML::anchor_t, Node> anchors_;
  size_t nodes_ = 0;
};

// Lets a text be read as a stream without a copy.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

// The length of the longest document, as lines of "---" part them.
size_t LongestDocument(std::string_view text) {
  size_t longest = 0, begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find("\n---", begin);
    const size_t bytes = (end == std::string_view::npos ? text.size() : end) - begin;
    longest = bytes > longest ? bytes : longest;
    if (end == std::string_view::npos) break;
    begin = end + 4;
  }
  return longest;
}

void Read(std::string_view text, const DocumentLimits& limits, Documents* to) {
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  YAML::Parser parser(stream);
  TreeBuilder builder(limits);
  while (parser.HandleNextDocument(builder)) {
    Node document = builder.TakeDocument();
    if (!document.is_null()) to->documents.push_back(std::move(document));
  }
}

}  // namespace

Documents ParseDocuments(std::string_view text, const DocumentLimits& limits) {
  Documents read;
  if (text.size() > limits.bytes_max || LongestDocument(text) > limits.document_bytes_max) {
    read.problems.push_back({{},
                             fmt::format("a text of more than {} bytes, or a document of more than "
                                         "{}",
                                         limits.bytes_max, limits.document_bytes_max)});
    return read;
  }
  try {
    Read(text, limits, &read);
  } catch (const LimitReached& reached) {
    read.problems.push_back(reached.problem);
  } catch (const YAML::Exception& error) {
    read.problems.push_back({PositionOf(error.mark), error.msg});
  }
  return read;
}

}  // namespace neurallog::rules
