// Which templates of a column can hold a literal: a message is searched once per template, and rows are
// looked at only where a variable could be part of a hit.
//
//   TemplateLiteral literal(finder, Edges::kBoth);
//   NL_RETURN_IF_ERROR(literal.Judge(texts, &verdicts));   // none, all or some of each template's rows
//
// Immutable and thread-safe. Borrows the finder.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "block/template_texts.h"
#include "filter/literal.h"
#include "filter/substring.h"

namespace neurallog::filter {

class TemplateLiteral {
 public:
  TemplateLiteral(const Finder& finder, Edges edges);

  // One verdict per template.
  Status Judge(const block::TemplateTexts& texts, std::vector<Verdict>* verdicts) const;

 private:
  void FindStaticWords();
  bool IsStaticWord(size_t begin, size_t end) const;
  void JudgeByWord(const block::Column& templates, std::vector<Verdict>* verdicts) const;
  Status JudgeByVariables(const block::TemplateTexts& texts, std::vector<Verdict>* verdicts) const;
  bool CanMatch(std::string_view text, std::span<const block::ByteSet> variables) const;
  // No hit has one of these bytes.
  bool CannotTouch(const block::ByteSet& bytes) const;
  uint64_t PlacesOf(const block::ByteSet& bytes) const;

  const Finder& finder_;
  const Edges edges_;
  bool has_marks_ = false;           // bytes that no text of a template has
  bool is_static_ = false;           // no variable can be part of a hit
  std::optional<Finder> word_;       // that must stand in static text
  size_t checked_ = 0;               // bytes of the literal, from its beginning
  std::array<uint64_t, 256> places_{};  // of each byte among these
  block::ByteSet bytes_;                // these
};

}  // namespace neurallog::filter
