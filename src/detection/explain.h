// Why a rule matches a record, or why not: which selections hold, and which items and values of them.
//
//   NL_TRY(Explainer explainer, Explainer::Make(document, lists));
//   Explanation why = explainer.Explain(batch, row);
//
// Every part of the detection is compiled as a rule of its own, so the parts say what the rule says. Costs as
// much as compiling so many rules; made for looking at a few records. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "detection/compiled_rules.h"
#include "rules/matcher.h"

namespace neurallog::detection {

struct Explanation {
  struct Item {
    std::string name;  // with its modifiers; empty: keywords
    bool holds = false;
    std::vector<std::string> values;  // those of its values that hold alone
  };
  struct Selection {
    std::string name;
    bool holds = false;
    std::vector<Item> items;
  };
  bool matched = false;
  bool of_log_source = false;  // the record is of the rule's log source
  std::vector<Selection> selections;
};

class Explainer {
 public:
  // Parts that are looked at; others are said not to hold.
  static constexpr size_t kPartsMax = 2'000;

  // InvalidArgument when the document is no rule that runs.
  static Result<Explainer> Make(std::string_view document, const rules::Lists& lists);

  Explanation Explain(const model::RecordBatch& batch, const char* row);

 private:
  struct Item {
    std::string name;
    uint32_t part;
    std::vector<std::pair<std::string, uint32_t>> values;  // texts and their parts
  };
  struct Selection {
    std::string name;
    uint32_t part;
    std::vector<Item> items;
  };
  class Maker;
  Explainer() = default;

  uint32_t rule_ = 0;        // the part that is the rule itself
  uint32_t log_source_ = 0;  // the part that holds for every record of its log source
  std::vector<Selection> selections_;
  std::unique_ptr<rules::Matcher> matcher_;
};

}  // namespace neurallog::detection
