// What is known of all texts of a form (text_form.h), by index: the triggers that it fires. Plain data.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "rules/field_index.h"

namespace neurallog::rules {

struct Form {
  uint32_t id = 0;
  const FieldIndex* index = nullptr;  // none has seen it
  std::vector<uint32_t> triggers;
  bool may_hold_digits = false;  // FieldIndex::MayHoldDigits
  std::unique_ptr<Form> other;   // the same form for another index

  size_t memory_bytes() const { return triggers.capacity() * 4; }
};

}  // namespace neurallog::rules
