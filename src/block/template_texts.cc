#include "block/template_texts.h"

#include <algorithm>
#include <bit>

#include "block/bitmap.h"
#include "block/template_parser.h"

namespace neurallog::block {
namespace {

// From lengths to a column of texts that lie one after the other.
void PlaceAll(std::span<const int64_t> lengths, Column* column) {
  column->encoding = Encoding::kStrings;
  column->rows = static_cast<uint32_t>(lengths.size());
  column->offsets.reserve(lengths.size() + 1);
  column->offsets.push_back(0);
  for (const int64_t length : lengths)
    column->offsets.push_back(column->offsets.back() + static_cast<uint32_t>(length));
}

}  // namespace

TemplateTexts::TemplateTexts(Column front, StoredTemplates stored)
    : front_(std::move(front)), stored_(std::move(stored)) {
  ListTemplates();
  ListRows();
}

Result<std::shared_ptr<const TemplateTexts>> TemplateTexts::Make(Column front,
                                                                 StoredTemplates stored) {
  std::shared_ptr<TemplateTexts> texts(new TemplateTexts(std::move(front), std::move(stored)));
  NL_RETURN_IF_ERROR(texts->TakeOthers());
  return std::shared_ptr<const TemplateTexts>(std::move(texts));
}

void TemplateTexts::ListTemplates() {
  std::vector<int64_t> lengths;
  for (size_t i = 0; i < stored_.templates(); ++i) {
    const std::string_view text = stored_.text(i);
    templates_.bytes.Append(text);
    lengths.push_back(static_cast<int64_t>(text.size()));
    variables_ += static_cast<size_t>(std::count(text.begin(), text.end(), kVariableMark));
  }
  PlaceAll(lengths, &templates_);
}

void TemplateTexts::ListRows() {
  ids_.assign(front_.rows, kAbsent);
  uint32_t next = 0;
  for (uint32_t row = 0; row < front_.rows; ++row) {
    if (!front_.Has(row)) continue;
    const uint16_t id = stored_.ids()[next++];
    ids_[row] = id < stored_.templates() ? id : kOther;
    if (ids_[row] == kOther) other_rows_.push_back(row);
  }
}

const CodeIndex& TemplateTexts::index() const {
  std::call_once(index_once_, [this] { index_.emplace(ids_, templates_.rows); });
  return *index_;
}

Result<std::span<const ByteSet>> TemplateTexts::VariableBytes(size_t template_index) const {
  NL_RETURN_IF_ERROR(ListVariableBytes());
  const uint32_t first = first_variable_[template_index];
  return std::span<const ByteSet>(variable_bytes_)
      .subspan(first, first_variable_[template_index + 1] - first);
}

Result<std::span<const ByteSet>> TemplateTexts::AnyVariableBytes() const {
  NL_RETURN_IF_ERROR(ListVariableBytes());
  return std::span<const ByteSet>(any_variable_bytes_);
}

Status TemplateTexts::ListVariableBytes() const {
  std::call_once(bytes_once_, [this] {
    TemplateDecoder decoder(stored_);
    auto bytes = decoder.ReadVariableBytes();
    bytes_status_ = bytes.status();
    if (!bytes.ok()) return;
    variable_bytes_ = std::move(*bytes);
    first_variable_.push_back(0);
    for (size_t i = 0, variable = 0; i < stored_.templates(); ++i) {
      const std::string_view text = stored_.text(i);
      variable += static_cast<size_t>(std::count(text.begin(), text.end(), kVariableMark));
      ByteSet any;
      for (size_t of_template = first_variable_.back(); of_template < variable; ++of_template)
        any |= variable_bytes_[of_template];
      any_variable_bytes_.push_back(any);
      first_variable_.push_back(static_cast<uint32_t>(variable));
    }
  });
  return bytes_status_;
}

std::vector<uint32_t> TemplateTexts::ValuesOf(std::span<const uint32_t> rows) const {
  std::vector<uint32_t> values(rows.begin(), rows.end());
  if (front_.present.empty()) return values;
  uint32_t before = 0;  // values in the words that were passed
  size_t word = 0;
  for (uint32_t& value : values) {
    for (; word < value / 64; ++word)
      before += static_cast<uint32_t>(std::popcount(front_.present[word]));
    const uint64_t lower = (uint64_t{1} << (value % 64)) - 1;
    value = before + static_cast<uint32_t>(std::popcount(front_.present[word] & lower));
  }
  return values;
}

Column TemplateTexts::FrontOf(std::span<const uint32_t> rows) const {
  Column column;
  column.uniform_type = front_.uniform_type;
  if (!front_.types.empty())
    for (const uint32_t row : rows) column.types.push_back(front_.types[row]);
  column.bytes.Reserve(1);  // padding behind no bytes
  return column;
}

Status TemplateTexts::TakeOthers() {
  const std::vector<uint32_t> values = ValuesOf(other_rows_);
  TemplateDecoder decoder(stored_);
  NL_RETURN_IF_ERROR(decoder.ReadSlotsOf(values, &places_));
  words_are_whole_ = !decoder.saw_delete();
  others_ = FrontOf(other_rows_);
  std::vector<int64_t> lengths;
  NL_RETURN_IF_ERROR(decoder.AppendSome(values, &lengths, &others_.bytes));
  PlaceAll(lengths, &others_);
  return Status::Ok();
}

Result<Column> TemplateTexts::Take(std::span<const uint32_t> rows) const {
  const std::vector<uint32_t> values = ValuesOf(rows);
  Column column = FrontOf(rows);
  std::vector<int64_t> lengths;
  lengths.reserve(rows.size());
  TemplateDecoder decoder(stored_);
  if (stored_.is_joined()) {
    NL_RETURN_IF_ERROR(decoder.ReadSlotsOf(values, nullptr));
    NL_RETURN_IF_ERROR(decoder.AppendSome(values, &lengths, &column.bytes));
  } else {
    NL_RETURN_IF_ERROR(decoder.ReadSlotsAt(places_, values));
    NL_RETURN_IF_ERROR(AppendEach(rows, &decoder, &lengths, &column.bytes));
  }
  PlaceAll(lengths, &column);
  return column;
}

// A row's place among those of its template is known by the index.
Status TemplateTexts::AppendEach(std::span<const uint32_t> rows, TemplateDecoder* decoder,
                                 std::vector<int64_t>* lengths, base::Buffer* bytes) const {
  const auto place_in = [](const auto& sorted, uint32_t row) {
    return static_cast<uint32_t>(std::lower_bound(sorted.begin(), sorted.end(), row) -
                                 sorted.begin());
  };
  for (const uint32_t row : rows) {
    const uint16_t id = ids_[row];
    if (id == kOther) {
      const auto whole = static_cast<uint16_t>(stored_.templates());
      NL_RETURN_IF_ERROR(decoder->AppendAt(whole, place_in(other_rows_, row), lengths, bytes));
    } else {
      const auto of_template = index().RowsOf(id);
      NL_RETURN_IF_ERROR(decoder->AppendAt(id, place_in(of_template, row), lengths, bytes));
    }
  }
  return Status::Ok();
}

Result<Column> TemplateTexts::TakeWithGaps(std::span<const uint32_t> rows) const {
  if (front_.present.empty()) return Take(rows);
  std::vector<uint32_t> with_text;
  for (const uint32_t row : rows)
    if (front_.Has(row)) with_text.push_back(row);
  NL_TRY(Column column, Take(with_text));
  column.rows = static_cast<uint32_t>(rows.size());
  column.present.resize(BitmapWords(rows.size()));
  std::vector<uint32_t> offsets{0};
  std::vector<uint8_t> types;
  for (uint32_t i = 0, next = 0; i < rows.size(); ++i) {
    const bool has = front_.Has(rows[i]);
    if (has) SetBit(column.present, i);
    if (!column.types.empty()) types.push_back(has ? column.types[next] : 0);
    next += has ? 1 : 0;
    offsets.push_back(column.offsets[next]);
  }
  column.offsets = std::move(offsets);
  column.types = std::move(types);
  return column;
}

Result<Column> TemplateTexts::TakeAll() const {
  TemplateDecoder decoder(stored_);
  NL_RETURN_IF_ERROR(decoder.ReadSlots());
  Column column;
  std::vector<int64_t> lengths;
  lengths.reserve(front_.rows);
  NL_RETURN_IF_ERROR(decoder.AppendTexts(&lengths, &column.bytes));
  column.encoding = Encoding::kStrings;
  column.rows = front_.rows;
  column.present = front_.present;
  column.uniform_type = front_.uniform_type;
  column.types = front_.types;
  column.offsets.reserve(front_.rows + size_t{1});
  column.offsets.push_back(0);
  size_t next = 0;
  for (uint32_t row = 0; row < front_.rows; ++row)
    column.offsets.push_back(column.offsets.back() +
                             (front_.Has(row) ? static_cast<uint32_t>(lengths[next++]) : 0));
  return column;
}

size_t TemplateTexts::memory_bytes() const {
  return sizeof(*this) + front_.memory_bytes() + stored_.memory_bytes() +
         templates_.memory_bytes() + others_.memory_bytes() +
         ids_.capacity() * (sizeof(uint16_t) + sizeof(uint16_t)) +
         other_rows_.capacity() * sizeof(uint32_t) +
         (variables_ + templates_.rows) * sizeof(ByteSet) +
         places_.capacity() * sizeof(SlotPlaces::value_type);
}

}  // namespace neurallog::block
