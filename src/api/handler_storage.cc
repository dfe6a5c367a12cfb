// What is stored: GET /v1/partitions and GET /v1/storage.
#include <fmt/format.h>

#include <algorithm>

#include "api/admin_request.h"
#include "api/deletion_json.h"
#include "api/json_members.h"
#include "api/storage_report.h"
#include "base/json_text.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

void AppendTimes(std::string* json, const storage::StoredTotals& totals) {
  if (totals.blocks == 0) return;
  AppendText(json, "oldest", base::FormatRfc3339(totals.min_ns));
  AppendText(json, "newest", base::FormatRfc3339(totals.max_ns));
}
void AppendTotals(std::string* json, const storage::StoredTotals& totals) {
  AppendNumber(json, "rows", totals.rows);
  AppendNumber(json, "blocks", totals.blocks);
  AppendNumber(json, "bytes", totals.bytes);
}

// A partition as an administrator sees it, with everybody's blocks; or as a tenant does, with its own.
std::string PartitionJson(const PartitionReport& report, bool with_files) {
  const storage::Partition& partition = *report.partition;
  std::string json = "{\"name\":";
  base::AppendJsonString(&json, partition.name());
  AppendText(&json, "class", tenant::ClassName(partition.kind().retention_class));
  if (partition.kind().granularity != storage::Granularity::kAll) {
    AppendText(&json, "start", base::FormatRfc3339(partition.range().start_ns));
    AppendText(&json, "end", base::FormatRfc3339(partition.range().end_ns));
  }
  AppendTotals(&json, report.totals);
  AppendTimes(&json, report.totals);
  if (with_files) {
    AppendNumber(&json, "tenants", report.tenants);
    AppendNumber(&json, "disk_bytes", report.files.disk_bytes);
    AppendNumber(&json, "garbage_bytes", report.files.garbage_bytes);
    AppendNumber(&json, "memtable_bytes", report.files.memtable_bytes);
  }
  return json.append("}");
}

// 0 when the whole is 0.
void AppendRatio(std::string* json, std::string_view name, uint64_t part, uint64_t whole) {
  const double ratio = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  json->append(fmt::format(",\"{}\":{:.4f}", name, ratio));
}

void AppendColumn(std::string* json, const ColumnReport& column, uint64_t all_bytes) {
  json->append("{\"name\":");
  base::AppendJsonString(json, column.name);
  AppendNumber(json, "bytes", column.bytes);
  AppendRatio(json, "share", column.bytes, all_bytes);
  AppendNumber(json, "values", column.values);
  AppendNumber(json, "value_bytes", column.value_bytes);
  AppendRatio(json, "compression_ratio", column.value_bytes, column.compressed_bytes);
  json->append(",\"blocks\":{");
  for (size_t i = 0; i < column.blocks.size(); ++i) {
    if (column.blocks[i] == 0) continue;
    if (json->back() != '{') json->push_back(',');
    json->append("\"").append(EncodingName(static_cast<block::Encoding>(i))).append("\":");
    json->append(std::to_string(column.blocks[i]));
  }
  json->append("}}");
}

void AppendTemplates(std::string* json, const StorageReport& report) {
  json->append(",\"templates\":{\"per_block_max\":").append(std::to_string(report.templates_max));
  json->append(",\"top\":[");
  for (const TemplateReport& top : report.top_templates) {
    if (json->back() != '[') json->push_back(',');
    char hash[32];
    std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(top.hash));
    json->append("{\"hash\":\"").append(hash).append("\"");
    AppendNumber(json, "rows", top.rows);
    AppendText(json, "column", top.column);
    AppendText(json, "text", top.text);
    json->push_back('}');
  }
  json->append("]}");
}

std::string StorageJson(engine::Engine& engine, const ingest::TenantLog& log,
                        const StorageReport& report) {
  const auto properties = log.properties();
  const auto buffered = log.buffered();
  std::string json = "{\"tenant\":";
  base::AppendJsonString(&json, log.name());
  AppendText(&json, "retention", RetentionText(properties.retention_ns));
  AppendText(&json, "retention_in_force", RetentionText(engine.RetentionOf(log)));
  AppendText(&json, "disk_quota", QuotaText(properties.disk_quota_bytes));
  AppendTotals(&json, report.totals);
  AppendNumber(&json, "deleted_rows", report.deleted_rows);
  AppendTimes(&json, report.totals);
  AppendNumber(&json, "index_bytes", report.index_bytes);
  AppendNumber(&json, "unsealed_rows", buffered.rows);
  AppendNumber(&json, "unsealed_bytes", buffered.bytes);
  json.append(",\"columns\":[");
  for (const ColumnReport& column : report.columns) {
    if (json.back() != '[') json.push_back(',');
    AppendColumn(&json, column, report.totals.bytes);
  }
  json.append("]");
  AppendNumber(&json, "columns_total", report.columns_total);
  AppendTemplates(&json, report);
  return json.append("}\n");
}

std::string ServerJson(engine::Engine& engine) {
  const storage::StoreStats stats = engine.store().stats();
  std::string json = "{\"disk_bytes\":" + std::to_string(stats.disk_bytes);
  AppendNumber(&json, "garbage_bytes", stats.garbage_bytes);
  AppendNumber(&json, "memtable_bytes", stats.memtable_bytes);
  AppendNumber(&json, "wal_bytes", engine.wal_bytes());
  AppendNumber(&json, "partitions", stats.partitions);
  AppendText(&json, "disk_quota", QuotaText(engine.disk_quota_bytes()));
  json.append(",\"tenants\":[");
  for (const ingest::TenantLog* log : engine.TenantLogs()) {
    if (log->deleted()) continue;
    if (json.back() != '[') json.push_back(',');
    json.append("{\"name\":");
    base::AppendJsonString(&json, log->name());
    if (const auto totals = log->stored()) AppendTotals(&json, *totals);
    AppendNumber(&json, "unsealed_rows", log->buffered().rows);
    json.push_back('}');
  }
  return json.append("]}\n");
}

}  // namespace

void HandlePartitions(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    const auto named = params.Find("tenant");
    NL_TRY(ingest::TenantLog * log, TenantAskedFor(on, named.value_or("")));
    const bool everybody = on.principal.is_admin() && !named;
    NL_TRY(const std::vector<PartitionReport> reports,
           ReportPartitions(on.api.engine(), everybody ? nullptr : log));
    std::string json = "{\"partitions\":[";
    for (const PartitionReport& report : reports) {
      if (json.back() != '[') json.push_back(',');
      json.append(PartitionJson(report, everybody));
    }
    SendJson(on.responder, 200, json.append("]}\n"));
    return {};
  });
}

void HandleStorage(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    NL_TRY(ingest::TenantLog * log, TenantAskedFor(on, params.Find("tenant").value_or("")));
    if (log == nullptr) {
      SendJson(on.responder, 200, ServerJson(on.api.engine()));
      return {};
    }
    NL_TRY(const StorageReport report, ReportStorage(on.api.engine(), log));
    SendJson(on.responder, 200, StorageJson(on.api.engine(), *log, report));
    return {};
  });
}

}  // namespace neurallog::api
