#include "ingest/record_walker.h"

#include <algorithm>
#include <cstring>

#include "base/json_text.h"
#include "ingest/json_scalar.h"

namespace neurallog::ingest {
namespace {

using Outcome = RecordWalker::Outcome;
using model::RecordBatchBuilder;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// The end of the token that begins at `from` when the next one begins at `next`.
const char* TokenEnd(const char* from, const char* next) {
  while (next > from && IsSpace(next[-1])) --next;
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
  uint32_t parents[kDepthMax];
  uint32_t depth = 0;
  uint32_t parent = KeyTree::kRoot;
  uint32_t key = KeyTree::kRoot;
  bool open = text[*at] != '}';
  if (!open) ++at;
  while (open) {
    if (at >= limit) return Outcome::kIncomplete;
    const char* raw = text + at[0];
    if (*raw != '"') return Fail(Outcome::kSyntax, raw, "expected a field name in quotes");
    const char* colon = text + at[1];
    if (limit - at < 3)
      return at + 1 < limit && *colon != ':'
                 ? Fail(Outcome::kSyntax, colon, "expected ':' after a field name")
                 : Outcome::kIncomplete;
    if (*colon != ':') return Fail(Outcome::kSyntax, colon, "expected ':' after a field name");
    const char* raw_end = TokenEnd(raw + 2, colon) - 1;
    key = keys_.Find(parent, key, raw + 1, static_cast<size_t>(raw_end - raw - 1));
    if (key == KeyTree::kRoot)
      return Fail(Outcome::kRefused, raw, "too many different field names in one request");

    const char* value = text + at[2];
    const char* next = text + at[3];
    Outcome outcome;
    if (*value == '"') {
      std::string_view inside = Span(value + 1, TokenEnd(value + 2, next) - 1);
      if (HasBackslash(value, next)) {
        scratch_.clear();
        if (!AppendUnescaped(&scratch_, inside))
          return Fail(Outcome::kSyntax, value, "bad escape in a string");
        inside = scratch_;
      }
      outcome = Emit<kNestedAsText>(key, ValueType::kString, inside);
      at += 3;
    } else if (*value == '[' || (*value == '{' && (kNestedAsText || *next == '}'))) {
      const ValueType type = *value == '[' ? ValueType::kArray : ValueType::kObject;
      std::string_view minified;
      at += 2;
      outcome = ReadContainer(&at, limit, depth + 1, &minified);
      if (outcome == Outcome::kEncoded) outcome = Emit<kNestedAsText>(key, type, minified);
    } else if (*value == '{') {
      if (depth + 1 == kDepthMax)
        return Fail(Outcome::kSyntax, value, "nested deeper than 256 levels");
      parents[depth++] = parent;
      parent = key;
      at += 3;
      continue;
    } else {
      ValueType type = ValueType::kNumber;
      std::string_view scalar;
      outcome = ReadScalar(value, TokenEnd(value, next), &type, &scalar);
      if (outcome == Outcome::kEncoded) outcome = Emit<kNestedAsText>(key, type, scalar);
      at += 3;
    }
    if (outcome != Outcome::kEncoded) return outcome;

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

bool RecordWalker::FindBackslash(const char* from, const char* to) {
  if (from < clean_from_ || next_backslash_ < from) {
    const void* found = std::memchr(from, '\\', static_cast<size_t>(tokens_->end() - from));
    clean_from_ = from;
    next_backslash_ = found == nullptr ? tokens_->end() + 1 : static_cast<const char*>(found);
  }
  return next_backslash_ < to;
}

template <bool kNestedAsText>
Outcome RecordWalker::Emit(uint32_t index, ValueType type, std::string_view value) {
  if (++fields_ > limits_.record_fields_max)
    return kNestedAsText ? Outcome::kEncoded : Outcome::kTooManyFields;
  if (keys_[index].batch != batch_) {
    const Outcome outcome = ResolveName(index);
    if (outcome != Outcome::kEncoded) return outcome;
  }
  const Key& key = keys_[index];
  if (key.role != 0) return EmitSpecial(key, type, value);
  builder_->AddField(key.name_id, type, value);
  return Outcome::kEncoded;
}

Outcome RecordWalker::ResolveName(uint32_t index) {
  Key& key = keys_[index];
  if (!key.resolved) {
    if (!keys_.FullName(index, &name_))
      return Fail(Outcome::kSyntax, key.raw, "bad escape in a field name");
    if (name_.size() > limits_.field_name_bytes_max)
      return Fail(Outcome::kRefused, key.raw,
                  "field name has " + std::to_string(name_.size()) + " bytes, more than " +
                      std::to_string(limits_.field_name_bytes_max));
    const FieldRole role = rules_.RoleOf(name_);
    key.stored = !role.drop && !role.time_only;
    if (key.stored) key.name = keys_.Keep(FieldRules::StoredName(name_));
    if (!role.plain()) {
      keys_.roles().push_back(role);
      key.role = static_cast<uint32_t>(keys_.roles().size());
    }
    key.resolved = true;
  }
  const uint32_t id = key.stored ? builder_->NameId(key.name) : 0;
  if (id == RecordBatchBuilder::kNamesMax)
    return Fail(Outcome::kRefused, key.raw, "too many different field names in one request");
  key.name_id = id;
  key.batch = batch_;
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
  if (parsed.has_value() && *parsed <= limits_.timestamp_max_ns) {
    timestamp_ns_ = *parsed;
  } else if (!time_.soft) {
    return Fail(Outcome::kRefused, tokens_->at(next_token_ - 1),
                "bad timestamp " + Quoted(time_.value));
  }
  return Outcome::kEncoded;
}

Outcome RecordWalker::ReadScalar(const char* value, const char* end, ValueType* type,
                                 std::string_view* text) {
  *text = Span(value, end);
  if (*text == "true" || *text == "false") {
    *type = ValueType::kBool;
  } else if (*text == "null") {
    *type = ValueType::kNull;
    *text = Span(value, value);
  } else if (IsJsonNumber(*text)) {
    *type = ValueType::kNumber;
  } else {
    return Fail(Outcome::kSyntax, value, "expected a value");
  }
  return Outcome::kEncoded;
}

// One state per thing that may stand at a place inside of a container.
Outcome RecordWalker::ReadContainer(const uint32_t** cursor, const uint32_t* limit, uint32_t depth,
                                    std::string_view* minified) {
  enum class Expect : uint8_t { kValue, kValueOrEnd, kName, kNameOrEnd, kSeparator };
  const char* const text = tokens_->begin();
  const uint32_t* const first = *cursor;
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
  *cursor = at;
  *minified = Span(text + first[0], text + at[-1] + 1);
  if (compact) return Outcome::kEncoded;
  MinifyTokens(first, at);
  *minified = scratch_;
  return Outcome::kEncoded;
}

Outcome RecordWalker::CheckContainerScalar(const char* token, const char* next, bool* compact) {
  const char* end = TokenEnd(token, next);
  *compact &= end == next;
  if (*token != '"') {
    ValueType type;
    std::string_view text;
    return ReadScalar(token, end, &type, &text);
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
    const char* end = at + 1 == to ? token + 1 : TokenEnd(token, text + at[1]);
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
