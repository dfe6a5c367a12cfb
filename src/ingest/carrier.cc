#include "ingest/carrier.h"

namespace neurallog::ingest {

Status Carrier::CarryForward(const CarryJob& job, uint64_t* bytes) {
  for (TenantLog* tenant : job.tenants) Stage(tenant, job.before);
  *bytes = writer_->group_bytes();
  const Status status = writer_->Sync();
  if (status.ok()) {
    metrics_->carried_bytes.Add(*bytes);
    for (Carried& carried : staged_) Commit(&carried);
  }
  for (const Carried& carried : staged_) sealer_->Unhold(carried.tenant);
  staged_.clear();
  return status;
}

void Carrier::Stage(TenantLog* tenant, wal::Lsn before) {
  if (!sealer_->TryHold(tenant)) return;
  const TenantLog::Buffered buffered = tenant->buffered();
  TenantLog::Carry carry;
  if (buffered.oldest_lsn != 0 && buffered.oldest_lsn < before) carry = tenant->BeginCarry();
  if (!carry.batch || carry.batch->payload_bytes() > wal::kPayloadBytesMax) {
    sealer_->Unhold(tenant);
    return;
  }
  wal::FrameInfo info;
  info.tenant = tenant->id();
  info.rows = carry.batch->rows();
  info.written_ns = clock_->WallNs();
  info.carried_from_lsn = carry.from.lsn;
  info.carried_from_row = carry.from.row;
  const wal::Lsn lsn = writer_->Add(info, *carry.batch);
  staged_.push_back({tenant, std::move(carry.batch), lsn});
}

void Carrier::Commit(Carried* carried) {
  metrics_->carried_rows.Add(carried->batch->rows());
  const TenantLog::CarriedBytes bytes =
      carried->tenant->CommitCarry(std::move(carried->batch), carried->lsn);
  sealer_->OnReplaced(bytes.freed, bytes.added);
}

}  // namespace neurallog::ingest
