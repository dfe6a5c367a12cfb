#include "ingest/json_tokens.h"

#include <simdjson.h>

#include <algorithm>

namespace neurallog::ingest {
namespace {

constexpr size_t kCapacityMin = 64u << 10;

const char* FaultText(simdjson::error_code error) {
  switch (error) {
    case simdjson::UNESCAPED_CHARS: return "a string holds an unescaped control character";
    case simdjson::UNCLOSED_STRING: return "unclosed string";
    case simdjson::UTF8_ERROR: return "invalid UTF-8";
    case simdjson::EMPTY: return "nothing but white space";
    case simdjson::MEMALLOC: return "out of memory";
    default: return "not JSON";
  }
}

}  // namespace

JsonTokens::JsonTokens() = default;
JsonTokens::~JsonTokens() = default;

const char* JsonTokens::Load(const char* begin, const char* end) {
  const auto bytes = static_cast<size_t>(end - begin);
  count_ = 0;
  if (parser_ == nullptr || parser_->capacity() < bytes + kBeyond) {
    parser_.reset();
    const size_t capacity = std::max(bytes + bytes / 8, kCapacityMin) + kBeyond;
    const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        capacity, 1, parser_);
    if (error != simdjson::SUCCESS) return FaultText(error);
  }
  const auto error = parser_->stage1(reinterpret_cast<const uint8_t*>(begin), bytes,
                                     simdjson::stage1_mode::regular);
  if (error != simdjson::SUCCESS) return FaultText(error);
  begin_ = begin;
  end_ = end;
  count_ = parser_->n_structural_indexes;
  uint32_t* offsets = parser_->structural_indexes.get();
  std::fill_n(offsets + count_, kBeyond, static_cast<uint32_t>(bytes));
  offsets_ = offsets;
  return nullptr;
}

}  // namespace neurallog::ingest
