#include "query/group_by.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include <fmt/format.h>
#include <charconv>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/time_format.h"
#include "block/code_index.h"
#include "filter/parser.h"
#include "query/math_expression.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

constexpr uint64_t kDirectSlotsMax = 1 << 18;

struct NamedStep {
  std::string_view name;
  int64_t ns;
};
constexpr NamedStep kNamedSteps[] = {
    {"nanosecond", 1},
    {"microsecond", 1'000},
    {"millisecond", base::kNsPerMs},
    {"second", base::kNsPerSecond},
    {"minute", 60 * base::kNsPerSecond},
    {"hour", 3600 * base::kNsPerSecond},
    {"day", base::kNsPerDay},
    {"week", 7 * base::kNsPerDay},
};

std::optional<int64_t> ParseTimeStep(std::string_view text) {
  for (const NamedStep& step : kNamedSteps)
    if (filter::EqualsIgnoreCase(step.name, text)) return step.ns;
  const auto duration = base::ParseDuration(text);
  return duration && *duration > 0 ? duration : std::nullopt;
}

bool ParseCalendar(GroupField* field) {
  constexpr int64_t kYearNs = 31'556'952 * base::kNsPerSecond;
  constexpr int kMonths = 12;
  const bool is_month = filter::EqualsIgnoreCase(field->bucket_text, "month");
  if (!is_month && !filter::EqualsIgnoreCase(field->bucket_text, "year")) return false;
  field->calendar = is_month ? GroupField::Calendar::kMonth : GroupField::Calendar::kYear;
  field->time_step_ns = is_month ? kYearNs / kMonths : kYearNs;
  return true;
}

Status ParseTimeBucket(filter::Lexer* lexer, GroupField* field) {
  if (ParseCalendar(field)) return {};
  const auto step = ParseTimeStep(field->bucket_text);
  if (!step)
    return lexer->ErrorHere("expected a time step such as 5m or day behind _time:, found '" +
                            field->bucket_text + "'");
  field->time_step_ns = *step;
  // Weeks begin on Mondays; 1970-01-01 was a Thursday.
  if (filter::EqualsIgnoreCase(field->bucket_text, "week"))
    field->time_offset_ns = -3 * base::kNsPerDay;
  return {};
}

Status ParseOffset(filter::Lexer* lexer, GroupField* field) {
  NL_TRY(const std::string text, filter::ParseValue(lexer, "an offset after 'offset'"));
  const bool is_negative = text[0] == '-';
  filter::Number number;
  if (!filter::ParseNumber(text, &number))
    return lexer->ErrorHere("expected a number or a duration after 'offset', found '" + text + "'");
  if (field->is_time) {
    const auto duration = base::ParseDuration(std::string_view(text).substr(is_negative ? 1 : 0));
    if (!duration)
      return lexer->ErrorHere("expected a duration after 'offset', found '" + text + "'");
    field->time_offset_ns += is_negative ? -*duration : *duration;
  } else {
    field->offset = number.value;
  }
  field->bucket_text += " offset " + text;
  return {};
}

// `/24` behind an IPv4 address.
Status ParseIpv4Bucket(filter::Lexer* lexer, GroupField* field) {
  uint32_t bits = 0;
  const std::string_view digits = std::string_view(field->bucket_text).substr(1);
  const char* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, bits);
  if (error != std::errc() || at != end || bits == 0 || bits > 32)
    return lexer->ErrorHere("expected a number of bits from /1 to /32, found '" +
                            field->bucket_text + "'");
  field->ipv4_mask = UINT32_MAX << (32 - bits);
  return {};
}

Result<GroupField> ParseGroupField(filter::Lexer* lexer) {
  GroupField field;
  NL_TRY(field.field.shown, filter::ParseName(lexer, "the name of a field"));
  field.field.name = filter::StoredName(field.field.shown);
  field.is_time = field.field.name == filter::kFieldTime;
  if (!lexer->TakeSymbol(':')) return field;
  NL_TRY(field.bucket_text, filter::ParseValue(lexer, "the size of a bucket after ':'"));
  if (field.is_time) {
    NL_RETURN_IF_ERROR(ParseTimeBucket(lexer, &field));
  } else if (field.bucket_text[0] == '/') {
    NL_RETURN_IF_ERROR(ParseIpv4Bucket(lexer, &field));
  } else {
    filter::Number step;
    if (!filter::ParseNumber(filter::NumberAsStored(field.bucket_text), &step) || step.value <= 0)
      return lexer->ErrorHere("expected the size of a bucket, a number above 0, found '" +
                              field.bucket_text + "'");
    field.step = step.value;
  }
  if (lexer->TakeKeyword("offset")) NL_RETURN_IF_ERROR(ParseOffset(lexer, &field));
  return field;
}

// Dense codes of pairs, built in place: ids[i] becomes the code of (ids[i], codes[i]).
uint32_t CombineCodes(std::vector<uint32_t>* ids, uint32_t id_count,
                      const std::vector<uint32_t>& codes, uint32_t code_count) {
  constexpr uint32_t kFree = UINT32_MAX;
  uint32_t next = 0;
  const uint64_t pairs = uint64_t{id_count} * code_count;
  if (pairs <= kDirectSlotsMax) {
    std::vector<uint32_t> slots(pairs, kFree);
    for (size_t i = 0; i < ids->size(); ++i) {
      uint32_t& slot = slots[uint64_t{(*ids)[i]} * code_count + codes[i]];
      if (slot == kFree) slot = next++;
      (*ids)[i] = slot;
    }
    return next;
  }
  std::unordered_map<uint64_t, uint32_t> slots;
  for (size_t i = 0; i < ids->size(); ++i) {
    const auto [slot, is_new] =
        slots.try_emplace(uint64_t{(*ids)[i]} * code_count + codes[i], next);
    next += is_new ? 1 : 0;
    (*ids)[i] = slot->second;
  }
  return next;
}

std::string TimeKey(int64_t ns) {
  std::string key;
  base::AppendLe(&key, ns);
  return key;
}

}  // namespace

int64_t TimeBucket(int64_t ns, int64_t step_ns, int64_t offset_ns) {
  if (step_ns <= 1) return ns;
  const __int128 shifted = static_cast<__int128>(ns) - offset_ns;
  __int128 rest = shifted % step_ns;
  if (rest < 0) rest += step_ns;
  const __int128 bucket = static_cast<__int128>(ns) - rest;
  return bucket < std::numeric_limits<int64_t>::min() ? std::numeric_limits<int64_t>::min()
                                                      : static_cast<int64_t>(bucket);
}

TimeRange TimeBucketOf(const GroupField& field, int64_t ns) {
  if (field.calendar != GroupField::Calendar::kNone) {
    int64_t shifted;
    if (__builtin_sub_overflow(ns, field.time_offset_ns, &shifted)) shifted = ns;
    const std::string day = base::FormatDay(shifted);
    const int year = std::stoi(day.substr(0, 4));
    const bool is_month = field.calendar == GroupField::Calendar::kMonth;
    const int month = is_month ? std::stoi(day.substr(4, 2)) : 1;
    const bool ends_year = !is_month || month == 12;
    const int64_t first = base::DaysFromCivil(year, month, 1);
    const int64_t next =
        ends_year ? base::DaysFromCivil(year + 1, 1, 1) : base::DaysFromCivil(year, month + 1, 1);
    return {first * base::kNsPerDay + field.time_offset_ns,
            next * base::kNsPerDay + field.time_offset_ns};
  }
  const int64_t start = TimeBucket(ns, field.time_step_ns, field.time_offset_ns);
  int64_t end;
  if (__builtin_add_overflow(start, std::max<int64_t>(field.time_step_ns, 1), &end))
    end = std::numeric_limits<int64_t>::max();
  return {start, end};
}

Result<std::vector<GroupField>> ParseGroupFields(filter::Lexer* lexer) {
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected a list of fields after 'by', found " + lexer->Found());
  std::vector<GroupField> fields;
  while (!lexer->TakeSymbol(')')) {
    NL_TRY(GroupField field, ParseGroupField(lexer));
    fields.push_back(std::move(field));
    if (!lexer->IsSymbol(')') && !lexer->TakeSymbol(','))
      return lexer->ErrorHere("expected ',' or ')', found " + lexer->Found());
  }
  return fields;
}

Result<std::vector<GroupField>> ParseGroupList(filter::Lexer* lexer, std::string_view expected) {
  lexer->TakeKeyword("by");
  if (lexer->IsSymbol('(')) return ParseGroupFields(lexer);
  std::vector<GroupField> fields;
  do {
    if (!lexer->IsText())
      return lexer->ErrorHere("expected " + std::string(expected) + ", found " + lexer->Found());
    NL_TRY(GroupField field, ParseGroupField(lexer));
    fields.push_back(std::move(field));
  } while (lexer->TakeSymbol(','));
  return fields;
}

void PrintGroupFields(std::string* to, const std::vector<GroupField>& fields) {
  to->push_back('(');
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i != 0) to->append(", ");
    PrintFieldList(to, {fields[i].field});
    if (!fields[i].bucket_text.empty()) to->append(":").append(fields[i].bucket_text);
  }
  to->push_back(')');
}

size_t GroupTable::memory_bytes() const {
  size_t bytes = 0;
  for (const ValueTable& values : values_) bytes += values.memory_bytes();
  for (const PairTable& pairs : pairs_) bytes += pairs.memory_bytes();
  return bytes;
}

Status GroupTable::Encode(Batch& batch, std::vector<Codes>* codes, Combined* combined) const {
  codes->resize(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i)
    NL_RETURN_IF_ERROR(Encode(fields_[i], batch, &(*codes)[i]));
  combined->of_row = (*codes)[0].of_row;
  combined->count = (*codes)[0].count();
  for (size_t i = 1; i < codes->size(); ++i)
    combined->count =
        CombineCodes(&combined->of_row, combined->count, (*codes)[i].of_row, (*codes)[i].count());
  return {};
}

uint32_t GroupTable::ValueOf(size_t field, uint32_t code, Codes* codes) {
  uint32_t& value = codes->values[code];
  if (value == kUnknown) value = values_[field].FindOrAdd(codes->texts[code], codes->types[code]);
  return value;
}

uint32_t GroupTable::GroupOfRow(std::vector<Codes>* codes, size_t row) {
  uint32_t group = ValueOf(0, (*codes)[0].of_row[row], &(*codes)[0]);
  for (size_t i = 1; i < codes->size(); ++i)
    group = pairs_[i - 1].FindOrAdd({group, ValueOf(i, (*codes)[i].of_row[row], &(*codes)[i])});
  return group;
}

Status GroupTable::Assign(Batch& batch, std::vector<uint32_t>* groups) {
  std::vector<Codes> codes;
  Combined combined;
  NL_RETURN_IF_ERROR(Encode(batch, &codes, &combined));
  std::vector<uint32_t> group_of_code(combined.count, kUnknown);
  for (size_t row = 0; row < combined.of_row.size(); ++row) {
    uint32_t& group = group_of_code[combined.of_row[row]];
    if (group == kUnknown) group = GroupOfRow(&codes, row);
    combined.of_row[row] = group;
  }
  *groups = std::move(combined.of_row);
  return {};
}

Status GroupTable::Count(Batch& batch, std::vector<Counted>* counts) {
  counts->clear();
  NL_TRY(const bool is_counted, CountByIndex(batch, counts));
  if (is_counted) return {};
  std::vector<Codes> codes;
  Combined combined;
  NL_RETURN_IF_ERROR(Encode(batch, &codes, &combined));
  std::vector<uint32_t> rows_of_code(combined.count);
  for (const uint32_t code : combined.of_row) ++rows_of_code[code];
  for (size_t row = 0; row < combined.of_row.size(); ++row) {
    uint32_t& rows = rows_of_code[combined.of_row[row]];
    if (rows == 0) continue;
    counts->push_back({GroupOfRow(&codes, row), rows});
    rows = 0;
  }
  return {};
}

// With times in order the rows of a bucket are neighbours, and so are those of an entry within them.
Result<bool> GroupTable::CountByIndex(Batch& batch, std::vector<Counted>* counts) {
  const uint32_t rows = batch.rows->columns().rows();
  const bool has_time = fields_[0].is_time;
  if (!batch.is_whole_block() || fields_.size() != (has_time ? 2 : 1)) return false;
  const GroupField& field = fields_.back();
  const bool is_plain = !field.is_time && field.bucket_text.empty();
  if (!is_plain) return false;
  NL_TRY(const block::Column* column, batch.Get(field.field.name));
  const block::CodeIndex* index =
      column == nullptr ? nullptr : batch.rows->columns().CodeIndexOf(field.field.name);
  if (index == nullptr) return false;
  std::span<const int64_t> times;
  if (has_time) {
    NL_TRY(times, batch.Times());
    if (times.empty()) return false;
    const double buckets = (static_cast<double>(times.back()) - static_cast<double>(times[0])) /
                           static_cast<double>(std::max<int64_t>(fields_[0].time_step_ns, 1));
    const bool is_cheaper_by_row =
        buckets * static_cast<double>(column->entries.size()) > static_cast<double>(rows);
    if (is_cheaper_by_row) return false;
  }

  Codes codes;
  AddEntries(*column, &codes);
  const uint32_t absent = codes.Add({}, ValueType::kString);
  std::vector<uint32_t> next(column->entries.size());  // row of each entry that was not counted yet
  for (uint32_t begin = 0, end; begin < rows; begin = end) {
    end = rows;
    uint32_t bucket_value = 0;
    if (has_time) {
      const TimeRange bucket = TimeBucketOf(fields_[0], times[begin]);
      const auto last = std::lower_bound(times.begin() + begin, times.end(), bucket.end_ns);
      end = std::max(begin + 1, static_cast<uint32_t>(last - times.begin()));
      bucket_value = values_[0].FindOrAdd(TimeKey(bucket.start_ns), ValueType::kNumber);
    }
    const auto add = [&](uint32_t code, uint32_t found) {
      if (found == 0) return;
      const uint32_t value = ValueOf(fields_.size() - 1, code, &codes);
      counts->push_back({has_time ? pairs_[0].FindOrAdd({bucket_value, value}) : value, found});
    };
    uint32_t left = end - begin;
    for (uint32_t entry = 0; entry < next.size() && left > 0; ++entry) {
      const std::span<const uint16_t> of_entry = index->RowsOf(entry);
      const auto from = of_entry.begin() + next[entry];
      const auto to = end == rows ? of_entry.end() : std::lower_bound(from, of_entry.end(), end);
      const auto found = static_cast<uint32_t>(to - from);
      add(entry, found);
      next[entry] += found;
      left -= found;
    }
    add(absent, left);
  }
  return true;
}

Status GroupTable::Encode(const GroupField& field, Batch& batch, Codes* codes) const {
  const std::vector<uint32_t>& rows = batch.List();
  codes->of_row.resize(rows.size());
  if (field.is_time) {
    NL_TRY(const std::span<const int64_t> times, batch.Times());
    if (!times.empty()) {
      EncodeTimes(field, times, rows, codes);
      return {};
    }
  }
  NL_TRY(const block::Column* column, batch.Get(field.field.name));
  if (column == nullptr) {
    codes->Add({}, ValueType::kString);
  } else if (column->encoding == block::Encoding::kConst) {
    EncodeConst(*column, rows, codes);
  } else if (column->encoding == block::Encoding::kDict) {
    EncodeDict(*column, rows, codes);
  } else if (column->encoding == block::Encoding::kInts) {
    EncodeInts(*column, rows, codes);
  } else {
    EncodeStrings(*column, rows, codes);
  }
  if (field.step > 0) PutIntoBuckets(field, codes);
  if (field.ipv4_mask != 0) PutIntoSubnets(field.ipv4_mask, codes);
  return {};
}

// Rows come in order of time as a rule, so that equal buckets are neighbours; a bucket that comes
// back gets a second code, which leads to the same group.
void GroupTable::EncodeTimes(const GroupField& field, std::span<const int64_t> times,
                             const std::vector<uint32_t>& rows, Codes* codes) {
  TimeRange bucket{0, 0};
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t ns = times[rows[i]];
    if (codes->count() == 0 || !bucket.Contains(ns)) {
      bucket = TimeBucketOf(field, ns);
      codes->AddOwned(TimeKey(bucket.start_ns), ValueType::kNumber);
    }
    codes->of_row[i] = codes->count() - 1;
  }
}

void GroupTable::EncodeConst(const block::Column& column, const std::vector<uint32_t>& rows,
                             Codes* codes) {
  codes->Add(column.entries[0], column.TypeAt(0));
  if (column.present.empty()) return;
  const uint32_t absent = codes->Add({}, ValueType::kString);
  for (size_t i = 0; i < rows.size(); ++i)
    if (!column.Has(rows[i])) codes->of_row[i] = absent;
}

void GroupTable::AddEntries(const block::Column& column, Codes* codes) {
  for (size_t i = 0; i < column.entries.size(); ++i)
    codes->Add(column.entries[i], column.types.empty() ? column.uniform_type
                                                       : static_cast<ValueType>(column.types[i]));
}

void GroupTable::EncodeDict(const block::Column& column, const std::vector<uint32_t>& rows,
                            Codes* codes) {
  AddEntries(column, codes);
  if (column.present.empty()) {
    for (size_t i = 0; i < rows.size(); ++i) codes->of_row[i] = column.codes[rows[i]];
    return;
  }
  const uint32_t absent = codes->Add({}, ValueType::kString);
  for (size_t i = 0; i < rows.size(); ++i)
    codes->of_row[i] = column.Has(rows[i]) ? column.codes[rows[i]] : absent;
}

void GroupTable::EncodeInts(const block::Column& column, const std::vector<uint32_t>& rows,
                            Codes* codes) {
  std::unordered_map<int64_t, uint32_t> seen;
  uint32_t absent = UINT32_MAX;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!column.Has(rows[i])) {
      if (absent == UINT32_MAX) absent = codes->Add({}, ValueType::kString);
      codes->of_row[i] = absent;
      continue;
    }
    const int64_t value = column.ints[rows[i]];
    const auto [at, is_new] = seen.try_emplace(value, codes->count());
    if (is_new) codes->AddOwned(std::to_string(value), column.TypeAt(rows[i]));
    codes->of_row[i] = at->second;
  }
}

void GroupTable::EncodeStrings(const block::Column& column, const std::vector<uint32_t>& rows,
                               Codes* codes) {
  std::unordered_map<std::string_view, uint32_t> seen;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string_view text = column.TextAt(rows[i], nullptr);
    const auto [at, is_new] = seen.try_emplace(text, codes->count());
    if (is_new) codes->Add(text, text.empty() ? ValueType::kString : column.TypeAt(rows[i]));
    codes->of_row[i] = at->second;
  }
}

// Values that are not numbers stay as they are.
void GroupTable::PutIntoBuckets(const GroupField& field, Codes* codes) {
  for (size_t i = 0; i < codes->texts.size(); ++i) {
    filter::Number number;
    if (!filter::ParseNumber(codes->texts[i], &number)) continue;
    const long double bucket =
        std::floor((number.value - field.offset) / field.step) * field.step + field.offset;
    codes->texts[i] = codes->owned.emplace_back(FormatNumber(static_cast<double>(bucket)));
    codes->types[i] = ValueType::kNumber;
  }
}

// Values that are no addresses stay as they are.
void GroupTable::PutIntoSubnets(uint32_t mask, Codes* codes) {
  for (std::string_view& text : codes->texts) {
    double address;
    if (!ParseIpv4(text, &address)) continue;
    const uint32_t subnet = static_cast<uint32_t>(address) & mask;
    text = codes->owned.emplace_back(fmt::format("{}.{}.{}.{}", subnet >> 24, subnet >> 16 & 255,
                                                 subnet >> 8 & 255, subnet & 255));
  }
}

std::vector<uint32_t> GroupTable::AddAll(const GroupTable& other) {
  std::vector<uint32_t> groups;
  std::vector<uint32_t> values;
  for (size_t field = 0; field < values_.size(); ++field) {
    const ValueTable& from = other.values_[field];
    values.clear();
    for (uint32_t i = 0; i < from.size(); ++i)
      values.push_back(values_[field].FindOrAdd(from.text(i), from.type(i)));
    if (field == 0) {
      groups = values;
      continue;
    }
    const PairTable& pairs = other.pairs_[field - 1];
    std::vector<uint32_t> combined;
    combined.reserve(pairs.size());
    for (uint32_t i = 0; i < pairs.size(); ++i)
      combined.push_back(
          pairs_[field - 1].FindOrAdd({groups[pairs.pair(i).first], values[pairs.pair(i).second]}));
    groups = std::move(combined);
  }
  return groups;
}

uint32_t GroupTable::ValueOfGroup(uint32_t group, size_t field) const {
  for (size_t i = fields_.size() - 1; i > field; --i) group = pairs_[i - 1].pair(group).first;
  return field == 0 ? group : pairs_[field - 1].pair(group).second;
}

GroupTable::Ranks GroupTable::RankValues(size_t field) const {
  const ValueTable& table = values_[field];
  std::vector<Value> values(table.size());
  for (uint32_t i = 0; i < table.size(); ++i) {
    const std::string& text = table.text(i);
    if (fields_[field].is_time && text.size() == sizeof(int64_t)) {
      values[i].SetInt(base::LoadLe<int64_t>(text.data()));
    } else {
      values[i].Set(text);
    }
  }
  std::vector<uint32_t> order(table.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const int result = Compare(values[a], values[b]);
    return result != 0 ? result < 0 : table.text(a) < table.text(b);
  });
  Ranks ranks{std::vector<uint32_t>(table.size()), std::vector<uint32_t>(table.size())};
  bool has_equal = false;
  for (uint32_t i = 0; i < order.size(); ++i) {
    const bool is_equal = i > 0 && Compare(values[order[i - 1]], values[order[i]]) == 0;
    ranks.of_value[order[i]] = is_equal ? ranks.of_value[order[i - 1]] : i;
    ranks.by_text[order[i]] = i;
    has_equal |= is_equal;
  }
  if (!has_equal) ranks.by_text.clear();
  return ranks;
}

// A stable counting sort.
void GroupTable::SortByRank(size_t field, const std::vector<uint32_t>& ranks,
                            std::vector<uint32_t>* order) const {
  std::vector<uint32_t> place(ranks.size() + 1);
  for (const uint32_t group : *order) ++place[ranks[ValueOfGroup(group, field)] + size_t{1}];
  for (size_t i = 1; i < place.size(); ++i) place[i] += place[i - 1];
  std::vector<uint32_t> sorted(order->size());
  for (const uint32_t group : *order) sorted[place[ranks[ValueOfGroup(group, field)]]++] = group;
  *order = std::move(sorted);
}

// From the least significant to the most: texts decide only where all values are equal.
std::vector<uint32_t> GroupTable::SortedGroups() const {
  std::vector<uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<Ranks> ranks;
  for (size_t field = 0; field < fields_.size(); ++field) ranks.push_back(RankValues(field));
  for (size_t field = fields_.size(); field-- > 0;)
    if (!ranks[field].by_text.empty()) SortByRank(field, ranks[field].by_text, &order);
  for (size_t field = fields_.size(); field-- > 0;)
    SortByRank(field, ranks[field].of_value, &order);
  return order;
}

block::Column GroupTable::KeyColumn(size_t i, std::span<const uint32_t> groups) const {
  const ValueTable& values = values_[i];
  const auto is_time = [&](uint32_t group) {
    return values.type(ValueOfGroup(group, i)) == ValueType::kNumber;
  };
  if (fields_[i].is_time && std::all_of(groups.begin(), groups.end(), is_time)) {
    block::Column column;
    column.encoding = block::Encoding::kInts;
    column.uniform_type = ValueType::kNumber;
    column.rows = static_cast<uint32_t>(groups.size());
    column.ints.reserve(groups.size());
    for (const uint32_t group : groups)
      column.ints.push_back(base::LoadLe<int64_t>(values.text(ValueOfGroup(group, i)).data()));
    return column;
  }
  filter::ColumnBuilder builder;
  for (const uint32_t group : groups) {
    const uint32_t value = ValueOfGroup(group, i);
    const ValueType type = values.type(value);
    builder.Add(values.text(value), type == ValueType::kNull ? ValueType::kString : type);
  }
  return builder.Finish();
}

}  // namespace neurallog::query
