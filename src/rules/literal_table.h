// Where an index reports what it found in a value: the numbers of triggers, each once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/text_form.h"

namespace neurallog::rules {

// Not thread-safe; belongs to a matcher. `fired` has a slot for each trigger of the index.
struct TriggerSink {
  uint32_t* fired;  // the epoch in which a trigger was last reported
  uint32_t epoch;
  std::vector<uint32_t>* hits;
  bool is_form = false;  // the text is a form: what has digits does not count

  void Fire(uint32_t trigger) {
    if (fired[trigger] == epoch) return;
    fired[trigger] = epoch;
    hits->push_back(trigger);
  }
};

// Texts that an index knows, each with the triggers that it fires.
class LiteralTable {
 public:
  struct Literal {
    uint32_t text_offset;
    uint32_t bytes;
    uint32_t first_trigger;
    uint32_t triggers;
    bool has_digit;
  };

  uint32_t Add(const std::string& text, const std::vector<uint32_t>& triggers) {
    literals_.push_back({static_cast<uint32_t>(texts_.size()), static_cast<uint32_t>(text.size()),
                         static_cast<uint32_t>(triggers_.size()),
                         static_cast<uint32_t>(triggers.size()), HasDigit(text)});
    texts_.append(text);
    triggers_.insert(triggers_.end(), triggers.begin(), triggers.end());
    return static_cast<uint32_t>(literals_.size() - 1);
  }

  std::string_view text(uint32_t literal) const {
    return {texts_.data() + literals_[literal].text_offset, literals_[literal].bytes};
  }
  void Fire(uint32_t literal, TriggerSink* sink) const {
    const Literal& one = literals_[literal];
    if (sink->is_form && one.has_digit) return;
    for (uint32_t i = 0; i < one.triggers; ++i) sink->Fire(triggers_[one.first_trigger + i]);
  }
  size_t size() const { return literals_.size(); }
  size_t memory_bytes() const {
    return texts_.capacity() + triggers_.capacity() * 4 + literals_.capacity() * sizeof(Literal);
  }

 private:
  std::string texts_;
  std::vector<uint32_t> triggers_;
  std::vector<Literal> literals_;
};

}  // namespace neurallog::rules
