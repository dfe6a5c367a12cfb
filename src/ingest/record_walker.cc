#include "ingest/record_walker.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/json_text.h"
#include "ingest/json_scalar.h"

namespace neurallog::ingest {
namespace {

using Outcome = RecordWalker::Outcome;
using model::RecordBatchBuilder;

using base::IsSpace;

// The end of a token of at least one byte when the next token begins at `next`.
const char* TokenEnd(const char* next) {
  while (IsSpace(next[-1])) --next;
  return next;
}

std::string_view Span(const char* from, const char* to) {
  return {from, static_cast<size_t>(to - from)};
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 64;
  std::string quoted;
  base::AppendJsonString(&quoted, text.substr(0, kShown));
  if (text.size() > kShown) quoted.append("...");
  return quoted;
}

}  // namespace

RecordWalker::RecordWalker(const DecodeLimits& limits, const FieldRules& rules, int64_t arrival_ns,
                           KeyTree* keys, RecordBatchBuilder* builder)
    : limits_(limits),
      rules_(rules),
      arrival_ns_(arrival_ns),
      builder_(builder),
      keys_(*keys),
      batch_(keys->BeginBatch()) {
  const auto& streams = rules_.stream_fields();
  stream_defaults_.resize(streams.size());
  stream_values_.resize(streams.size());
  for (const auto& [name, value] : rules_.extra_fields()) {
    extra_ids_.push_back(builder_->NameId(FieldRules::StoredName(name)));
    const auto found = std::lower_bound(streams.begin(), streams.end(), name);
    if (found != streams.end() && *found == name)
      stream_defaults_[static_cast<size_t>(found - streams.begin())] = value;
  }
  if (!streams.empty()) stream_id_ = builder_->NameId("_stream");
}

void RecordWalker::Begin(const JsonTokens* tokens) {
  tokens_ = tokens;
  clean_from_ = next_backslash_ = tokens->begin();
}

Outcome RecordWalker::Encode(uint32_t first, uint32_t limit) {
  Outcome outcome = EncodeWith(first, limit, /*nested_as_text=*/false);
  if (outcome == Outcome::kTooManyFields) {
    Abandon();
    outcome = EncodeWith(first, limit, /*nested_as_text=*/true);
  }
  return outcome;
}

Outcome RecordWalker::EncodeWith(uint32_t first, uint32_t limit, bool nested_as_text) {
  builder_->BeginRow();
  fields_ = 0;
  time_.rank = message_.rank = FieldRole::kNone;
  if (!stream_values_.empty()) stream_values_ = stream_defaults_;
  const Outcome outcome = nested_as_text ? Walk<true>(first, limit) : Walk<false>(first, limit);
  if (outcome != Outcome::kEncoded) return outcome;
  if (nested_as_text && fields_ > limits_.record_fields_max)
    return Fail(Outcome::kRefused, tokens_->at(first),
                "record has " + std::to_string(fields_) + " fields, more than " +
                    std::to_string(limits_.record_fields_max));
  const char* begin = tokens_->at(first);
  const auto bytes = static_cast<size_t>(tokens_->at(next_token_ - 1) + 1 - begin);
  if (bytes > limits_.record_bytes_max)
    return Fail(Outcome::kRefused, begin,
                "record has " + std::to_string(bytes) + " bytes, more than " +
                    std::to_string(limits_.record_bytes_max));
  return Finish();
}

template <bool kNestedAsText>
Outcome RecordWalker::Walk(uint32_t first, uint32_t limit_token) {
  const char* const text = tokens_->begin();
  const uint32_t* at = tokens_->offsets() + first + 1;
  const uint32_t* const limit = tokens_->offsets() + limit_token;
  const Key* parents[kDepthMax];
  uint32_t depth = 0;
  const Key* parent = keys_.root();
  Key* key = keys_.root();
  bool open = text[*at] != '}';
  if (!open) ++at;
  while (open) {
    const char* name = text + at[0];
    const char* colon = text + at[1];
    if ((limit - at < 3) | (*name != '"') | (*colon != ':')) return FailName(at, limit);
    key = keys_.Find(parent, key, name + 1, colon);
    if (key == nullptr)
      return Fail(Outcome::kRefused, name, "too many different field names in one request");

    const char* value = text + at[2];
    const char* next = text + at[3];
    const bool is_string = *value == '"' && !HasBackslash(value, next);
    const std::string_view plain =
        is_string ? Span(value + 1, ClosingQuote(next)) : Span(value, TokenEnd(next));
    Outcome outcome;
    if (is_string || IsShortInteger(value, plain.size())) {
      const ValueType type = is_string ? ValueType::kString : ValueType::kNumber;
      outcome = EmitPlain<kNestedAsText>(key, type, plain);
      at += 3;
    } else if (*value == '{' && !kNestedAsText && *next != '}') {
      if (depth + 1 == kDepthMax)
        return Fail(Outcome::kSyntax, value, "nested deeper than 256 levels");
      parents[depth++] = parent;
      parent = key;
      at += 3;
      continue;
    } else {
      Value other;
      outcome = ReadValue(at + 2, limit, depth + 1, &other);
      at = other.next;
      if (outcome == Outcome::kEncoded) outcome = Emit<kNestedAsText>(key, other.type, other.text);
    }
    if (outcome != Outcome::kEncoded) {
      if (where_ == nullptr) where_ = name;
      return outcome;
    }

    for (;;) {
      if (at >= limit) return Outcome::kIncomplete;
      const char after = text[*at++];
      if (after == ',') break;
      if (after != '}')
        return Fail(Outcome::kSyntax, text + at[-1], "expected ',' or '}' after a value");
      if (depth == 0) {
        open = false;
        break;
      }
      parent = parents[--depth];
    }
  }
  if (at > limit) return Outcome::kIncomplete;
  next_token_ = static_cast<uint32_t>(at - tokens_->offsets());
  return Outcome::kEncoded;
}

// The tokens at `at` do not begin a field, or end before its value.
[[gnu::cold]] Outcome RecordWalker::FailName(const uint32_t* at, const uint32_t* limit) {
  if (at >= limit) return Outcome::kIncomplete;
  const char* name = tokens_->begin() + at[0];
  if (*name != '"') return Fail(Outcome::kSyntax, name, "expected a field name in quotes");
  const char* colon = tokens_->begin() + at[1];
  if (at + 1 < limit && *colon != ':')
    return Fail(Outcome::kSyntax, colon, "expected ':' after a field name");
  return Outcome::kIncomplete;
}

// A value of any kind at the token `at`. `depth` is that of the containers in it.
Outcome RecordWalker::ReadValue(const uint32_t* at, const uint32_t* limit, uint32_t depth,
                                Value* value) {
  const char* begin = tokens_->begin() + at[0];
  const char* next = tokens_->begin() + at[1];
  value->next = at + 1;
  if (*begin == '[' && ReadPlainStrings(at, limit, value)) return Outcome::kEncoded;
  if (*begin == '[' || *begin == '{') return ReadContainer(at, limit, depth, value);
  return *begin == '"' ? ReadEscaped(begin, next, value) : ReadScalar(begin, TokenEnd(next), value);
}

Outcome RecordWalker::ReadEscaped(const char* string, const char* next, Value* value) {
  scratch_.clear();
  if (!AppendUnescaped(&scratch_, Span(string + 1, ClosingQuote(next))))
    return Fail(Outcome::kSyntax, string, "bad escape in a string");
  value->text = scratch_;
  return Outcome::kEncoded;
}

bool RecordWalker::FindBackslash(const char* from, const char* to) {
  if (from < clean_from_ || next_backslash_ < from) {
    const void* found = std::memchr(from, '\\', static_cast<size_t>(tokens_->end() - from));
    clean_from_ = from;
    next_backslash_ = found == nullptr ? tokens_->end() + 1 : static_cast<const char*>(found);
  }
  return next_backslash_ < to;
}

template <bool kNestedAsText>
Outcome RecordWalker::Emit(Key* key, ValueType type, std::string_view value) {
  if (++fields_ > limits_.record_fields_max)
    return kNestedAsText ? Outcome::kEncoded : Outcome::kTooManyFields;
  if (key->batch != batch_) {
    const Outcome outcome = ResolveName(key);
    if (outcome != Outcome::kEncoded) return outcome;
  }
  if (key->role != 0) return EmitSpecial(*key, type, value);
  builder_->AddField(key->name_id, type, value);
  return Outcome::kEncoded;
}

// A value that lies in the body, which has its padding behind it.
template <bool kNestedAsText>
Outcome RecordWalker::EmitPlain(Key* key, ValueType type, std::string_view value) {
  const bool usual = (key->plain_batch == batch_) & (fields_ < limits_.record_fields_max);
  if (!usual) return Emit<kNestedAsText>(key, type, value);
  ++fields_;
  builder_->AddPaddedField(key->name_id, type, value);
  return Outcome::kEncoded;
}

Outcome RecordWalker::ResolveName(Key* key) {
  if (!key->resolved) {
    if (!keys_.FullName(*key, &name_))
      return Fail(Outcome::kSyntax, nullptr, "bad escape in a field name");
    if (name_.size() > limits_.field_name_bytes_max)
      return Fail(Outcome::kRefused, nullptr,
                  "field name has " + std::to_string(name_.size()) + " bytes, more than " +
                      std::to_string(limits_.field_name_bytes_max));
    const FieldRole role = rules_.RoleOf(name_);
    key->stored = !role.drop && !role.time_only;
    if (key->stored) key->name = keys_.Keep(FieldRules::StoredName(name_));
    if (!role.plain()) {
      keys_.roles().push_back(role);
      key->role = static_cast<uint32_t>(keys_.roles().size());
    }
    key->resolved = true;
  }
  const uint32_t id = key->stored ? builder_->NameId(key->name) : 0;
  if (id == RecordBatchBuilder::kNamesMax)
    return Fail(Outcome::kRefused, nullptr, "too many different field names in one request");
  key->name_id = id;
  key->batch = batch_;
  if (key->role == 0) key->plain_batch = batch_;
  return Outcome::kEncoded;
}

Outcome RecordWalker::EmitSpecial(const Key& key, ValueType type, std::string_view value) {
  const FieldRole& role = keys_.roles()[key.role - 1];
  if (role.stream_index != FieldRole::kNone && !role.drop)
    stream_values_[role.stream_index] = value;
  if (role.time_rank != FieldRole::kNone) return EmitTime(key, role, type, value);
  if (role.drop) return Outcome::kEncoded;
  if (role.message_rank < message_.rank && !value.empty()) {
    StoreLoser(message_);
    Keep(&message_, role.message_rank, key, type, value);
    return Outcome::kEncoded;
  }
  builder_->AddField(key.name_id, type, value);
  return Outcome::kEncoded;
}

Outcome RecordWalker::EmitTime(const Key& key, const FieldRole& role, ValueType type,
                               std::string_view value) {
  const bool chosen = role.time_rank < time_.rank && !value.empty();
  if (chosen) {
    StoreLoser(time_);
    Keep(&time_, role.time_rank, key, type, value);
    time_.soft = role.time_soft;
    if (role.time_only || role.time_soft) time_.name_id = Key::kUnresolved;
  }
  const bool stored = role.time_soft || (!chosen && !role.time_only && !value.empty());
  if (stored) builder_->AddField(key.name_id, type, value);
  return Outcome::kEncoded;
}

void RecordWalker::Keep(Candidate* candidate, uint32_t rank, const Key& key, ValueType type,
                        std::string_view value) {
  candidate->rank = rank;
  candidate->name_id = key.name_id;
  candidate->type = type;
  candidate->soft = false;
  candidate->value = value;
  if (value.data() != scratch_.data()) return;
  candidate->copy = value;
  candidate->value = candidate->copy;
}

// A candidate that another one of lower rank replaces is a field like any other.
void RecordWalker::StoreLoser(const Candidate& candidate) {
  if (candidate.rank == FieldRole::kNone || candidate.name_id == Key::kUnresolved) return;
  builder_->AddField(candidate.name_id, candidate.type, candidate.value);
}

Outcome RecordWalker::Finish() {
  if (message_.rank != FieldRole::kNone)
    builder_->AddField(builder_->NameId(kFieldMessage), message_.type, message_.value);
  const auto& extra = rules_.extra_fields();
  for (size_t i = 0; i < extra.size(); ++i)
    builder_->AddField(extra_ids_[i], ValueType::kString, extra[i].second);
  if (!stream_values_.empty()) FinishStream();
  return FinishTime();
}

void RecordWalker::FinishStream() {
  std::string stream = "{";
  for (size_t i = 0; i < stream_values_.size(); ++i) {
    if (stream_values_[i].empty()) continue;
    if (stream.size() > 1) stream.push_back(',');
    stream.append(rules_.stream_fields()[i]).push_back('=');
    base::AppendJsonString(&stream, stream_values_[i]);
  }
  stream.push_back('}');
  builder_->AddField(stream_id_, ValueType::kString, stream);
}

Outcome RecordWalker::FinishTime() {
  timestamp_ns_ = arrival_ns_;
  if (time_.rank == FieldRole::kNone || (rules_.zero_is_arrival() && time_.value == "0"))
    return Outcome::kEncoded;
  std::optional<int64_t> parsed;
  if (time_.type == ValueType::kString || time_.type == ValueType::kNumber)
    parsed = timestamps_.Parse(time_.value);
  if (parsed.has_value() && *parsed > limits_.timestamp_max_ns && !time_.soft)
    return Fail(Outcome::kRefused, tokens_->at(next_token_ - 1),
                "timestamp " + Quoted(time_.value) + " is too far in the future");
  if (parsed.has_value() && *parsed < limits_.timestamp_min_ns && !time_.soft)
    return Fail(Outcome::kRefused, tokens_->at(next_token_ - 1),
                "timestamp " + Quoted(time_.value) + " is older than the retention");
  if (parsed.has_value() && *parsed <= limits_.timestamp_max_ns &&
      *parsed >= limits_.timestamp_min_ns) {
    timestamp_ns_ = *parsed;
  } else if (!time_.soft) {
    return Fail(Outcome::kRefused, tokens_->at(next_token_ - 1),
                "bad timestamp " + Quoted(time_.value));
  }
  return Outcome::kEncoded;
}

Outcome RecordWalker::ReadScalar(const char* begin, const char* end, Value* value) {
  value->text = Span(begin, end);
  if (value->text == "true" || value->text == "false") {
    value->type = ValueType::kBool;
  } else if (value->text == "null") {
    value->type = ValueType::kNull;
    value->text = Span(begin, begin);
  } else if (IsJsonNumber(value->text)) {
    value->type = ValueType::kNumber;
  } else {
    return Fail(Outcome::kSyntax, begin, "expected a value");
  }
  return Outcome::kEncoded;
}

// A list of strings without white space and escapes, as tags nearly always are. False: something else, or a fault in it.
bool RecordWalker::ReadPlainStrings(const uint32_t* at, const uint32_t* limit, Value* value) {
  const char* const text = tokens_->begin();
  const char* const begin = text + at[0];
  const char* mark = begin;  // the bracket or comma before the next string
  do {
    const char* string = text + at[1];
    const char* next = text + at[2];
    if (limit - at < 3 || string != mark + 1 || *string != '"' || next[-1] != '"') return false;
    mark = next;
    at += 2;
  } while (*mark == ',');
  if (*mark != ']' || HasBackslash(begin, mark)) return false;
  *value = {ValueType::kArray, Span(begin, mark + 1), at + 1};
  return true;
}

// One state per thing that may stand at a place inside of a container.
Outcome RecordWalker::ReadContainer(const uint32_t* first, const uint32_t* limit, uint32_t depth,
                                    Value* value) {
  enum class Expect : uint8_t { kValue, kValueOrEnd, kName, kNameOrEnd, kSeparator };
  const char* const text = tokens_->begin();
  const uint32_t* at = first;
  char closers[kDepthMax];
  uint32_t open = 0;
  bool compact = true;
  Expect expect = Expect::kValue;
  do {
    if (at >= limit) return Outcome::kIncomplete;
    const char* token = text + at[0];
    const char* next = text + at[1];
    if ((*token == ']' || *token == '}') && expect != Expect::kValue && expect != Expect::kName) {
      if (closers[open - 1] != *token)
        return Fail(Outcome::kSyntax, token, "brackets do not match");
      compact &= open == 1 || next == token + 1;
      --open;
      ++at;
      expect = Expect::kSeparator;
    } else if (expect == Expect::kSeparator) {
      if (*token != ',') return Fail(Outcome::kSyntax, token, "expected ',' or a closing bracket");
      compact &= next == token + 1;
      ++at;
      expect = closers[open - 1] == ']' ? Expect::kValue : Expect::kName;
    } else if (expect == Expect::kName || expect == Expect::kNameOrEnd) {
      if (*token != '"') return Fail(Outcome::kSyntax, token, "expected a field name in quotes");
      if (limit - at < 2) return Outcome::kIncomplete;
      if (*next != ':') return Fail(Outcome::kSyntax, next, "expected ':' after a field name");
      const Outcome outcome = CheckContainerScalar(token, next, &compact);
      if (outcome != Outcome::kEncoded) return outcome;
      compact &= text[at[2]] == next[1] && at[2] == at[1] + 1;
      at += 2;
      expect = Expect::kValue;
    } else if (*token == '[' || *token == '{') {
      if (depth + open == kDepthMax)
        return Fail(Outcome::kSyntax, token, "nested deeper than 256 levels");
      closers[open++] = *token == '[' ? ']' : '}';
      compact &= next == token + 1;
      ++at;
      expect = *token == '[' ? Expect::kValueOrEnd : Expect::kNameOrEnd;
    } else {
      const Outcome outcome = CheckContainerScalar(token, next, &compact);
      if (outcome != Outcome::kEncoded) return outcome;
      ++at;
      expect = Expect::kSeparator;
    }
  } while (open > 0);
  value->type = text[first[0]] == '[' ? ValueType::kArray : ValueType::kObject;
  value->text = Span(text + first[0], text + at[-1] + 1);
  value->next = at;
  if (compact) return Outcome::kEncoded;
  MinifyTokens(first, at);
  value->text = scratch_;
  return Outcome::kEncoded;
}

Outcome RecordWalker::CheckContainerScalar(const char* token, const char* next, bool* compact) {
  const char* end = TokenEnd(next);
  *compact &= end == next;
  if (*token != '"') {
    Value value;
    return ReadScalar(token, end, &value);
  }
  if (!HasBackslash(token, end)) return Outcome::kEncoded;
  bool lone_surrogate = false;
  if (!CheckEscapes(Span(token + 1, end - 1), &lone_surrogate))
    return Fail(Outcome::kSyntax, token, "bad escape in a string");
  *compact &= !lone_surrogate;
  return Outcome::kEncoded;
}

void RecordWalker::MinifyTokens(const uint32_t* from, const uint32_t* to) {
  const char* const text = tokens_->begin();
  scratch_.clear();
  for (const uint32_t* at = from; at < to; ++at) {
    const char* token = text + at[0];
    const char* end = at + 1 == to ? token + 1 : TokenEnd(text + at[1]);
    if (*token == '"' && HasBackslash(token, end)) {
      AppendWithoutLoneSurrogates(&scratch_, Span(token, end));
    } else {
      scratch_.append(Span(token, end));
    }
  }
}

[[gnu::cold]] Outcome RecordWalker::Fail(Outcome outcome, const char* where,
                                         std::string_view reason) {
  where_ = where;
  reason_ = reason;
  return outcome;
}

}  // namespace neurallog::ingest
