#include "rules/field_index.h"

#include <algorithm>
#include <tuple>

#include "rules/case_fold.h"

namespace neurallog::rules {
namespace {

// So many starts or ends may share their first or last four bytes; the others go to the grams.
constexpr size_t kSharedMax = 16;

// The longest text of an encoded pattern, folded; empty when it has none.
std::string LiteralOf(const std::string& encoded) {
  std::string longest;
  for (const PatternPiece& piece : DecodePattern(encoded))
    if (piece.text.size() > longest.size()) longest = piece.text;
  return Fold(longest);
}

bool IsComparison(Op op) {
  return op == Op::kLess || op == Op::kLessEqual || op == Op::kGreater || op == Op::kGreaterEqual;
}

auto NetworkOrder(const Network& network) {
  return std::tuple(network.address.bits, network.prefix, network.address.bytes);
}

}  // namespace

bool FieldIndexBuilder::CanWatch(const Test& test) {
  switch (test.op) {
    case Op::kEqual:
    case Op::kPrefix:
    case Op::kSuffix:
    case Op::kContains:
    case Op::kWord:
    case Op::kCidr: return !test.texts.empty();
    case Op::kPresent: return !test.is_keyword();
    case Op::kGlob:
      return std::none_of(test.texts.begin(), test.texts.end(),
                          [](const std::string& text) { return LiteralOf(text).empty(); });
    case Op::kRegexp:
      return std::none_of(test.regexps.begin(), test.regexps.end(),
                          [](const auto& regexp) { return regexp->required().empty(); });
    default: return IsComparison(test.op) && test.part == TimePart::kNone;
  }
}

bool FieldIndexBuilder::IsExact(const Test& test) {
  return test.op != Op::kGlob && test.op != Op::kRegexp && test.op != Op::kWord &&
         !(test.cased && !test.texts.empty());
}

void FieldIndexBuilder::Add(const Test& test, uint32_t trigger) {
  if (test.op == Op::kPresent) return index_.present_.push_back(trigger);
  if (IsComparison(test.op)) {
    const auto which = static_cast<size_t>(test.op) - static_cast<size_t>(Op::kLess);
    return index_.bounds_[which].push_back({test.number, trigger});
  }
  for (const auto& regexp : test.regexps)
    for (const std::string& literal : regexp->required())
      AddText(Kind::kAnywhere, literal, trigger);
  for (const std::string& text : test.texts) {
    switch (test.op) {
      case Op::kEqual: AddText(Kind::kWhole, Fold(text), trigger); break;
      case Op::kPrefix: AddText(Kind::kStart, Fold(text), trigger); break;
      case Op::kSuffix: AddText(Kind::kEnd, Fold(text), trigger); break;
      case Op::kGlob: AddText(Kind::kAnywhere, LiteralOf(text), trigger); break;
      case Op::kCidr: index_.networks_.push_back({*ParseNetwork(text), trigger}); break;
      default: AddText(Kind::kAnywhere, Fold(text), trigger);
    }
  }
}

void FieldIndexBuilder::AddText(Kind kind, const std::string& text, uint32_t trigger) {
  std::vector<uint32_t>& triggers = literals_[{kind, text}];
  if (triggers.empty() || triggers.back() != trigger) triggers.push_back(trigger);
}

void FieldIndexBuilder::PlaceLiteral(Kind kind, const std::string& text,
                                     const std::vector<uint32_t>& triggers) {
  const uint32_t literal = index_.literals_.Add(text, triggers);
  const bool is_edge = kind == Kind::kStart || kind == Kind::kEnd;
  const std::string key = text.size() < 4        ? text
                          : kind == Kind::kStart ? text.substr(0, 4)
                                                 : text.substr(text.size() - 4);
  const bool is_shared = is_edge && ++shared_[{kind, key}] > kSharedMax;
  PlaceIn(&index_.texts_, kind, literal, is_shared);
  if (!HasDigit(text)) return;
  PlaceIn(&index_.digit_texts_, kind, literal, is_shared);
  PlaceDigitForm(text);
}

void FieldIndexBuilder::PlaceDigitForm(const std::string& text) {
  TextForm form;
  form.Set(std::string_view(text).substr(0, TextForm::kBytesMax));
  const auto [formed, is_new] = digit_forms_.emplace(form.text());
  if (!is_new) return;
  const uint32_t literal = index_.digit_forms_.Add(*formed, {0});
  index_.digit_form_grams_.Add(literal, GramIndex::Where::kAnywhere, index_.digit_forms_);
}

void FieldIndexBuilder::PlaceIn(FieldIndex::Texts* texts, Kind kind, uint32_t literal,
                                bool is_shared) const {
  const LiteralTable& table = index_.literals_;
  const auto in_grams = [&](GramIndex::Where where) { texts->grams.Add(literal, where, table); };
  switch (kind) {
    case Kind::kWhole: return texts->wholes.Add(table, literal);
    case Kind::kAnywhere: return in_grams(GramIndex::Where::kAnywhere);
    case Kind::kStart:
      return is_shared ? in_grams(GramIndex::Where::kStart) : texts->starts.Add(table, literal);
    case Kind::kEnd:
      return is_shared ? in_grams(GramIndex::Where::kEnd) : texts->ends.Add(table, literal);
  }
}

FieldIndex FieldIndexBuilder::Build(const Statistics& statistics) {
  for (const auto& [key, triggers] : literals_) PlaceLiteral(key.first, key.second, triggers);
  index_.needs_folded_ = !literals_.empty();
  index_.texts_.Build(index_.literals_, statistics, /*with_digits=*/false);
  index_.digit_texts_.Build(index_.literals_, statistics, /*with_digits=*/true);
  index_.digit_form_grams_.Build(index_.digit_forms_, statistics);
  for (auto& bounds : index_.bounds_)
    std::sort(bounds.begin(), bounds.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
  auto& networks = index_.networks_;
  std::sort(networks.begin(), networks.end(), [](const auto& a, const auto& b) {
    return NetworkOrder(a.network) < NetworkOrder(b.network);
  });
  for (uint32_t i = 0; i < networks.size(); ++i) {
    const bool is_same = i > 0 && networks[i].network.prefix == networks[i - 1].network.prefix &&
                         networks[i].network.address.bits == networks[i - 1].network.address.bits;
    if (!is_same) index_.prefixes_.emplace_back(i, i);
    ++index_.prefixes_.back().second;
  }
  const GramIndex& grams = index_.texts_.grams;
  index_.has_forms_ = !grams.empty() && !grams.is_fast();
  index_.looks_for_grams_only_ = !index_.texts_.has_edges() && index_.present_.empty() &&
                                 networks.empty() && !index_.HasBounds();
  return std::move(index_);
}

void FieldIndex::Texts::Build(const LiteralTable& table, const Statistics& statistics,
                              bool with_digits) {
  wholes.Build();
  starts.Build();
  ends.Build();
  grams.Build(table, statistics, with_digits);
}

void FieldIndex::Texts::FindEdges(std::string_view folded, const LiteralTable& table,
                                  TriggerSink* sink) const {
  wholes.Find(folded, table, sink);
  starts.Find(folded, table, sink);
  ends.Find(folded, table, sink);
}

size_t FieldIndex::Texts::memory_bytes() const {
  return wholes.memory_bytes() + starts.memory_bytes() + ends.memory_bytes() + grams.memory_bytes();
}

void FieldIndex::Scan(const ValueTexts& value, TriggerSink* sink) const {
  if (needs_folded_) {
    texts_.FindEdges(value.folded, literals_, sink);
    texts_.grams.Scan(value.folded, literals_, sink);
  }
  ScanOthers(value.raw, sink);
}

void FieldIndex::ScanForm(std::string_view folded_form, TriggerSink* sink) const {
  sink->is_form = true;
  texts_.FindEdges(folded_form, literals_, sink);
  texts_.grams.Scan(folded_form, literals_, sink);
  sink->is_form = false;
}

bool FieldIndex::MayHoldDigits(std::string_view folded_form) const {
  std::vector<uint32_t> hits;
  uint32_t fired = 0;
  TriggerSink sink{&fired, 1, &hits};
  digit_form_grams_.Scan(folded_form, digit_forms_, &sink);
  return !hits.empty();
}

// Digits of what is folded to fewer bytes stand elsewhere than before.
void FieldIndex::ScanRest(const ValueTexts& value, const TextForm* form, TriggerSink* sink) const {
  if (form != nullptr) {
    digit_texts_.FindEdges(value.folded, literals_, sink);
    if (value.folded.size() == value.raw.size())
      digit_texts_.grams.ScanNear(value.folded, *form, literals_, sink);
    else digit_texts_.grams.Scan(value.folded, literals_, sink);
  }
  ScanOthers(value.raw, sink);
}

void FieldIndex::ScanOthers(std::string_view raw, TriggerSink* sink) const {
  for (uint32_t trigger : present_) sink->Fire(trigger);
  ScanNumbers(raw, sink);
  if (!networks_.empty()) ScanNetworks(raw, sink);
}

bool FieldIndex::HasBounds() const {
  return !bounds_[0].empty() || !bounds_[1].empty() || !bounds_[2].empty() || !bounds_[3].empty();
}

// Bounds that a value passes stand together at one end: a value is less than all bounds above it.
void FieldIndex::ScanNumbers(std::string_view raw, TriggerSink* sink) const {
  double value = 0;
  if (!HasBounds() || !ParseNumber(raw, &value)) return;
  const auto down = [&](const std::vector<Bound>& bounds, auto passes) {
    for (auto bound = bounds.rbegin(); bound != bounds.rend() && passes(bound->number); ++bound)
      sink->Fire(bound->trigger);
  };
  const auto up = [&](const std::vector<Bound>& bounds, auto passes) {
    for (auto bound = bounds.begin(); bound != bounds.end() && passes(bound->number); ++bound)
      sink->Fire(bound->trigger);
  };
  down(bounds_[0], [&](double number) { return value < number; });
  down(bounds_[1], [&](double number) { return value <= number; });
  up(bounds_[2], [&](double number) { return value > number; });
  up(bounds_[3], [&](double number) { return value >= number; });
}

void FieldIndex::ScanNetworks(std::string_view raw, TriggerSink* sink) const {
  const auto address = ParseAddress(raw);
  if (!address) return;
  for (const auto& [first, end] : prefixes_) {
    const Network& sample = networks_[first].network;
    if (sample.address.bits != address->bits) continue;
    const auto wanted = NetworkOrder({Truncate(*address, sample.prefix), sample.prefix});
    auto entry = std::lower_bound(
        networks_.begin() + first, networks_.begin() + end, wanted,
        [](const NetworkEntry& a, const auto& key) { return NetworkOrder(a.network) < key; });
    for (; entry != networks_.begin() + end && NetworkOrder(entry->network) == wanted; ++entry)
      sink->Fire(entry->trigger);
  }
}

size_t FieldIndex::memory_bytes() const {
  size_t bytes = sizeof *this + literals_.memory_bytes() + texts_.memory_bytes() +
                 digit_texts_.memory_bytes() + digit_forms_.memory_bytes() +
                 digit_form_grams_.memory_bytes() + present_.capacity() * 4 +
                 networks_.capacity() * sizeof(NetworkEntry);
  for (const auto& bounds : bounds_) bytes += bounds.capacity() * sizeof(Bound);
  return bytes;
}

}  // namespace neurallog::rules
