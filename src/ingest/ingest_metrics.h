// The figures of the write path.
#pragma once

#include "metrics/registry.h"

namespace neurallog::ingest {

struct IngestMetrics {
  explicit IngestMetrics(metrics::Registry* registry)
      : logs(registry->AddCounter("neurallog_ingest_logs_total", "Log records made durable.")),
        batches(registry->AddCounter("neurallog_ingest_batches_total", "Batches made durable.")),
        wal_bytes(registry->AddCounter("neurallog_wal_written_bytes_total",
                                       "Bytes of frames written to the write-ahead log.")),
        wal_groups(registry->AddCounter("neurallog_wal_groups_total",
                                        "Group commits (one fdatasync each).")),
        wal_errors(
            registry->AddCounter("neurallog_wal_errors_total", "Group commits that failed.")),
        wal_sync(registry->AddHistogram("neurallog_wal_sync_seconds",
                                        "Time to write and sync one group.")),
        carried_rows(registry->AddCounter("neurallog_wal_carried_rows_total",
                                          "Rows written to the log again, to release segments.")),
        carried_bytes(registry->AddCounter("neurallog_wal_carried_bytes_total",
                                           "Bytes of frames that carry rows forward.")),
        seals(registry->AddCounter("neurallog_blocks_sealed_total", "Blocks written.")),
        sealed_rows(
            registry->AddCounter("neurallog_blocks_sealed_rows_total", "Rows written in blocks.")),
        sealed_bytes(registry->AddCounter("neurallog_blocks_sealed_bytes_total",
                                          "Bytes of blocks written.")),
        seal_errors(registry->AddCounter("neurallog_block_seal_errors_total",
                                         "Blocks that could not be written.")),
        seal_time(registry->AddHistogram("neurallog_block_seal_seconds",
                                         "Time to build and write the blocks of one seal.")) {}

  metrics::Counter& logs;
  metrics::Counter& batches;
  metrics::Counter& wal_bytes;
  metrics::Counter& wal_groups;
  metrics::Counter& wal_errors;
  metrics::Histogram& wal_sync;
  metrics::Counter& carried_rows;
  metrics::Counter& carried_bytes;
  metrics::Counter& seals;
  metrics::Counter& sealed_rows;
  metrics::Counter& sealed_bytes;
  metrics::Counter& seal_errors;
  metrics::Histogram& seal_time;
};

}  // namespace neurallog::ingest
