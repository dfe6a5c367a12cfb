#include "actions/delivery.h"

#include "base/bytes.h"

namespace neurallog::actions {
namespace {

constexpr uint8_t kDeliveryFormat = 1;
constexpr std::string_view kIdPrefix = "msg_";

void AppendAttempt(std::string* to, const AttemptRecord& attempt) {
  base::AppendLe(to, attempt.begin_ns);
  base::AppendVarint(to, static_cast<uint64_t>(std::max<int64_t>(attempt.took_ns, 0)));
  base::AppendLe(to, static_cast<uint8_t>(attempt.kind));
  base::AppendVarint(to, static_cast<uint64_t>(attempt.status));
  base::AppendLengthPrefixed(to, attempt.error);
  base::AppendLengthPrefixed(to, attempt.answer);
}

bool ReadAttempt(base::ByteReader* from, AttemptRecord* attempt) {
  attempt->begin_ns = from->ReadLe<int64_t>();
  attempt->took_ns = static_cast<int64_t>(from->ReadVarint());
  const auto kind = from->ReadLe<uint8_t>();
  attempt->status = static_cast<int>(from->ReadVarint());
  attempt->error = from->ReadLengthPrefixed();
  attempt->answer = from->ReadLengthPrefixed();
  if (kind > static_cast<uint8_t>(Outcome::Kind::kGone)) return false;
  attempt->kind = static_cast<Outcome::Kind>(kind);
  return from->ok();
}

bool ReadBody(base::ByteReader* from, Delivery* delivery) {
  for (std::string* text :
       {&delivery->action_id, &delivery->rule_id, &delivery->event, &delivery->source})
    *text = from->ReadLengthPrefixed();
  delivery->group = from->ReadLe<uint64_t>();
  delivery->has_dedup_key = from->ReadLe<uint8_t>() != 0;
  for (int64_t* time : {&delivery->due_ns, &delivery->since_ns, &delivery->ended_ns})
    *time = from->ReadLe<int64_t>();
  for (uint32_t* count : {&delivery->number, &delivery->tries, &delivery->redrives})
    *count = static_cast<uint32_t>(from->ReadVarint());
  const uint64_t attempts = from->ReadVarint();
  if (attempts > Delivery::kAttemptsKept) return false;
  delivery->attempts.resize(attempts);
  for (AttemptRecord& attempt : delivery->attempts)
    if (!ReadAttempt(from, &attempt)) return false;
  return from->ok();
}

// Cuts no UTF-8 sequence.
void Cut(size_t bytes, std::string* text) {
  if (text->size() <= bytes) return;
  while (bytes > 0 && (static_cast<unsigned char>((*text)[bytes]) & 0xc0) == 0x80) --bytes;
  text->resize(bytes);
}

Status Damaged(const DeliveryId& id) {
  return Corruption("delivery " + DeliveryIdText(id) + " is damaged");
}

}  // namespace

std::string DeliveryIdText(const DeliveryId& id) {
  return std::string(kIdPrefix).append(ToString(id));
}

std::optional<DeliveryId> ParseDeliveryId(std::string_view text) {
  if (!text.starts_with(kIdPrefix)) return std::nullopt;
  return detection::ParseMatchId(text.substr(kIdPrefix.size()));
}

std::string_view StateName(DeliveryState state) {
  switch (state) {
    case DeliveryState::kPending: return "pending";
    case DeliveryState::kRetrying: return "retrying";
    case DeliveryState::kDelivered: return "delivered";
    case DeliveryState::kDead: return "dead";
  }
  return "";
}

std::string_view ReasonName(DeadReason reason) {
  switch (reason) {
    case DeadReason::kNone: return "";
    case DeadReason::kRefused: return "refused";
    case DeadReason::kExhausted: return "exhausted";
    case DeadReason::kGone: return "gone";
    case DeadReason::kNoAction: return "no_action";
    case DeadReason::kDisabled: return "disabled";
    case DeadReason::kOutboxFull: return "outbox_full";
    case DeadReason::kUnusable: return "unusable";
  }
  return "";
}

std::string_view KindName(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::kDelivered: return "delivered";
    case Outcome::Kind::kRetry: return "retry";
    case Outcome::Kind::kFinal: return "final";
    case Outcome::Kind::kGone: return "gone";
  }
  return "";
}

void Delivery::Note(AttemptRecord attempt) {
  Cut(kErrorBytesMax, &attempt.error);
  Cut(Outcome::kAnswerBytesMax, &attempt.answer);
  if (attempts.size() == kAttemptsKept) attempts.erase(attempts.begin() + 1);
  attempts.push_back(std::move(attempt));
}

std::string EncodeDelivery(const Delivery& delivery) {
  std::string value;
  value.reserve(256);
  base::AppendLe(&value, kDeliveryFormat);
  base::AppendLe(&value, static_cast<uint8_t>(delivery.state));
  base::AppendLe(&value, static_cast<uint8_t>(delivery.reason));
  for (const std::string* text :
       {&delivery.action_id, &delivery.rule_id, &delivery.event, &delivery.source})
    base::AppendLengthPrefixed(&value, *text);
  base::AppendLe(&value, delivery.group);
  value.push_back(delivery.has_dedup_key ? 1 : 0);
  for (const int64_t time : {delivery.due_ns, delivery.since_ns, delivery.ended_ns})
    base::AppendLe(&value, time);
  for (const uint32_t count : {delivery.number, delivery.tries, delivery.redrives})
    base::AppendVarint(&value, count);
  base::AppendVarint(&value, delivery.attempts.size());
  for (const AttemptRecord& attempt : delivery.attempts) AppendAttempt(&value, attempt);
  return value;
}

Result<DeliveryState> StateOf(std::string_view value) {
  if (value.size() < 3 || value[0] != static_cast<char>(kDeliveryFormat) ||
      static_cast<uint8_t>(value[1]) >= kDeliveryStates ||
      static_cast<uint8_t>(value[2]) >= kDeadReasons)
    return Corruption("a stored delivery is damaged");
  return static_cast<DeliveryState>(value[1]);
}

Result<Delivery> DecodeDelivery(const DeliveryId& id, std::string_view value) {
  const auto state = StateOf(value);
  if (!state.ok()) return Damaged(id);
  Delivery delivery;
  delivery.id = id;
  delivery.state = *state;
  delivery.reason = static_cast<DeadReason>(value[2]);
  base::ByteReader reader(value.substr(3));
  if (!ReadBody(&reader, &delivery) || !reader.empty()) return Damaged(id);
  return delivery;
}

std::string EncodeDeadLetter(const Delivery& delivery, std::string_view notice) {
  std::string value;
  base::AppendLengthPrefixed(&value, EncodeDelivery(delivery));
  return value.append(notice);
}

Result<DeadLetter> DecodeDeadLetter(const DeliveryId& id, std::string_view value) {
  base::ByteReader reader(value);
  const std::string_view delivery = reader.ReadLengthPrefixed();
  if (!reader.ok()) return Damaged(id);
  DeadLetter letter;
  NL_TRY(letter.delivery, DecodeDelivery(id, delivery));
  letter.notice = reader.ReadBytes(reader.remaining());
  return letter;
}

}  // namespace neurallog::actions
