// Adds "_id" to the lines of another writer, where they are records.
#include "query/block_plans.h"
#include "query/record_id.h"
#include "query/row_writer.h"

namespace neurallog::query {
namespace {

class IdWriter : public RowWriter {
 public:
  explicit IdWriter(std::unique_ptr<RowWriter> writer) : writer_(std::move(writer)) {}

  Status Prepare(Batch& batch) override {
    is_record_ = !batch.rows->is_table();
    if (is_record_)
      NL_RETURN_IF_ERROR(
          ids_.Choose(batch, [&](RecordIds* ids) { return ids->Prepare(*batch.rows); }));
    return writer_->Prepare(batch);
  }

  void Write(uint32_t row, std::string* out) override {
    const size_t begin = out->size();
    writer_->Write(row, out);
    if (!is_record_) return;
    if (out->size() == begin) {
      out->push_back('{');
    } else {
      out->erase(out->size() - 2);  // "}\n"
    }
    if (out->back() != '{') out->push_back(',');
    out->append("\"_id\":\"");
    AppendRecordId(out, ids_.current().Of(row));
    out->append("\"}\n");
  }

 private:
  const std::unique_ptr<RowWriter> writer_;
  BlockPlans<RecordIds> ids_;
  bool is_record_ = false;
};

}  // namespace

std::unique_ptr<RowWriter> MakeIdWriter(std::unique_ptr<RowWriter> writer) {
  return std::make_unique<IdWriter>(std::move(writer));
}

}  // namespace neurallog::query
