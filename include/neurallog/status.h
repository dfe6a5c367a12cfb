// Status and Result<T>: how every call of NeuralLog reports an expected failure.
//
//   Result<Segment> OpenSegment(...);
//   NL_TRY(Segment segment, OpenSegment(path));        // passes an error up, otherwise declares `segment`
//   NL_RETURN_IF_ERROR(segment.Sync().Annotate("sync before close"));
//
// An OK Status is one null pointer. Messages are lower-case, name the thing and the value, and carry no final dot.
// Values of these types are not thread-safe; copies are independent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace neurallog {

// What went wrong, by who should do what next. The HTTP status of each code is one table: http/status_map.h.
enum class Code : unsigned char {
  kOk = 0,
  kInvalidArgument,    // the caller must change the request
  kUnauthenticated,    // the caller must present a valid credential
  kPermissionDenied,   // the credential does not allow this; another one might
  kNotFound,           // the named thing does not exist
  kConflict,           // the thing is in another state than the caller assumed
  kTooLarge,           // a size limit; the caller must send less at once
  kUnsupported,        // a media type or encoding that this server does not speak
  kResourceExhausted,  // a quota or rate; the caller should slow down and retry
  kUnavailable,        // the server cannot do it now; retry later
  kDeadlineExceeded,   // ran out of time; narrow the work or raise the limit
  kCancelled,          // the caller went away
  kCorruption,         // stored bytes fail their check; an operator must look
  kIoError,            // the operating system refused; an operator must look
  kInternal,           // a bug
};

// The name of a code as used in messages and metrics, for example "invalid_argument".
std::string_view CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;

  static Status Ok() { return {}; }

  bool ok() const { return rep_ == nullptr; }
  explicit operator bool() const { return ok(); }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  // Empty when ok.
  std::string_view message() const {
    return rep_ ? std::string_view(rep_->message) : std::string_view();
  }

  // Returns this error with "context: " put before its message; an OK status stays OK.
  Status Annotate(std::string_view context) const;
  // "corruption: segment 42: checksum mismatch", or "ok".
  std::string ToString() const;

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<Rep> rep_;
};

Status InvalidArgument(std::string message);
Status Unauthenticated(std::string message);
Status PermissionDenied(std::string message);
Status NotFound(std::string message);
Status Conflict(std::string message);
Status TooLarge(std::string message);
Status Unsupported(std::string message);
Status ResourceExhausted(std::string message);
Status Unavailable(std::string message);
Status DeadlineExceeded(std::string message);
Status Cancelled(std::string message);
Status Corruption(std::string message);
Status IoError(std::string message);
Status Internal(std::string message);

// A value or the reason why there is none. Reading value() of an error is a bug and ends the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  // Both convert: `return value;` and `return error;`.
  Result(T value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }

  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace neurallog

#define NL_CONCAT_INNER(a, b) a##b
#define NL_CONCAT(a, b) NL_CONCAT_INNER(a, b)

// Evaluates a Status expression and returns it from the enclosing function when it is an error.
#define NL_RETURN_IF_ERROR(expr) \
  do { \
    ::neurallog::Status nl_status_ = (expr); \
    if (!nl_status_.ok()) return nl_status_; \
  } while (false)

// Evaluates a Result expression; on error returns its status, otherwise moves the value into `declaration`.
#define NL_TRY(declaration, expr) NL_TRY_INNER(NL_CONCAT(nl_result_, __LINE__), declaration, expr)
#define NL_TRY_INNER(result, declaration, expr) \
  auto result = (expr); \
  if (!result.ok()) return result.status(); \
  declaration = std::move(result).value()
