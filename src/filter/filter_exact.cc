// `field:="text"` and `field:="text"*`: the whole value, and how it begins.
#include "block/block.h"
#include "block/char_class.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class ExactPredicate : public FieldPredicate {
 public:
  ExactPredicate(std::string field, std::string text)
      : FieldPredicate(std::move(field)),
        text_(std::move(text)),
        classes_(block::ClassesOf(text_)) {}

  int cost() const override { return 5; }

 protected:
  bool MatchText(std::string_view text) const override { return text == text_; }

  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool can_match = text_.size() >= meta.length_min && text_.size() <= meta.length_max &&
                           (classes_ & ~meta.char_classes) == 0;
    return can_match ? Verdict::kSome : Verdict::kNone;
  }

  void RefineInts(const block::Column& column, Bitmap* rows) const override {
    Number number;
    char scratch[24];
    // Integers are canonical, so that only the canonical spelling of a number can be equal.
    if (!ParseNumber(text_, &number) || !number.is_int) return rows->ClearAll();
    const int64_t wanted = number.int_value;
    KeepIf(rows, [&](uint32_t row) {
      return column.ints[row] == wanted && column.TextAt(row, scratch) == text_;
    });
  }

  void RefineStrings(const block::Column& column, Bitmap* rows) const override {
    const uint32_t* offsets = column.offsets.data();
    const auto size = static_cast<uint32_t>(text_.size());
    for (size_t i = 0; i < rows->words().size(); ++i) {
      uint64_t& word = rows->words()[i];
      if (word == 0) continue;
      uint64_t same_size = 0;
      const size_t count = std::min<size_t>(64, rows->rows() - i * 64);
      for (size_t bit = 0; bit < count; ++bit)
        same_size |= uint64_t{offsets[i * 64 + bit + 1] - offsets[i * 64 + bit] == size} << bit;
      word &= same_size;
    }
    KeepIf(rows, [&](uint32_t row) {
      return std::memcmp(column.bytes.data() + offsets[row], text_.data(), size) == 0;
    });
  }

 private:
  const std::string text_;
  const uint8_t classes_;
};

class ExactPrefixPredicate : public FieldPredicate {
 public:
  explicit ExactPrefixPredicate(const Filter& filter)
      : FieldPredicate(filter.field), text_(filter.text), classes_(block::ClassesOf(text_)) {}

  int cost() const override { return 6; }

 protected:
  bool MatchText(std::string_view text) const override {
    return text.substr(0, text_.size()) == text_;
  }
  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool can_match = text_.size() <= meta.length_max && (classes_ & ~meta.char_classes) == 0;
    return can_match ? Verdict::kSome : Verdict::kNone;
  }

 private:
  const std::string text_;
  const uint8_t classes_;
};

}  // namespace

PredicatePtr MakeExact(std::string field, std::string text) {
  return std::make_unique<ExactPredicate>(std::move(field), std::move(text));
}
PredicatePtr MakeExactPrefix(const Filter& filter) {
  return std::make_unique<ExactPrefixPredicate>(filter);
}

}  // namespace neurallog::filter
