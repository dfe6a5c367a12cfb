// Where an export goes: a file, perhaps compressed, or standard output; page by page.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "api/compressor.h"
#include "neurallog/status.h"

namespace neurallog::cli {

// Pages go to FILE.part, which gets its name when the export is complete. FILE.export says what was
// asked and how far the pages came that are whole, so that an export that was ended goes on there.
// A page is held until it is whole, so that it can be asked for again; one that is larger than
// kHeldBytesMax is not, and then only a file can be put back.
//
//   NL_TRY(const auto output, ExportOutput::Open("june.ndjson.zst", asked, /*resume=*/true));
//   while (...) { output->Append(piece); ... output->EndPage(cursor); }
//   return output->Finish();
//
// Not thread-safe.
class ExportOutput {
 public:
  static constexpr size_t kHeldBytesMax = 64u << 20;

  // An empty `path` is standard output. `asked` is one line; with another one than before, or
  // without `resume`, the export begins anew.
  static Result<std::unique_ptr<ExportOutput>> Open(const std::string& path,
                                                    const std::string& asked, bool resume);
  ~ExportOutput();

  // Where to go on; empty: at the beginning.
  const std::string& cursor() const { return cursor_; }
  uint64_t bytes() const { return bytes_whole_ + bytes_of_page_; }

  Status Append(std::string_view text);
  // All that was appended is whole; `cursor` is where the next page begins.
  Status EndPage(const std::string& cursor);
  // Forgets what was appended since the last page. False when it has been written and cannot be
  // taken back.
  bool DropPage();
  Status Finish();
  // Nobody reads standard output any more.
  bool reader_gone() const { return reader_gone_; }

 private:
  ExportOutput(std::string path, std::string asked);
  std::string PartPath() const { return path_ + ".part"; }
  std::string PlacePath() const { return path_ + ".export"; }
  // What an earlier run left, when it can be continued.
  void LoadPlace();
  Status SavePlace() const;
  Status Write();
  bool is_file() const { return !path_.empty(); }

  const std::string path_;
  const std::string asked_;
  const api::Compression compression_;
  std::FILE* out_ = nullptr;
  std::string cursor_;
  uint64_t bytes_whole_ = 0;  // in the file, of whole pages

  // Of the page.
  std::unique_ptr<api::Compressor> compressor_;
  std::string held_;
  uint64_t bytes_of_page_ = 0;  // held or written
  bool is_written_ = false;     // in part
  bool reader_gone_ = false;
};

}  // namespace neurallog::cli
