// Sends the records of a file in batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "cli/import_place.h"
#include "cli/log_work.h"
#include "cli/record_reader.h"
#include "cli/terminal.h"

namespace neurallog::cli {

// A small file beside the input says how far it was sent, so that a run that was ended goes on
// there; each batch has an idempotency key, so that one that was sent and whose answer was lost is
// not stored twice.
//
//   Importer importer(source, options, "app.ndjson.gz");
//   NL_RETURN_IF_ERROR(importer.Run());
//   importer.Forget();    // when all files of the command are in
//
// Holds one batch at a time. Not thread-safe.
class Importer {
 public:
  Importer(LogSource* source, const ImportOptions& options, std::string path);

  // Unavailable when the server stayed away; what was sent until then is counted.
  Status Run();
  uint64_t accepted() const { return place_.accepted; }
  uint64_t rejected() const { return place_.rejected; }
  // The next import of this file begins at the beginning.
  void Forget() const { place_file_.Remove(); }

 private:
  Result<InputFormat> ChooseFormat(RecordReader* reader) const;
  // Where an earlier run of this file stopped, or the beginning.
  void FindPlace(const std::string& first_record);
  Status Take(const RecordReader& reader, const std::string& record);
  Status Send();
  http::ClientRequest BatchRequest() const;
  Status TakeAnswer(const http::ClientResponse& response);
  Status Count(const http::ClientResponse& response);
  void ShowErrors(const base::JsonValue& answer);
  void ShowError(uint64_t line, const std::string& reason);

  LogSource* const source_;
  const ImportOptions& options_;
  const std::string path_;
  const ImportPlaceFile place_file_;
  Progress progress_;
  ImportPlace place_;
  bool keeps_place_ = true;
  size_t errors_ = 0;
  InputFormat format_ = InputFormat::kNdjson;
  std::vector<std::string> names_;  // of CSV columns

  // The batch.
  std::string body_;
  std::vector<uint64_t> lines_;  // of its records in the file
  uint64_t end_ = 0;             // of its last record
};

}  // namespace neurallog::cli
