#include "api/storage_report.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/hash.h"

namespace neurallog::api {
namespace {

using storage::BlockEntry;

void ReportNothing(const std::string&) {}  // queries report damage

// What is known of a template, and a block that holds it.
struct TemplateSource {
  uint64_t rows = 0;
  const BlockEntry* entry = nullptr;
  uint16_t column = 0;
};

class StorageReporter {
 public:
  void Add(const BlockEntry& entry) {
    report_.totals.Add(entry);
    if (entry.deleted) report_.deleted_rows += storage::CountDeleted(*entry.deleted);
    for (size_t i = 0; i < entry.header->columns.size(); ++i)
      AddColumn(entry, static_cast<uint16_t>(std::min<size_t>(i, UINT16_MAX)));
  }

  StorageReport Finish(engine::Engine& engine, const ingest::TenantLog& log) {
    for (auto& [name, column] : columns_) report_.columns.push_back(std::move(column));
    report_.columns_total = report_.columns.size();
    std::sort(report_.columns.begin(), report_.columns.end(),
              [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    if (report_.columns.size() > kReportedColumnsMax) report_.columns.resize(kReportedColumnsMax);
    for (const storage::PartitionPtr& partition : engine.store().Partitions())
      report_.index_bytes += engine.store().IndexBytes(*partition, log.keyspace());
    FindTopTemplates(engine, log);
    return std::move(report_);
  }

 private:
  void AddColumn(const BlockEntry& entry, uint16_t index) {
    const block::ColumnMeta& meta = entry.header->columns[index];
    ColumnReport& column = columns_[meta.name];
    if (column.name.empty()) column.name = meta.name;
    column.bytes += meta.chunk_bytes;
    column.values += meta.present_rows;
    if (meta.value_bytes > 0) {
      column.value_bytes += meta.value_bytes;
      column.compressed_bytes += meta.chunk_bytes;
    }
    ++column.blocks[static_cast<size_t>(meta.encoding)];
    report_.templates_max = std::max<uint64_t>(report_.templates_max, meta.templates);
    for (const block::TemplateCount& count : meta.top_templates) {
      TemplateSource& source = templates_[count.hash];
      source.rows += count.rows;
      source.entry = &entry;
      source.column = index;
    }
  }

  void FindTopTemplates(engine::Engine& engine, const ingest::TenantLog& log) {
    std::vector<std::pair<uint64_t, TemplateSource>> sorted(templates_.begin(), templates_.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return std::pair(b.second.rows, a.first) < std::pair(a.second.rows, b.first);
    });
    if (sorted.size() > kReportedTemplatesMax) sorted.resize(kReportedTemplatesMax);
    std::map<std::pair<const BlockEntry*, uint16_t>, std::map<uint64_t, std::string>> texts;
    for (const auto& [hash, source] : sorted) {
      const auto [found, first] = texts.try_emplace({source.entry, source.column});
      if (first) found->second = ReadTexts(engine, log, *source.entry, source.column);
      report_.top_templates.push_back({hash, source.rows,
                                       source.entry->header->columns[source.column].name,
                                       found->second[hash]});
    }
  }

  static std::map<uint64_t, std::string> ReadTexts(engine::Engine& engine,
                                                   const ingest::TenantLog& log,
                                                   const BlockEntry& entry, uint16_t column) {
    const block::ColumnMeta& meta = entry.header->columns[column];
    std::string chunk = meta.inline_chunk;
    if (chunk.empty()) {
      const auto view = engine.store().TakeView();
      auto read = engine.store().ReadColumn(entry, log.keyspace(), column, *view);
      if (!read.ok()) return {};
      chunk = std::move(read).value();
    }
    const auto decoded = block::DecodeTemplates(meta, entry.header->rows, chunk);
    if (!decoded.ok()) return {};
    std::map<uint64_t, std::string> texts;
    for (const std::string_view text : decoded->texts) {
      std::string shown;
      for (const char c : text) c == '\0' ? shown.append("<*>") : shown.append(1, c);
      texts[base::Hash64(text)] = std::move(shown);
    }
    return texts;
  }

  StorageReport report_;
  std::map<std::string, ColumnReport> columns_;
  std::unordered_map<uint64_t, TemplateSource> templates_;
};

}  // namespace

std::string_view EncodingName(block::Encoding encoding) {
  switch (encoding) {
    case block::Encoding::kConst: return "const";
    case block::Encoding::kDict: return "dict";
    case block::Encoding::kInts: return "ints";
    case block::Encoding::kStrings: return "strings";
    case block::Encoding::kTemplates: return "templates";
    case block::Encoding::kHex: return "hex";
    case block::Encoding::kIpv4: return "ipv4";
    case block::Encoding::kDecimal: return "decimal";
  }
  return "";
}

Result<std::vector<PartitionReport>> ReportPartitions(engine::Engine& engine,
                                                      ingest::TenantLog* log) {
  const storage::Store& store = engine.store();
  std::vector<PartitionReport> reports;
  for (const storage::PartitionPtr& partition : store.Partitions()) {
    PartitionReport report{partition, {}, 0, store.StatsOf(*partition)};
    std::vector<TenantId> tenants;
    if (log != nullptr) {
      tenants = {log->id()};
    } else {
      NL_TRY(tenants, store.TenantsIn(*partition));
    }
    for (const TenantId tenant : tenants) {
      std::vector<BlockEntry> entries;
      NL_RETURN_IF_ERROR(store.ReadHeaders(partition, storage::Keyspace(tenant, /*generation=*/0),
                                           &entries, ReportNothing));
      for (const BlockEntry& entry : entries) report.totals.Add(entry);
      report.tenants += !entries.empty();
    }
    if (log == nullptr || report.totals.blocks > 0) reports.push_back(std::move(report));
  }
  std::sort(reports.begin(), reports.end(), [](const auto& a, const auto& b) {
    return std::pair(a.partition->range().start_ns, a.partition->name()) <
           std::pair(b.partition->range().start_ns, b.partition->name());
  });
  return reports;
}

Result<StorageReport> ReportStorage(engine::Engine& engine, ingest::TenantLog* log) {
  NL_TRY(const auto directory, log->Blocks(ReportNothing));
  StorageReporter reporter;
  directory->ForEach([&](const BlockEntry& entry) { reporter.Add(entry); });
  return reporter.Finish(engine, *log);
}

}  // namespace neurallog::api
