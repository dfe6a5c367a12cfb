// RecordWalker: walks the tokens of one JSON object and encodes it as a row.
//
//   RecordWalker walker(limits, rules, arrival_ns, &keys, &builder);
//   walker.Begin(&tokens);
//   switch (walker.Encode(first_token, token_limit)) {
//     case kEncoded: walker.Accept();                       // the row is in; walker.next_token() follows its '}'
//     ...            walker.Abandon(); use walker.reason()
//
// Checks everything that JsonTokens leaves open. Not thread-safe; one per request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/decode_limits.h"
#include "ingest/field_rules.h"
#include "ingest/json_tokens.h"
#include "ingest/key_tree.h"
#include "ingest/timestamp_cache.h"
#include "model/record_batch.h"

namespace neurallog::ingest {

class RecordWalker {
 public:
  static constexpr uint32_t kDepthMax = KeyTree::kDepthMax;

  enum class Outcome : uint8_t {
    kEncoded,
    kIncomplete,  // the tokens end inside of the record
    kSyntax,      // not JSON; where() tells
    kRefused,     // JSON, but not a record that can be kept
    kTooManyFields,
  };

  // `keys` may be kept from batch to batch as long as the rules are the same.
  RecordWalker(const DecodeLimits& limits, const FieldRules& rules, int64_t arrival_ns,
               KeyTree* keys, model::RecordBatchBuilder* builder);

  // From now on the tokens are these; they change only before another Begin.
  void Begin(const JsonTokens* tokens);

  // `first` is the record's '{'; tokens from `limit` on do not belong to it. Leaves a row begun.
  Outcome Encode(uint32_t first, uint32_t limit);
  uint32_t next_token() const { return next_token_; }
  // Why and where the last Encode failed.
  const std::string& reason() const { return reason_; }
  const char* where() const { return where_; }

  void Accept() { builder_->EndRow(timestamp_ns_); }
  void Abandon() { builder_->AbandonRow(); }

 private:
  // A value that becomes the record's time or message once all candidates are known.
  struct Candidate {
    uint32_t rank = FieldRole::kNone;
    uint32_t name_id = Key::kUnresolved;  // under which it is stored when it is not chosen
    bool soft = false;
    ValueType type = ValueType::kString;
    std::string_view value;  // into the body or `copy`
    std::string copy;
  };

  // A value, and the token behind it.
  struct Value {
    ValueType type = ValueType::kString;
    std::string_view text;  // into the body or scratch_
    const uint32_t* next = nullptr;
  };

  Outcome EncodeWith(uint32_t first, uint32_t limit, bool nested_as_text);
  template <bool kNestedAsText>
  Outcome Walk(uint32_t first, uint32_t limit);
  Outcome Finish();

  template <bool kNestedAsText>
  [[gnu::noinline]] Outcome Emit(Key* key, ValueType type, std::string_view value);
  template <bool kNestedAsText>
  [[gnu::always_inline]] inline Outcome EmitPlain(Key* key, ValueType type, std::string_view value);
  Outcome EmitSpecial(const Key& key, ValueType type, std::string_view value);
  Outcome EmitTime(const Key& key, const FieldRole& role, ValueType type, std::string_view value);
  Outcome ResolveName(Key* key);
  Outcome FinishTime();
  void FinishStream();
  void Keep(Candidate* candidate, uint32_t rank, const Key& key, ValueType type,
            std::string_view value);
  void StoreLoser(const Candidate& candidate);

  Outcome FailName(const uint32_t* at, const uint32_t* limit);
  Outcome ReadValue(const uint32_t* at, const uint32_t* limit, uint32_t depth, Value* value);
  Outcome ReadEscaped(const char* string, const char* next, Value* value);
  Outcome ReadScalar(const char* begin, const char* end, Value* value);
  bool ReadPlainStrings(const uint32_t* at, const uint32_t* limit, Value* value);
  Outcome ReadContainer(const uint32_t* first, const uint32_t* limit, uint32_t depth, Value* value);
  Outcome CheckContainerScalar(const char* value, const char* end, bool* compact);
  void MinifyTokens(const uint32_t* from, const uint32_t* to);
  bool HasBackslash(const char* from, const char* to) {
    return !(from >= clean_from_ && to <= next_backslash_) && FindBackslash(from, to);
  }
  bool FindBackslash(const char* from, const char* to);

  // `where` may be null for what is wrong with a field's name: Walk knows where that is.
  Outcome Fail(Outcome outcome, const char* where, std::string_view reason);

  // Constant after construction.
  const DecodeLimits limits_;
  const FieldRules& rules_;
  const int64_t arrival_ns_;
  model::RecordBatchBuilder* const builder_;
  uint32_t message_id_ = 0;
  uint32_t stream_id_ = 0;
  std::vector<uint32_t> extra_ids_;
  std::vector<std::string> stream_defaults_;  // values that extra fields give to stream fields

  // Of the request.
  KeyTree& keys_;
  const uint32_t batch_;
  TimestampCache timestamps_;
  std::string scratch_;
  std::string name_;

  // Of the tokens: no backslash is in [clean_from_, next_backslash_).
  const JsonTokens* tokens_ = nullptr;
  const char* clean_from_ = nullptr;
  const char* next_backslash_ = nullptr;

  // Of the record.
  uint32_t fields_ = 0;
  uint32_t next_token_ = 0;
  int64_t timestamp_ns_ = 0;
  Candidate time_;
  Candidate message_;
  std::vector<std::string> stream_values_;
  std::string reason_;
  const char* where_ = nullptr;
};

}  // namespace neurallog::ingest
