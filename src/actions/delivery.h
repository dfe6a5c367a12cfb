// A delivery: that one action is told of one thing. What is stored of it, docs/formats/outbox.md.
//
//   pending ── attempts ──> delivered
//      └──> retrying ──> ... ──> dead: a dead letter, until it is replayed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/sink.h"
#include "detection/match.h"
#include "storage/keyspace.h"

namespace neurallog::actions {

// When it was made, and a hash of what it is about: sorts by time.
using DeliveryId = detection::MatchId;
// "msg_..." with 32 hexadecimal digits: what receivers see as the idempotency key.
std::string DeliveryIdText(const DeliveryId& id);
std::optional<DeliveryId> ParseDeliveryId(std::string_view text);

enum class DeliveryState : uint8_t { kPending, kRetrying, kDelivered, kDead };
inline constexpr size_t kDeliveryStates = 4;
std::string_view StateName(DeliveryState state);

// Why a delivery is dead.
enum class DeadReason : uint8_t {
  kNone,
  kRefused,     // the receiver does not want it as it is
  kExhausted,   // no attempt is left
  kGone,        // the receiver does not exist any more
  kNoAction,    // the action was deleted
  kDisabled,    // the action is disabled
  kOutboxFull,  // too many were waiting
  kUnusable,    // the action cannot be used: its configuration or secrets cannot be read
};
inline constexpr size_t kDeadReasons = 8;
std::string_view ReasonName(DeadReason reason);

std::string_view KindName(Outcome::Kind kind);

// One attempt that was made.
struct AttemptRecord {
  int64_t begin_ns = 0;  // wall
  int64_t took_ns = 0;
  Outcome::Kind kind = Outcome::Kind::kDelivered;
  int status = 0;
  std::string error;
  std::string answer;
};

struct Delivery {
  static constexpr size_t kAttemptsKept = 20;  // the first one and the last
  static constexpr size_t kErrorBytesMax = 512;

  DeliveryId id;
  DeliveryState state = DeliveryState::kPending;
  DeadReason reason = DeadReason::kNone;
  std::string action_id;
  std::string rule_id;
  std::string event;           // match, firing, resolved
  std::string source;          // the id of the match or alert, or group_ and that of the group
  uint64_t group = 0;          // deliveries of a group are made one after the other; 0: of none
  bool has_dedup_key = false;  // `source` is the same for all notices of one alert
  int64_t due_ns = 0;          // wall
  int64_t since_ns = 0;        // wall: the first attempt, of this life; 0: none yet
  int64_t ended_ns = 0;        // wall: delivered or dead
  uint32_t number = 0;         // attempts ever
  uint32_t tries = 0;          // attempts since it was made or replayed
  uint32_t redrives = 0;       // of them long after the first ones
  std::vector<AttemptRecord> attempts;

  bool is_waiting() const {
    return state == DeliveryState::kPending || state == DeliveryState::kRetrying;
  }
  // What a receiver tells notices apart by: stays the same over an alert's life.
  std::string dedup_key() const {
    if (!has_dedup_key) return {};
    return is_of_group() ? source : "alert_" + source;
  }
  bool is_of_group() const { return source.starts_with("group_"); }
  void Note(AttemptRecord attempt);
};

std::string EncodeDelivery(const Delivery& delivery);
Result<Delivery> DecodeDelivery(const DeliveryId& id, std::string_view value);
// Of an encoded one, without reading all of it.
Result<DeliveryState> StateOf(std::string_view value);

// A dead letter holds all that is needed to deliver it after all.
std::string EncodeDeadLetter(const Delivery& delivery, std::string_view notice);
struct DeadLetter {
  Delivery delivery;
  std::string notice;
};
Result<DeadLetter> DecodeDeadLetter(const DeliveryId& id, std::string_view value);

}  // namespace neurallog::actions
