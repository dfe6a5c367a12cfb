#include "cli/export_output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace neurallog::cli {
namespace {

api::Compression CompressionOf(std::string_view path) {
  if (path.ends_with(".gz")) return api::Compression::kGzip;
  return path.ends_with(".zst") ? api::Compression::kZstd : api::Compression::kNone;
}

Status Failed(const std::string& what) {
  const int error = errno;
  return IoError(std::string(what).append(": ").append(std::strerror(error)));
}

}  // namespace

ExportOutput::ExportOutput(std::string path, std::string asked)
    : path_(std::move(path)), asked_(std::move(asked)), compression_(CompressionOf(path_)) {}

Result<std::unique_ptr<ExportOutput>> ExportOutput::Open(const std::string& path,
                                                         const std::string& asked, bool resume) {
  std::unique_ptr<ExportOutput> output(new ExportOutput(path, asked));
  output->out_ = stdout;
  if (!output->is_file()) return output;
  if (resume) output->LoadPlace();
  const std::string part = output->PartPath();
  output->out_ = std::fopen(part.c_str(), output->cursor_.empty() ? "wb" : "ab");
  if (output->out_ == nullptr) return Failed("create " + part);
  if (ftruncate(fileno(output->out_), static_cast<off_t>(output->bytes_whole_)) != 0)
    return Failed("write " + part);
  return output;
}

ExportOutput::~ExportOutput() {
  if (is_file() && out_ != nullptr) std::fclose(out_);
  std::error_code ignored;
  if (is_file() && bytes_whole_ == 0) std::filesystem::remove(PartPath(), ignored);
}

void ExportOutput::LoadPlace() {
  std::ifstream file(PlacePath());
  std::string asked, cursor;
  uint64_t bytes = 0;
  if (!std::getline(file, asked) || asked != asked_ || !(file >> cursor >> bytes)) return;
  std::error_code error;
  const uint64_t there = std::filesystem::file_size(PartPath(), error);
  if (error || there < bytes) return;
  cursor_ = cursor;
  bytes_whole_ = bytes;
}

Status ExportOutput::SavePlace() const {
  const std::string fresh = PlacePath() + ".new";
  std::ofstream file(fresh);
  file << asked_ << '\n' << cursor_ << ' ' << bytes_whole_ << '\n';
  file.close();
  if (!file || std::rename(fresh.c_str(), PlacePath().c_str()) != 0)
    return Failed("write " + fresh);
  return {};
}

Status ExportOutput::Append(std::string_view text) {
  std::string piece(text);
  if (compression_ != api::Compression::kNone) {
    if (!compressor_) compressor_ = api::MakeCompressor(compression_);
    NL_RETURN_IF_ERROR(compressor_->Compress(&piece, /*is_last=*/false));
  }
  held_.append(piece);
  bytes_of_page_ += piece.size();
  return held_.size() > kHeldBytesMax ? Write() : Status();
}

Status ExportOutput::Write() {
  is_written_ = true;
  if (std::fwrite(held_.data(), 1, held_.size(), out_) != held_.size() || std::fflush(out_) != 0) {
    reader_gone_ = !is_file() && errno == EPIPE;
    return Failed("write " + (is_file() ? PartPath() : "the output"));
  }
  held_.clear();
  return {};
}

// Each page is a gzip member or a zstd frame of its own; readers put them together.
Status ExportOutput::EndPage(const std::string& cursor) {
  if (compressor_) {
    std::string rest;
    NL_RETURN_IF_ERROR(compressor_->Compress(&rest, /*is_last=*/true));
    held_.append(rest);
    bytes_of_page_ += rest.size();
    compressor_.reset();
  }
  NL_RETURN_IF_ERROR(Write());
  is_written_ = false;
  bytes_whole_ += std::exchange(bytes_of_page_, 0);
  cursor_ = cursor;
  if (!is_file()) return {};
  if (fdatasync(fileno(out_)) != 0) return Failed("write " + PartPath());
  return cursor_.empty() ? Status() : SavePlace();
}

bool ExportOutput::DropPage() {
  held_.clear();
  compressor_.reset();
  bytes_of_page_ = 0;
  if (!std::exchange(is_written_, false)) return true;
  return is_file() && ftruncate(fileno(out_), static_cast<off_t>(bytes_whole_)) == 0 &&
         std::fseek(out_, 0, SEEK_END) == 0;
}

Status ExportOutput::Finish() {
  if (!is_file()) return {};
  if (std::fclose(std::exchange(out_, nullptr)) != 0 ||
      std::rename(PartPath().c_str(), path_.c_str()) != 0)
    return Failed("write " + path_);
  std::error_code ignored;
  std::filesystem::remove(PlacePath(), ignored);
  return {};
}

}  // namespace neurallog::cli
