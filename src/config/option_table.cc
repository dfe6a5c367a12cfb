#include "config/option_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>

#include "config/option_value.h"

namespace neurallog::config {
namespace {

using namespace std::chrono_literals;

// "HOST:PORT", "[v6]:PORT" or ":PORT" is looked at here; whether the host exists is known when it
// is bound.
Status CheckListen(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const bool plain = !host.empty() && host.find_first_of(":[] /") == std::string_view::npos;
  const auto port =
      colon == std::string_view::npos ? std::nullopt : ParseInt(text.substr(colon + 1));
  if (!(bracketed || plain) || !port || *port < 0 || *port > 65'535)
    return InvalidArgument(
        fmt::format("expected HOST:PORT like 127.0.0.1:8080 or [::1]:8080, got \"{}\"", text));
  return Status::Ok();
}

Status CheckNotEmpty(std::string_view text) {
  return text.empty() ? InvalidArgument("expected a path, got \"\"") : Status::Ok();
}

#define NL_FIELD(member) [](Config& config) -> decltype((config.member)) { return config.member; }
#define NL_ENUM(member) \
  [](const Config& config) { return static_cast<int>(config.member); }, \
      [](Config& config, int value) { \
        config.member = static_cast<decltype(config.member)>(value); \
      }

constexpr uint64_t kPageBytes = 4 * kKiB;  // what direct I/O writes is a multiple of it
constexpr bool kReload = true;
constexpr bool kRestart = false;

std::vector<Option> MakeTable() {
  return {
      {"listen", TextField{NL_FIELD(listen), /*is_path=*/false, CheckListen}, kRestart,
       "Address of the HTTP port, HOST:PORT or [v6]:PORT; port 0 takes a free one."},
      {"data_dir", TextField{NL_FIELD(data_dir), /*is_path=*/true, CheckNotEmpty}, kRestart,
       "Folder of the write-ahead log and the stored blocks; made when missing."},

      {"memory_limit", BytesField{NL_FIELD(memory_limit), 0, 1024 * kGiB}, kRestart,
       "Memory of the whole process, shared out to the pools whose own size is 0; 0 is 1GiB, or half "
       "of the control group's limit when that is less."},

      {"http.io_backend", EnumField{NL_ENUM(http.io_backend), {"auto", "epoll", "io_uring"}},
       kRestart,
       "Reactor of the HTTP port; auto is epoll, the cheaper one; io_uring falls back to it where "
       "the kernel refuses."},
      {"http.threads", IntField{NL_FIELD(http.threads), 0, 256}, kRestart,
       "I/O threads; 0 is one per core."},
      {"http.connections_max", IntField{NL_FIELD(http.connections_max), 1, 1'000'000}, kRestart,
       "Open connections; more are answered 503 and closed."},
      {"http.head_bytes_max", BytesField{NL_FIELD(http.head_bytes_max), 1 * kKiB, 1 * kMiB},
       kRestart, "Request line and headers of one request; larger is answered 431."},
      {"http.body_bytes_max", BytesField{NL_FIELD(http.body_bytes_max), 1 * kKiB, 256 * kMiB},
       kRestart, "Body of one request, before and after decompression; larger is answered 413."},
      {"http.body_bytes_total_max",
       BytesField{NL_FIELD(http.body_bytes_total_max), 0, 1024 * kGiB}, kRestart,
       "Bodies being received over all connections; beyond it connections wait before they read "
       "on; 0 is a share of memory_limit."},
      {"http.header_timeout", DurationField{NL_FIELD(http.header_timeout), 100ms, 1h}, kRestart,
       "From the first byte of a request to the end of its headers; then 408."},
      {"http.body_timeout", DurationField{NL_FIELD(http.body_timeout), 100ms, 1h}, kRestart,
       "Without progress in a body; then 408."},
      {"http.idle_timeout", DurationField{NL_FIELD(http.idle_timeout), 100ms, 24h}, kRestart,
       "Between two requests of a connection; then it is closed."},
      {"http.write_timeout", DurationField{NL_FIELD(http.write_timeout), 100ms, 1h}, kRestart,
       "Without progress in sending an answer; then the connection is closed."},

      {"tls.certificate_file", TextField{NL_FIELD(tls.certificate_file), /*is_path=*/true, nullptr},
       kRestart,
       "Certificate chain (PEM); with tls.key_file set the port speaks TLS only. The file is read "
       "again on SIGHUP."},
      {"tls.key_file", TextField{NL_FIELD(tls.key_file), /*is_path=*/true, nullptr}, kRestart,
       "Private key (PEM) of the certificate. The file is read again on SIGHUP."},

      {"ingest.record_bytes_max",
       BytesField{NL_FIELD(ingest.record_bytes_max), 1 * kKiB, 64 * kMiB}, kRestart,
       "Size of one record; larger ones are rejected by index, the rest of the batch is stored."},
      {"ingest.record_fields_max", IntField{NL_FIELD(ingest.record_fields_max), 1, 65'535},
       kRestart,
       "Fields of one record after flattening; nested objects beyond it are kept as JSON text."},
      {"ingest.field_name_bytes_max",
       BytesField{NL_FIELD(ingest.field_name_bytes_max), 16, 64 * kKiB}, kRestart,
       "Length of a flattened field name; records with longer ones are rejected."},
      {"ingest.queue_wait", DurationField{NL_FIELD(ingest.queue_wait), 0s, 1min}, kReload,
       "How long a request waits for room in the ring before it is answered 503."},
      {"ingest.requests_in_flight_max",
       IntField{NL_FIELD(ingest.requests_in_flight_max), 1, 1'000'000}, kReload,
       "Requests accepted and not yet answered; more are answered 429."},
      {"ingest.bytes_in_flight_max",
       BytesField{NL_FIELD(ingest.bytes_in_flight_max), 0, 1024 * kGiB}, kRestart,
       "Batches accepted and not yet answered; beyond it 503; 0 is a share of memory_limit."},
      {"ingest.idempotency_window",
       DurationField{NL_FIELD(ingest.idempotency_window), 0s, 7 * kDay}, kRestart,
       "How long idempotency keys are remembered; 0 remembers none."},
      {"ingest.idempotency_keys_max",
       IntField{NL_FIELD(ingest.idempotency_keys_max), 1, 100'000'000}, kRestart,
       "Idempotency keys remembered at once; the oldest are forgotten first."},

      {"ring.slots", IntField{NL_FIELD(ring.slots), 2, 1 << 20, /*power_of_two=*/true}, kRestart,
       "Batches between the I/O threads and the write-ahead log; a power of two."},

      {"wal.segment_bytes", BytesField{NL_FIELD(wal.segment_bytes), 1 * kMiB, 1 * kGiB, kPageBytes},
       kRestart, "Size of one file of the write-ahead log, allocated ahead."},
      {"wal.group_bytes_max",
       BytesField{NL_FIELD(wal.group_bytes_max), 4 * kKiB, 64 * kMiB, kPageBytes}, kRestart,
       "Batches that are written and synced together end at this size."},
      {"wal.direct_io", BoolField{NL_FIELD(wal.direct_io)}, kRestart,
       "Write past the page cache (O_DIRECT) where the file system allows it."},
      {"wal.accept_damage", BoolField{NL_FIELD(wal.accept_damage)}, kRestart,
       "Start writable although acknowledged rows in the log are damaged; what cannot be read is "
       "lost."},
      {"wal.retained_bytes_max",
       BytesField{NL_FIELD(wal.retained_bytes_max), 2 * kMiB, 1024 * kGiB}, kRestart,
       "A log larger than this is shortened by a checkpoint, which seals and flushes the oldest "
       "rows."},
      {"wal.recycle_segments_max", IntField{NL_FIELD(wal.recycle_segments_max), 0, 64}, kRestart,
       "Files that are kept for reuse instead of being deleted."},

      {"storage.block_rows", IntField{NL_FIELD(storage.block_rows), 64, 65'536}, kRestart,
       "A tenant's rows are sealed into a block at this number."},
      {"storage.block_bytes_max",
       BytesField{NL_FIELD(storage.block_bytes_max), 64 * kKiB, 256 * kMiB}, kRestart,
       "A tenant's rows are sealed into a block at this size."},
      {"storage.seal_age", DurationField{NL_FIELD(storage.seal_age), 100ms, 1 * kDay}, kRestart,
       "Rows of a tenant that sends nothing are sealed after this time."},
      {"storage.seal_threads", IntField{NL_FIELD(storage.seal_threads), 1, 64}, kRestart,
       "Threads that build blocks."},
      {"storage.row_buffer_bytes_max",
       BytesField{NL_FIELD(storage.row_buffer_bytes_max), 0, 1024 * kGiB}, kRestart,
       "Rows in memory that are not sealed yet; beyond it the largest are sealed early and intake "
       "slows down; 0 is a share of memory_limit."},
      {"storage.block_cache_bytes",
       BytesField{NL_FIELD(storage.block_cache_bytes), 0, 1024 * kGiB}, kRestart,
       "RocksDB's cache of blocks read from disk; 0 is a share of memory_limit."},
      {"storage.memtable_bytes_total",
       BytesField{NL_FIELD(storage.memtable_bytes_total), 0, 1024 * kGiB}, kRestart,
       "RocksDB's write buffers over all partitions; 0 is a share of memory_limit."},
      {"storage.directory_bytes_max",
       BytesField{NL_FIELD(storage.directory_bytes_max), 0, 1024 * kGiB}, kRestart,
       "Block headers kept in memory; the least used are read again when needed; 0 is a share of "
       "memory_limit."},
      {"storage.index_cache_bytes",
       BytesField{NL_FIELD(storage.index_cache_bytes), 0, 1024 * kGiB}, kRestart,
       "Parts of the token index kept in memory; 0 is a share of memory_limit."},
      {"storage.column_cache_bytes",
       BytesField{NL_FIELD(storage.column_cache_bytes), 0, 1024 * kGiB}, kRestart,
       "Decoded columns that queries have used lately; 0 is a share of memory_limit."},
      {"storage.rewrite_bytes_max",
       BytesField{NL_FIELD(storage.rewrite_bytes_max), 0, 1024 * kGiB}, kRestart,
       "Decoded blocks that a merge or the warm rewrite holds; 0 is a share of memory_limit."},
      {"storage.rewrite_bytes_per_second",
       BytesField{NL_FIELD(storage.rewrite_bytes_per_second), 64 * kKiB, 1024 * kGiB}, kRestart,
       "How fast merges and the warm rewrite read and write blocks."},
      {"storage.warm_after", DurationField{NL_FIELD(storage.warm_after), 0s, 3'650 * kDay}, kRestart,
       "After the end of a partition its blocks are rewritten into larger ones, compressed harder."},
      {"storage.warm_zstd_level", IntField{NL_FIELD(storage.warm_zstd_level), 1, 19}, kRestart,
       "How hard they are compressed."},
      {"storage.warm_idle_rate", IntField{NL_FIELD(storage.warm_idle_rate), 0, 1'000'000'000},
       kRestart,
       "Partitions are rewritten while fewer records per second come in; 0 rewrites none."},
      {"storage.retention", DurationField{NL_FIELD(storage.retention), 0s, 36'500 * kDay}, kReload,
       "Records older than this are hidden and deleted, unless their tenant has a retention of its own; 0 keeps them for ever."},
      {"storage.disk_quota_bytes", BytesField{NL_FIELD(storage.disk_quota_bytes), 0, 1024 * 1024 * kGiB},
       kReload,
       "Stored blocks take at most about so much; beyond it the oldest are deleted; 0 sets no limit."},
      {"storage.future_max", DurationField{NL_FIELD(storage.future_max), 1s, 3'650 * kDay}, kReload,
       "Records further in the future than this are rejected."},

      {"query.threads", IntField{NL_FIELD(query.threads), 0, 256}, kRestart,
       "Threads that run queries; 0 is one per core."},
      {"query.concurrency_max", IntField{NL_FIELD(query.concurrency_max), 1, 10'000}, kReload,
       "Queries that run at once."},
      {"query.tenant_concurrency_max", IntField{NL_FIELD(query.tenant_concurrency_max), 1, 10'000},
       kReload, "Queries of one tenant that run at once; tenants that wait take turns."},
      {"query.exports_max", IntField{NL_FIELD(query.exports_max), 1, 10'000}, kReload,
       "Exports that run at once, besides the queries; they wait in a queue of their own."},
      {"query.queue_max", IntField{NL_FIELD(query.queue_max), 0, 100'000}, kReload,
       "Queries that wait for their turn; more are answered 429."},
      {"query.tenant_queue_max", IntField{NL_FIELD(query.tenant_queue_max), 0, 100'000}, kReload,
       "Queries of one tenant that wait; more are answered 429."},
      {"query.timeout", DurationField{NL_FIELD(query.timeout), 10ms, 1 * kDay}, kReload,
       "Deadline of a query, waiting included; a request may ask for less."},
      {"query.memory_bytes_max",
       BytesField{NL_FIELD(query.memory_bytes_max), 0, 1024 * kGiB}, kReload,
       "Memory of one query; one that needs more ends with an error; 0 is a share of memory_limit."},
      {"query.memory_bytes_total_max",
       BytesField{NL_FIELD(query.memory_bytes_total_max), 0, 1024 * kGiB}, kRestart,
       "Memory of all running queries; the one that needs more ends with an error; 0 is a share of "
       "memory_limit."},
      {"query.partials", BoolField{NL_FIELD(query.partials)}, kRestart,
       "Keep what stats made of single blocks, and the few rows that dear filters found in them, for "
       "queries that ask the same again."},
      {"query.partials_bytes_max",
       BytesField{NL_FIELD(query.partials_bytes_max), 0, 1024 * kGiB}, kRestart,
       "Memory of what is kept of blocks for queries; 0 is a share of memory_limit."},
      {"query.scan_bytes_max", BytesField{NL_FIELD(query.scan_bytes_max), 0, 1024 * 1024 * kGiB},
       kReload,
       "Stored bytes that one query may read; one that needs more is answered 429; 0 sets no limit."},
      {"query.slow_threshold", DurationField{NL_FIELD(query.slow_threshold), 0s, 1 * kDay}, kReload,
       "Queries that take longer are written to the log; 0 logs none."},
      {"query.rows_limit_default", IntField{NL_FIELD(query.rows_limit_default), 1, 10'000'000},
       kReload, "Rows that the native search answers when the request names no limit."},

      {"tail.viewers_max", IntField{NL_FIELD(tail.viewers_max), 0, 1'000'000}, kRestart,
       "Live tails that may be open; more are answered 429."},
      {"tail.viewers_per_tenant_max", IntField{NL_FIELD(tail.viewers_per_tenant_max), 0, 1'000'000},
       kRestart, "Live tails that one tenant may have open; more are answered 429."},
      {"tail.viewer_bytes_max", BytesField{NL_FIELD(tail.viewer_bytes_max), 4 * kKiB, 1 * kGiB},
       kRestart,
       "Events that wait for a client that reads slowly; beyond it the oldest go, and the client is "
       "told how many."},
      {"tail.viewer_events_max", IntField{NL_FIELD(tail.viewer_events_max), 1, 10'000'000}, kRestart,
       "The same, as a number of events."},
      {"tail.heartbeat", DurationField{NL_FIELD(tail.heartbeat), 1s, 1h}, kRestart,
       "After so long without an event a live tail sends bytes that say nothing."},

      {"rules.queue_bytes_max", BytesField{NL_FIELD(rules.queue_bytes_max), 0, 64 * kGiB}, kRestart,
       "Records that wait for rules in memory; more are read from the log; 0 is a share of "
       "memory_limit."},
      {"rules.state_bytes_max", BytesField{NL_FIELD(rules.state_bytes_max), 0, 1024 * kGiB},
       kRestart,
       "Windows and sequences of all rules; beyond it the stalest groups go; 0 is a share of "
       "memory_limit."},
      {"rules.compiled_bytes_max", BytesField{NL_FIELD(rules.compiled_bytes_max), 0, 1024 * kGiB},
       kRestart,
       "Compiled rules of all tenants; beyond it those of tenants without records for 2s or more "
       "are unloaded; 0 is a quarter of memory_limit."},
      {"rules.idle_timeout", DurationField{NL_FIELD(rules.idle_timeout), 0s, 365 * kDay}, kRestart,
       "Rules of a tenant without records for so long are unloaded, until it has some; 0s: never "
       "for that."},
      {"rules.rule_ns_max", IntField{NL_FIELD(rules.rule_ns_max), 0, 1'000'000'000}, kRestart,
       "A rule that takes more nanoseconds for a record, on average, is quarantined; 0: none is."},
      {"rules.rules_max", IntField{NL_FIELD(rules.rules_max), 1, 1'000'000}, kRestart,
       "Rules of a tenant; more are refused."},
      {"rules.document_bytes_max",
       BytesField{NL_FIELD(rules.document_bytes_max), 1 * kKiB, 4 * kMiB}, kRestart,
       "The text of one rule; a longer one is refused."},
      {"rules.lists_max", IntField{NL_FIELD(rules.lists_max), 0, 100'000}, kRestart,
       "Lists of a tenant; more are refused."},
      {"rules.list_values_max", IntField{NL_FIELD(rules.list_values_max), 1, 10'000'000}, kRestart,
       "Values of one list; a longer one is refused."},
      {"rules.list_bytes_max", BytesField{NL_FIELD(rules.list_bytes_max), 1 * kKiB, 64 * kMiB},
       kRestart, "The same in bytes."},
      {"rules.matches_max", IntField{NL_FIELD(rules.matches_max), 16, 100'000'000}, kRestart,
       "Matches that are kept of a tenant; beyond it the oldest go."},
      {"rules.match_bytes_max", BytesField{NL_FIELD(rules.match_bytes_max), 1 * kMiB, 1024 * kGiB},
       kRestart, "The same in bytes."},
      {"rules.alerts_max", IntField{NL_FIELD(rules.alerts_max), 1, 10'000'000}, kRestart,
       "Alerts of a tenant that are not resolved; beyond it a match makes none, which is counted."},
      {"rules.alerts_per_rule_max", IntField{NL_FIELD(rules.alerts_per_rule_max), 1, 10'000'000},
       kRestart, "The same of one rule."},
      {"rules.alerts_resolved_max", IntField{NL_FIELD(rules.alerts_resolved_max), 16, 10'000'000},
       kRestart, "Resolved alerts that are kept of a tenant; beyond it the oldest go."},
      {"rules.alert_retention", DurationField{NL_FIELD(rules.alert_retention), 1min, 3'650 * kDay},
       kRestart, "An alert is kept so long after it was resolved."},

      {"actions.allow_cidr", TextField{NL_FIELD(actions.allow_cidr), /*is_path=*/false, nullptr},
       kRestart,
       "Networks of the inside that receivers of actions may be in, like 127.0.0.0/8, a comma between "
       "them; empty: none."},
      {"actions.ca_file", TextField{NL_FIELD(actions.ca_file), /*is_path=*/true, nullptr}, kRestart,
       "Certificates, PEM, that receivers' are checked with; empty: those that the system trusts."},
      {"actions.https_only", BoolField{NL_FIELD(actions.https_only)}, kRestart,
       "Whether receivers over http://, without TLS, are refused."},
      {"actions.proxy", TextField{NL_FIELD(actions.proxy), /*is_path=*/false, nullptr}, kRestart,
       "Proxy to receivers, http://HOST:PORT; empty: none."},
      {"actions.exec_programs",
       TextField{NL_FIELD(actions.exec_programs), /*is_path=*/false, nullptr}, kRestart,
       "Programs that actions of the type exec may run, full paths, a comma between them; empty: "
       "none."},
      {"actions.pending_max", IntField{NL_FIELD(actions.pending_max), 1'000, 100'000'000}, kRestart,
       "Deliveries that wait, of all tenants; more become dead letters at once."},
      {"actions.tenant_pending_max",
       IntField{NL_FIELD(actions.tenant_pending_max), 1'000, 100'000'000}, kRestart,
       "The same of one tenant."},
      {"actions.history_max", IntField{NL_FIELD(actions.history_max), 16, 100'000'000}, kRestart,
       "Deliveries that have ended, kept of a tenant; beyond it the oldest go."},
      {"actions.history", DurationField{NL_FIELD(actions.history), 1s, 366 * 24h}, kRestart,
       "They are kept for so long."},
      {"actions.dead_letters_max", IntField{NL_FIELD(actions.dead_letters_max), 16, 100'000'000},
       kRestart, "Dead letters that are kept of a tenant; beyond it the oldest go."},
      {"actions.dead_letter_bytes_max",
       BytesField{NL_FIELD(actions.dead_letter_bytes_max), 1 * kMiB, 1024 * kGiB}, kRestart,
       "The same in bytes."},
      {"actions.dead_letter_retention",
       DurationField{NL_FIELD(actions.dead_letter_retention), 1s, 3660 * 24h}, kRestart,
       "They are kept for so long."},
      {"actions.disable_after", DurationField{NL_FIELD(actions.disable_after), 1s, 366 * 24h},
       kRestart, "An action that has only failed for so long is disabled."},

      {"auth.required", EnumField{NL_ENUM(auth.required), {"auto", "always"}}, kRestart,
       "auto: with no key made and a loopback address, tenant default is served without a key; "
       "always: never."},

      {"log.level", EnumField{NL_ENUM(log.level), {"debug", "info", "warn", "error"}}, kReload,
       "Least level of the server's own log on stderr."},
      {"log.format", EnumField{NL_ENUM(log.format), {"text", "json"}}, kReload,
       "Form of the server's own log."},

      {"shutdown.timeout", DurationField{NL_FIELD(shutdown.timeout), 0s, 1h}, kRestart,
       "How long running requests may take to finish when the server stops."},
  };
}

#undef NL_FIELD
#undef NL_ENUM

// Reading through accessors that give references needs a Config that may be written, though nothing
// is written.
template <typename Field>
const auto& Read(const Field& field, const Config& config) {
  return field.at(const_cast<Config&>(config));
}

std::string Join(const std::vector<std::string_view>& names, std::string_view between) {
  return fmt::format("{}", fmt::join(names, between));
}

template <typename Value>
Status OutOfBounds(std::string_view text, const Value& min, const Value& max) {
  return InvalidArgument(fmt::format("expected {} to {}, got \"{}\"", min, max, text));
}

Status SetField(const TextField& field, std::string_view text, Config* config) {
  if (text.find('\0') != std::string_view::npos)
    return InvalidArgument("expected text without zero bytes");
  if (field.check != nullptr) NL_RETURN_IF_ERROR(field.check(text));
  field.at(*config) = text;
  return Status::Ok();
}

Status SetField(const BoolField& field, std::string_view text, Config* config) {
  const auto value = ParseBool(text);
  if (!value) return InvalidArgument(fmt::format("expected true or false, got \"{}\"", text));
  field.at(*config) = *value;
  return Status::Ok();
}

Status SetField(const IntField& field, std::string_view text, Config* config) {
  const auto value = ParseInt(text);
  if (!value) return InvalidArgument(fmt::format("expected a whole number, got \"{}\"", text));
  if (*value < field.min || *value > field.max) return OutOfBounds(text, field.min, field.max);
  if (field.power_of_two && !std::has_single_bit(static_cast<uint64_t>(*value)))
    return InvalidArgument(fmt::format("expected a power of two, got \"{}\"", text));
  field.at(*config) = static_cast<int>(*value);
  return Status::Ok();
}

Status SetField(const BytesField& field, std::string_view text, Config* config) {
  const auto value = ParseBytes(text);
  if (!value) return InvalidArgument(fmt::format("expected a size like 64MiB, got \"{}\"", text));
  if (*value < field.min || *value > field.max)
    return OutOfBounds(text, FormatBytes(field.min), FormatBytes(field.max));
  if (*value % field.multiple_of != 0)
    return InvalidArgument(
        fmt::format("expected a multiple of {}, got \"{}\"", FormatBytes(field.multiple_of), text));
  field.at(*config) = *value;
  return Status::Ok();
}

Status SetField(const DurationField& field, std::string_view text, Config* config) {
  const auto value = ParseDurationText(text);
  if (!value) return InvalidArgument(fmt::format("expected a duration like 10s, got \"{}\"", text));
  if (*value < field.min || *value > field.max)
    return OutOfBounds(text, FormatDuration(field.min), FormatDuration(field.max));
  field.at(*config) = *value;
  return Status::Ok();
}

Status SetField(const EnumField& field, std::string_view text, Config* config) {
  const auto found = std::find(field.names.begin(), field.names.end(), text);
  if (found == field.names.end())
    return InvalidArgument(fmt::format("expected {}, got \"{}\"", Join(field.names, " or "), text));
  field.set(*config, static_cast<int>(found - field.names.begin()));
  return Status::Ok();
}

std::string GetField(const TextField& field, const Config& config) { return Read(field, config); }
std::string GetField(const BoolField& field, const Config& config) {
  return Read(field, config) ? "true" : "false";
}
std::string GetField(const IntField& field, const Config& config) {
  return std::to_string(Read(field, config));
}
std::string GetField(const BytesField& field, const Config& config) {
  return FormatBytes(Read(field, config));
}
std::string GetField(const DurationField& field, const Config& config) {
  return FormatDuration(Read(field, config));
}
std::string GetField(const EnumField& field, const Config& config) {
  return std::string(field.names[static_cast<size_t>(field.get(config))]);
}

std::string_view TypeOf(const TextField& field) { return field.is_path ? "path" : "string"; }
std::string_view TypeOf(const BoolField&) { return "bool"; }
std::string_view TypeOf(const IntField&) { return "int"; }
std::string_view TypeOf(const BytesField&) { return "bytes"; }
std::string_view TypeOf(const DurationField&) { return "duration"; }
std::string_view TypeOf(const EnumField&) { return "enum"; }

std::string BoundsOf(const TextField&) { return ""; }
std::string BoundsOf(const BoolField&) { return "true|false"; }
std::string BoundsOf(const IntField& field) { return fmt::format("{}..{}", field.min, field.max); }
std::string BoundsOf(const BytesField& field) {
  return FormatBytes(field.min) + ".." + FormatBytes(field.max);
}
std::string BoundsOf(const DurationField& field) {
  return FormatDuration(field.min) + ".." + FormatDuration(field.max);
}
std::string BoundsOf(const EnumField& field) { return Join(field.names, "|"); }

// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
size_t TypingErrors(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> errors(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) errors[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) errors[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = errors[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      errors[i][j] = std::min({errors[i - 1][j] + 1, errors[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        errors[i][j] = std::min(errors[i][j], errors[i - 2][j - 2] + 1);
    }
  }
  return errors[a.size()][b.size()];
}

}  // namespace

Status Option::Set(std::string_view text, Config* config) const {
  return std::visit([&](const auto& f) { return SetField(f, text, config); }, field);
}

std::string Option::Get(const Config& config) const {
  return std::visit([&](const auto& f) { return GetField(f, config); }, field);
}

std::string_view Option::type() const {
  return std::visit([](const auto& f) { return TypeOf(f); }, field);
}

std::string Option::bounds() const {
  return std::visit([](const auto& f) { return BoundsOf(f); }, field);
}

std::string_view Option::section() const {
  const size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

std::string_view Option::name() const { return key.substr(key.find('.') + 1); }

std::string Option::environment_name() const {
  std::string result = "NEURALLOG_";
  for (const char c : key)
    result.push_back(c == '.' ? '_'
                              : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return result;
}

std::string Option::flag() const {
  std::string result = "--";
  for (const char c : key) result.push_back(c == '.' || c == '_' ? '-' : c);
  return result;
}

const std::vector<Option>& OptionTable() {
  static const std::vector<Option> table = MakeTable();
  return table;
}

const Option* FindOption(std::string_view key) {
  for (const Option& option : OptionTable())
    if (option.key == key) return &option;
  return nullptr;
}

std::string_view Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  static constexpr size_t kWordBytesMax = 64;  // longer than every option; bounds the work
  if (word.size() > kWordBytesMax) return {};
  std::string_view nearest;
  size_t fewest = word.size() / 3 + 2;
  for (const std::string& candidate : candidates) {
    const size_t errors = TypingErrors(word, candidate);
    if (errors >= fewest) continue;
    fewest = errors;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace neurallog::config
