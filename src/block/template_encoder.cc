#include "block/template_encoder.h"

#include <algorithm>
#include <numeric>

#include "base/bytes.h"
#include "base/hash.h"
#include "block/blob.h"
#include "block/text_hash.h"
#include "index/token_set.h"

namespace neurallog::block {
namespace {

constexpr size_t kCellsMin = 16;  // shorter columns are not split
constexpr size_t kSampleCells = 512;
constexpr uint32_t kRowsMin = 2;  // of a template that is kept
constexpr size_t kAheadBytesMax = 256;
constexpr size_t kTemplateSlotsMin = 1024;
constexpr uint32_t kUnsplit = UINT32_MAX;

}  // namespace

bool TemplateEncoder::Plan(std::span<const Cell> cells) {
  cells_ = cells;
  if (cells.size() < kCellsMin || !SampleRepeats()) return false;
  SplitAll();
  return Keep();
}

// Of rows spread over the column, those whose template occurs again among them.
bool TemplateEncoder::SampleRepeats() {
  const size_t step = std::max<size_t>(cells_.size() / kSampleCells, 1);
  std::vector<uint64_t> hashes;
  variables_.resize(kVariablesMax);
  for (size_t i = 0; i < cells_.size() && hashes.size() < kSampleCells; i += step) {
    uint64_t hash;
    if (parser_.Parse(cells_[i].text(), variables_.data(), &hash) >= 0) hashes.push_back(hash);
  }
  const size_t sampled = (cells_.size() + step - 1) / step;
  std::sort(hashes.begin(), hashes.end());
  size_t repeated = 0;
  for (size_t i = 0; i < hashes.size(); ++i)
    repeated += (i > 0 && hashes[i] == hashes[i - 1]) ||
                (i + 1 < hashes.size() && hashes[i] == hashes[i + 1]);
  return repeated * 3 > std::min(sampled, kSampleCells);
}

void TemplateEncoder::SplitAll() {
  found_.clear();
  table_.assign(kTemplateSlotsMin, 0);
  first_variable_.resize(cells_.size() + 1);
  found_of_cell_.resize(cells_.size());
  uint32_t variables = 0;
  for (uint32_t i = 0; i < cells_.size(); ++i) {
    PrefetchText(i);
    if (variables + kVariablesMax > variables_.size()) variables_.resize(variables_.size() * 2);
    uint64_t hash;
    const int count = parser_.Parse(cells_[i].text(), variables_.data() + variables, &hash);
    first_variable_[i] = variables;
    variables += static_cast<uint32_t>(std::max(count, 0));
    first_variable_[i + 1] = variables;
    found_of_cell_[i] = count >= 0 ? FindOrAdd(hash, i) : kUnsplit;
  }
}

// Texts are a few lines of cache long.
void TemplateEncoder::PrefetchText(size_t cell) const {
  constexpr size_t kAhead = 16;
  if (cell + kAhead >= cells_.size()) return;
  const Cell& ahead = cells_[cell + kAhead];
  for (size_t at = 0; at < ahead.length && at < kAheadBytesMax; at += 64)
    __builtin_prefetch(ahead.data + at);
}

uint32_t TemplateEncoder::FindOrAdd(uint64_t hash, uint32_t cell) {
  const size_t mask = table_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (table_[slot] == 0) {
      found_.push_back({hash, cell, 1, kUnsplit});
      table_[slot] = static_cast<uint32_t>(found_.size());
      if (found_.size() * 2 > table_.size()) GrowTable();
      return static_cast<uint32_t>(found_.size() - 1);
    }
    Found& found = found_[table_[slot] - 1];
    if (found.hash != hash || !SameTemplate(found.cell, cell)) continue;
    ++found.rows;
    return table_[slot] - 1;
  }
}

void TemplateEncoder::GrowTable() {
  table_.assign(table_.size() * 4, 0);
  const size_t mask = table_.size() - 1;
  for (uint32_t i = 0; i < found_.size(); ++i) {
    size_t slot = found_[i].hash & mask;
    while (table_[slot] != 0) slot = (slot + 1) & mask;
    table_[slot] = i + 1;
  }
}

bool TemplateEncoder::SameTemplate(uint32_t a, uint32_t b) const {
  const Variable* va = variables_.data() + first_variable_[a];
  const Variable* vb = variables_.data() + first_variable_[b];
  const size_t count = first_variable_[a + 1] - first_variable_[a];
  if (count != first_variable_[b + 1] - first_variable_[b]) return false;
  size_t piece_a = 0, piece_b = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t size = va[i].begin - piece_a;
    if (size != vb[i].begin - piece_b ||
        !SameText(cells_[a].data + piece_a, cells_[b].data + piece_b, size))
      return false;
    piece_a = va[i].begin + size_t{va[i].size};
    piece_b = vb[i].begin + size_t{vb[i].size};
  }
  const size_t size = cells_[a].length - piece_a;
  return size == cells_[b].length - piece_b &&
         SameText(cells_[a].data + piece_a, cells_[b].data + piece_b, size);
}

// Numbers the templates that are kept by how often they occur and groups the cells by them.
bool TemplateEncoder::Keep() {
  const size_t kept_max = std::min<size_t>(kTemplatesMax, std::max<size_t>(cells_.size() / 8, 1));
  order_.clear();
  for (uint32_t i = 0; i < found_.size(); ++i)
    if (found_[i].rows >= kRowsMin) order_.push_back(i);
  std::stable_sort(order_.begin(), order_.end(),
                   [this](uint32_t a, uint32_t b) { return found_[a].rows > found_[b].rows; });
  if (order_.size() > kept_max) order_.resize(kept_max);
  if (order_.empty()) return false;

  texts_.clear();
  group_end_.assign(order_.size() + 1, 0);
  uint32_t end = 0;
  for (uint32_t kept = 0; kept < order_.size(); ++kept) {
    Found& found = found_[order_[kept]];
    found.kept = kept;
    const uint32_t first = first_variable_[found.cell];
    texts_.push_back(TemplateText(cells_[found.cell].text(), variables_.data() + first,
                                  first_variable_[found.cell + 1] - first));
    group_end_[kept] = end;
    end += found.rows;
  }
  group_end_[order_.size()] = end;
  ids_.resize(cells_.size());
  by_template_.resize(cells_.size());
  for (uint32_t i = 0; i < cells_.size(); ++i) {
    const uint32_t found = found_of_cell_[i];
    const uint32_t kept = found == kUnsplit ? kUnsplit : found_[found].kept;
    ids_[i] = static_cast<uint16_t>(std::min<size_t>(kept, order_.size()));
    by_template_[group_end_[ids_[i]]++] = i;
  }
  return true;
}

bool TemplateEncoder::IsDoubtful() const {
  const size_t unsplit = CellsOf(static_cast<uint32_t>(texts_.size())).size();
  return unsplit * 4 > cells_.size();
}

std::span<const uint32_t> TemplateEncoder::CellsOf(uint32_t kept) const {
  const uint32_t begin = kept == 0 ? 0 : group_end_[kept - 1];
  return std::span(by_template_).subspan(begin, group_end_[kept] - begin);
}

void TemplateEncoder::Append(int zstd_level, std::string* to, index::TokenSet* tokens) {
  const bool is_joined = JoinTemplates();
  if (is_joined) to->push_back(kJoinedTemplates);
  AppendTemplates(zstd_level, to, tokens);
  slots_.Clear();
  if (is_joined) {
    JoinUnsplit();
    AppendBlob(joins_.EncodeHeads(), zstd_level, to);
    AppendIds(joins_.heads(), zstd_level, to);
    AddJoined(tokens);
  } else {
    AppendIds(/*heads=*/0, zstd_level, to);
    AddSeparate(tokens);
  }
  AppendStreams(zstd_level, is_joined, to);
}

void TemplateEncoder::AppendStreams(int zstd_level, bool is_joined, std::string* to) {
  for (size_t i = 0; i < kStreams; ++i) {
    const auto which = static_cast<Stream>(i);
    if (which == Stream::kPacked) {
      AppendRawBlob(slots_.stream(which), to);
    } else if (which == Stream::kTexts && is_joined) {
      AppendBlobBehind(joined_.view(), slots_.stream(which), zstd_level, to);
    } else {
      AppendBlob(slots_.stream(which), zstd_level, to);
    }
  }
}

// Neither of the two marks is part of a word.
void TemplateEncoder::AppendTemplates(int zstd_level, std::string* to, index::TokenSet* tokens) {
  base::AppendVarint(to, texts_.size());
  joined_.Clear();
  for (const std::string& text : texts_) {
    joined_.Append(text);
    joined_.Append({&kTemplateEnd, 1});
  }
  AppendBlob(joined_.view(), zstd_level, to);
  if (tokens != nullptr) tokens->Add(joined_.view());
}

void TemplateEncoder::AppendIds(size_t heads, int zstd_level, std::string* to) {
  std::string plane(ids_.size(), '\0');
  for (size_t i = 0; i < ids_.size(); ++i) plane[i] = static_cast<char>(ids_[i]);
  AppendBlob(plane, zstd_level, to);
  if (texts_.size() + heads < 256) return;
  for (size_t i = 0; i < ids_.size(); ++i) plane[i] = static_cast<char>(ids_[i] >> 8);
  AppendBlob(plane, zstd_level, to);
}

std::string_view TemplateEncoder::ValueOf(uint32_t cell, uint32_t slot) const {
  const Variable variable = variables_[first_variable_[cell] + slot];
  return {cells_[cell].data + variable.begin, variable.size};
}

void TemplateEncoder::ListValues(uint32_t cell) {
  values_.resize(SlotsOf(cell));
  for (uint32_t slot = 0; slot < values_.size(); ++slot) values_[slot] = ValueOf(cell, slot);
}

void TemplateEncoder::AddSeparate(index::TokenSet* tokens) {
  for (uint32_t kept = 0; kept < texts_.size(); ++kept) AddSlots(kept, tokens);
  values_.clear();
  for (const uint32_t cell : CellsOf(static_cast<uint32_t>(texts_.size())))
    values_.push_back(cells_[cell].text());
  slots_.AddTexts(values_, tokens);
}

void TemplateEncoder::AddSlots(uint32_t kept, index::TokenSet* tokens) {
  const Found& found = found_[order_[kept]];
  const uint32_t count = first_variable_[found.cell + 1] - first_variable_[found.cell];
  const std::span<const uint32_t> cells = CellsOf(kept);
  values_.resize(cells.size());
  for (uint32_t v = 0; v < count; ++v) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const Variable variable = variables_[first_variable_[cells[i]] + v];
      values_[i] = {cells_[cells[i]].data + variable.begin, variable.size};
      __builtin_prefetch(values_[i].data());
    }
    slots_.Add(values_, tokens);
  }
}

// False, soon, when they have little in common.
bool TemplateEncoder::JoinTemplates() {
  constexpr uint32_t kProbed = 64;
  joins_.Clear();
  for (uint32_t kept = 0; kept < texts_.size(); ++kept) {
    if (kept == kProbed && !joins_.IsMuchShared()) return false;
    const Found& found = found_[order_[kept]];
    ListValues(found.cell);
    joins_.AddTemplate(texts_[kept], values_, found.rows);
  }
  return joins_.IsMuchShared();
}

// Finds the heads of the texts that are stored whole.
void TemplateEncoder::JoinUnsplit() {
  rests_.clear();
  const auto unsplit = static_cast<uint32_t>(texts_.size());
  for (const uint32_t cell : CellsOf(unsplit)) {
    Rest rest{SlotJoins::kNone, cells_[cell].text()};
    ListValues(cell);
    rest.head = joins_.AddText(rest.text, values_, &rest.text);
    const uint32_t id = rest.head == SlotJoins::kNone ? unsplit : unsplit + 1 + rest.head;
    ids_[cell] = static_cast<uint16_t>(id);
    rests_.push_back(rest);
  }
  joins_.Finish();
}

void TemplateEncoder::AddJoined(index::TokenSet* tokens) {
  ListSetCells();
  for (uint32_t i = 0; i < joins_.groups().groups().size(); ++i) AddGroup(i, tokens);
  AddRests(tokens);
}

void TemplateEncoder::ListSetCells() {
  const SlotGroups& groups = joins_.groups();
  set_end_.assign(groups.set_rows().size(), 0);
  uint32_t total = 0;
  for (size_t set = 0; set < set_end_.size(); ++set) {
    set_end_[set] = total;
    total += groups.set_rows()[set];
  }
  set_cells_.resize(total);
  for (uint32_t i = 0; i < cells_.size() && total > 0; ++i) {
    const uint32_t id = ids_[i];
    if (id == texts_.size()) continue;
    for (const uint32_t set : groups.SetsOf(id - (id > texts_.size() ? 1 : 0)))
      set_cells_[set_end_[set]++] = i;
  }
}

std::span<const uint32_t> TemplateEncoder::CellsOf(const SlotGroups::Group& group) const {
  if (group.set == SlotGroups::kNone) return CellsOf(group.owner);
  return std::span(set_cells_).subspan(set_end_[group.set] - group.rows, group.rows);
}

void TemplateEncoder::AddGroup(uint32_t index, index::TokenSet* tokens) {
  const SlotGroups::Group& group = joins_.groups().groups()[index];
  const std::span<const uint32_t> cells = CellsOf(group);
  // The slots of the same rows are the ones just before.
  for (uint32_t before = index; before-- > 0;) {
    const SlotGroups::Group& other = joins_.groups().groups()[before];
    if (other.owner != group.owner || other.set != group.set) break;
    if (IsCopy(cells, group.slot, other.slot)) return slots_.AddCopy(index - before);
  }
  values_.resize(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    values_[i] = ValueOf(cells[i], group.slot);
    __builtin_prefetch(values_[i].data());
  }
  slots_.Add(values_, tokens);
}

bool TemplateEncoder::IsCopy(std::span<const uint32_t> cells, uint32_t slot,
                             uint32_t before) const {
  return std::all_of(cells.begin(), cells.end(), [&](uint32_t cell) {
    const std::string_view a = ValueOf(cell, slot);
    const std::string_view b = ValueOf(cell, before);
    return a.size() == b.size() && SameText(a.data(), b.data(), a.size());
  });
}

// Head after head, then what has none.
void TemplateEncoder::AddRests(index::TokenSet* tokens) {
  std::stable_sort(rests_.begin(), rests_.end(),
                   [](const Rest& a, const Rest& b) { return a.head < b.head; });
  values_.clear();
  for (const Rest& rest : rests_) values_.push_back(rest.text);
  slots_.AddTexts(values_, tokens);
}

void TemplateEncoder::Describe(ColumnMeta* meta) const {
  meta->templates = static_cast<uint32_t>(texts_.size());
  meta->top_templates.clear();
  for (size_t i = 0; i < texts_.size() && i < kTopTemplatesMax; ++i)
    meta->top_templates.push_back({base::Hash64(texts_[i]), found_[order_[i]].rows});
}

}  // namespace neurallog::block
