// The figures of GET /v1/partitions and GET /v1/storage, gathered from block headers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "ingest/tenant_log.h"
#include "storage/directory.h"

namespace neurallog::api {

inline constexpr size_t kReportedColumnsMax = 200;  // the largest
inline constexpr size_t kReportedTemplatesMax = 50;

struct PartitionReport {
  storage::PartitionPtr partition;
  storage::StoredTotals totals;
  size_t tenants = 0;
  storage::PartitionStats files;
};

struct ColumnReport {
  std::string name;
  uint64_t bytes = 0;
  uint64_t values = 0;
  // Of the blocks that know how long their values are, as texts and as they are stored.
  uint64_t value_bytes = 0;
  uint64_t compressed_bytes = 0;
  std::array<uint64_t, block::kEncodings> blocks{};  // by encoding
};

struct TemplateReport {
  uint64_t hash = 0;
  uint64_t rows = 0;  // as far as it is among the most frequent of its blocks
  std::string column;
  std::string text;  // variables as <*>; empty when its block could not be read
};

struct StorageReport {
  storage::StoredTotals totals;
  uint64_t deleted_rows = 0;  // still in blocks
  uint64_t index_bytes = 0;
  std::vector<ColumnReport> columns;  // the largest, in order
  size_t columns_total = 0;
  uint64_t templates_max = 0;  // of a column in one block
  std::vector<TemplateReport> top_templates;
};

std::string_view EncodingName(block::Encoding encoding);

// By time. With a tenant its blocks only, and only partitions that hold some; else those of all tenants, whose headers are read for it.
Result<std::vector<PartitionReport>> ReportPartitions(engine::Engine& engine,
                                                      ingest::TenantLog* log);
// Looks at all headers of the tenant, and decodes the templates of the blocks that the most frequent ones are in.
Result<StorageReport> ReportStorage(engine::Engine& engine, ingest::TenantLog* log);

}  // namespace neurallog::api
