// How far a file has been imported, kept beside it in FILE.neurallog-import.
#pragma once

#include <cstdint>
#include <string>

#include "neurallog/status.h"

namespace neurallog::cli {

struct ImportPlace {
  int64_t run = 0;             // when the import began, a part of its batches' keys; 0: it did not
  uint64_t first_record = 0;   // its hash: another one means another file of that name
  uint64_t batch_records = 0;  // the same batches are made when it goes on
  uint64_t offset = 0;
  uint64_t accepted = 0;
  uint64_t rejected = 0;
};

// Of standard input nothing is kept. Not thread-safe.
class ImportPlaceFile {
 public:
  explicit ImportPlaceFile(const std::string& input);

  // A place whose run is 0 when there is none.
  ImportPlace Load() const;
  Status Save(const ImportPlace& place) const;
  void Remove() const;

 private:
  const std::string path_;
};

}  // namespace neurallog::cli
