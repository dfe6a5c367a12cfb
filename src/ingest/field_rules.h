// FieldRules: what the field names of one kind of request mean. Names are flattened.
// Immutable after construction, thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ingest/decoder_json.h"

namespace neurallog::ingest {

struct FieldRole {
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t time_rank = kNone;     // the lowest rank that has a value is the record's time
  uint32_t message_rank = kNone;  // the lowest rank that has a value is the record's message
  uint32_t stream_index = kNone;  // place in stream_fields()
  bool drop = false;              // not stored
  bool time_only = false;         // a candidate for the time that is stored nowhere else
  // A candidate for the time that is stored as a field too and may be no time at all.
  bool time_soft = false;

  bool plain() const {
    return time_rank == kNone && message_rank == kNone && stream_index == kNone && !drop;
  }
};

class FieldRules {
 public:
  static FieldRules Native();
  static FieldRules JsonLines(const JsonLineParams& params);

  FieldRole RoleOf(std::string_view name) const;
  // `_msg` is another name of `message`.
  static std::string_view StoredName(std::string_view name);

  // Sorted; empty when no _stream field is asked for.
  const std::vector<std::string>& stream_fields() const { return stream_fields_; }
  const std::vector<std::pair<std::string, std::string>>& extra_fields() const {
    return extra_fields_;
  }
  // Whether a time of zero means the time of arrival.
  bool zero_is_arrival() const { return zero_is_arrival_; }

 private:
  void Ignore(const std::string& name);
  void SortPrefixes();
  void SetStreamFields(std::vector<std::string> names);
  bool IsIgnoredByPrefix(std::string_view name) const;

  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  std::unordered_map<std::string, FieldRole, NameHash, std::equal_to<>> roles_;
  std::vector<std::string> ignored_prefixes_;  // sorted, none a prefix of another
  std::vector<std::string> stream_fields_;
  std::vector<std::pair<std::string, std::string>> extra_fields_;
  bool zero_is_arrival_ = false;
};

}  // namespace neurallog::ingest
