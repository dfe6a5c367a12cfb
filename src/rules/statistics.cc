#include "rules/statistics.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "rules/case_fold.h"
#include "rules/json_elements.h"
#include "rules/pattern.h"

namespace neurallog::rules {
namespace {

// What a test passes for when nothing is known: longer texts are rarer.
double GuessText(Op op, size_t bytes) {
  const double rare = bytes >= 8 ? 0.001 : bytes >= 5 ? 0.004 : bytes == 4 ? 0.02 : 0.1;
  switch (op) {
    case Op::kEqual: return rare / 2;
    case Op::kPrefix: return rare * 4;
    default: return rare;
  }
}

size_t HashGram(const char* gram) {
  uint32_t value;
  std::memcpy(&value, gram, 4);
  return value * 0x9e3779b1u >> 16;
}

std::string_view LongestText(const Pattern& pattern) {
  std::string_view longest;
  for (const PatternPiece& piece : pattern)
    if (piece.text.size() > longest.size()) longest = piece.text;
  return longest;
}

bool PassesNumber(Op op, double value, double number) {
  switch (op) {
    case Op::kLess: return value < number;
    case Op::kLessEqual: return value <= number;
    case Op::kGreater: return value > number;
    case Op::kGreaterEqual: return value >= number;
    default: return value == number;
  }
}

bool PassesText(Op op, const std::string& value, std::string_view text) {
  const size_t size = text.size();
  switch (op) {
    case Op::kEqual: return value == text;
    case Op::kPrefix: return value.compare(0, size, text) == 0;
    case Op::kSuffix:
      return value.size() >= size && value.compare(value.size() - size, size, text) == 0;
    default: return value.find(text) != std::string::npos;
  }
}

constexpr size_t kValuesLookedAt = 256;
constexpr size_t kTextsLookedAt = 1000;
constexpr double kCountedFrom =
    0.002;  // grams say that a text is this common: values are looked at

}  // namespace

void Statistics::AddRow(const model::RecordBatch& batch, const char* row,
                        const Pipeline& pipeline) {
  if (!BeginRow()) return;
  model::RowReader reader(row);
  for (model::Field field; reader.Next(&field);)
    AddField(batch.names()[field.name_id], field.type, field.value, pipeline);
}

bool Statistics::BeginRow() {
  if (rows_ >= kRowsMax) return false;
  ++rows_;
  return true;
}

void Statistics::AddField(std::string_view name, ValueType type, std::string_view value,
                          const Pipeline& pipeline) {
  for (const std::string& known : pipeline.NamesOf(name)) {
    if (type != ValueType::kArray) {
      Add(known, value);
      continue;
    }
    std::string_view rest = value.substr(std::min<size_t>(1, value.size()));
    for (JsonElement element; NextElement(&rest, &element);) Add(known, element.text);
  }
}

void Statistics::Add(std::string_view field, std::string_view value) {
  auto found = values_.find(field);
  if (found == values_.end()) found = values_.emplace(field, std::vector<std::string>()).first;
  found->second.push_back(Fold(value.substr(0, kValueBytesMax)));
  const std::string& folded = found->second.back();
  for (size_t i = 0; i + 4 <= folded.size(); ++i) ++grams_[HashGram(folded.data() + i)];
}

double Statistics::GramsPerRow(const char* gram) const {
  return rows_ == 0 ? 0 : (grams_[HashGram(gram)] + 0.1) / rows_;
}

double Statistics::Contained(std::string_view text) const {
  double least = 1;
  for (size_t i = 0; i + 4 <= text.size(); ++i)
    least = std::min(least, GramsPerRow(text.data() + i));
  return least;
}

// Values of one field that pass, of a part of the sample, as a share of the rows.
double Statistics::CountInField(const Test& test, const std::string& text) const {
  const auto found = values_.find(test.field);
  if (found == values_.end()) return 0.02 / rows_;
  const std::vector<std::string>& values = found->second;
  // Scattered places: values of lists come in patterns.
  const size_t seen = std::min(values.size(), kValuesLookedAt);
  size_t passed = 0;
  for (size_t i = 0; i < seen; ++i)
    passed += PassesText(test.op, values[i * 2654435761u % values.size()], text);
  const double share = (static_cast<double>(passed) + 0.02) / static_cast<double>(seen);
  return std::min(1.0, share * static_cast<double>(values.size()) / rows_);
}

double Statistics::EstimateText(const Test& test, const std::string& text) const {
  const double guess = GuessText(test.op, text.size());
  if (rows_ == 0) return guess;
  const bool searches = test.op == Op::kContains || test.op == Op::kWord;
  if (!searches && !test.cased) return CountInField(test, text) + guess / 100;
  const std::string folded = Fold(text);
  if (!searches) return CountInField(test, folded) + guess / 100;
  if (text.size() < 4) return guess;
  const double share = std::min(Contained(folded), 1.0);
  if (share < kCountedFrom || test.is_keyword()) return share + guess / 100;
  return std::min(share, CountInField(test, folded)) + guess / 100;
}

double Statistics::Estimate(const Test& test) const {
  double share = 0;
  switch (test.op) {
    case Op::kGlob:
      for (const std::string& text : test.texts) {
        const std::string literal = Fold(LongestText(DecodePattern(text)));
        share += 0.005 + (rows_ == 0 || literal.size() < 4 ? GuessText(test.op, literal.size())
                                                           : Contained(literal));
      }
      break;
    case Op::kRegexp:
      for (const auto& regexp : test.regexps)
        for (const std::string& literal : regexp->required())
          share += 0.005 + (rows_ == 0 || literal.size() < 4 ? GuessText(test.op, literal.size())
                                                             : Contained(literal));
      break;
    case Op::kCidr: share = 0.02; break;
    case Op::kNull:
    case Op::kAbsent:
    case Op::kPresent:
    case Op::kSameAs: share = 0.5; break;
    case Op::kNumberEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual: {
      const auto found = values_.find(test.field);
      if (rows_ == 0 || test.part != TimePart::kNone) return 0.2;
      size_t passed = 0;
      for (const auto& value :
           found == values_.end() ? std::vector<std::string>() : found->second) {
        double number = 0;
        const auto [at, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        passed += error == std::errc() && PassesNumber(test.op, number, test.number);
      }
      return std::min(1.0, (static_cast<double>(passed) + 0.1) / rows_);
    }
    default:
      if (test.texts.size() > kTextsLookedAt) return 0.05;
      for (const std::string& text : test.texts) share += EstimateText(test, text);
  }
  return std::min(1.0, share);
}

}  // namespace neurallog::rules
