#include "neurallog/status.h"

namespace neurallog {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kUnauthenticated: return "unauthenticated";
    case Code::kPermissionDenied: return "permission_denied";
    case Code::kNotFound: return "not_found";
    case Code::kConflict: return "conflict";
    case Code::kTooLarge: return "too_large";
    case Code::kUnsupported: return "unsupported";
    case Code::kResourceExhausted: return "resource_exhausted";
    case Code::kUnavailable: return "unavailable";
    case Code::kDeadlineExceeded: return "deadline_exceeded";
    case Code::kCancelled: return "cancelled";
    case Code::kCorruption: return "corruption";
    case Code::kIoError: return "io_error";
    case Code::kInternal: return "internal";
  }
  return "unknown";
}

Status::Status(Code code, std::string message) {
  if (code != Code::kOk) rep_ = std::make_unique<Rep>(Rep{code, std::move(message)});
}

Status::Status(const Status& other)
    : rep_(other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_ = other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr;
  return *this;
}

Status Status::Annotate(std::string_view context) const {
  if (ok()) return {};
  std::string message(context);
  message.append(": ").append(rep_->message);
  return Status(rep_->code, std::move(message));
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  std::string text(CodeName(rep_->code));
  return text.append(": ").append(rep_->message);
}

Status InvalidArgument(std::string message) {
  return Status(Code::kInvalidArgument, std::move(message));
}
Status Unauthenticated(std::string message) {
  return Status(Code::kUnauthenticated, std::move(message));
}
Status PermissionDenied(std::string message) {
  return Status(Code::kPermissionDenied, std::move(message));
}
Status NotFound(std::string message) { return Status(Code::kNotFound, std::move(message)); }
Status Conflict(std::string message) { return Status(Code::kConflict, std::move(message)); }
Status TooLarge(std::string message) { return Status(Code::kTooLarge, std::move(message)); }
Status Unsupported(std::string message) { return Status(Code::kUnsupported, std::move(message)); }
Status ResourceExhausted(std::string message) {
  return Status(Code::kResourceExhausted, std::move(message));
}
Status Unavailable(std::string message) { return Status(Code::kUnavailable, std::move(message)); }
Status DeadlineExceeded(std::string message) {
  return Status(Code::kDeadlineExceeded, std::move(message));
}
Status Cancelled(std::string message) { return Status(Code::kCancelled, std::move(message)); }
Status Corruption(std::string message) { return Status(Code::kCorruption, std::move(message)); }
Status IoError(std::string message) { return Status(Code::kIoError, std::move(message)); }
Status Internal(std::string message) { return Status(Code::kInternal, std::move(message)); }

}  // namespace neurallog
