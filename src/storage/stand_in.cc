#include "storage/stand_in.h"

#include <rocksdb/env.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cstring>

#include "storage/store_rocks.h"

namespace neurallog::storage {
namespace {

// A table ends with a footer of this size (format version 5), which says where its parts are.
constexpr uint32_t kFormatVersion = 5;
constexpr size_t kFooterBytes = 53;

class StandInFile : public rocksdb::FSRandomAccessFile {
 public:
  explicit StandInFile(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  rocksdb::IOStatus Read(uint64_t offset, size_t n, const rocksdb::IOOptions&,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext*) const override {
    const size_t at = std::min<size_t>(offset, bytes_->size());
    const size_t count = std::min(n, bytes_->size() - at);
    std::memcpy(scratch, bytes_->data() + at, count);
    *result = {scratch, count};
    return rocksdb::IOStatus::OK();
  }

 private:
  const std::shared_ptr<const std::string> bytes_;
};

class FilesWithStandIns : public rocksdb::FileSystemWrapper {
 public:
  explicit FilesWithStandIns(std::map<std::string, std::string> bytes)
      : FileSystemWrapper(rocksdb::FileSystem::Default()) {
    for (auto& [name, of_name] : bytes)
      bytes_[name] = std::make_shared<const std::string>(std::move(of_name));
  }
  const char* Name() const override { return "FilesWithStandIns"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    const auto found = bytes_.find(path.substr(path.rfind('/') + 1));
    if (found == bytes_.end()) return target()->NewRandomAccessFile(path, options, file, debug);
    *file = std::make_unique<StandInFile>(found->second);
    return rocksdb::IOStatus::OK();
  }

 private:
  std::map<std::string, std::shared_ptr<const std::string>> bytes_;
};

Result<std::string> WriteTable(const std::string& key) {
  const std::unique_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  rocksdb::BlockBasedTableOptions table;
  table.format_version = kFormatVersion;
  rocksdb::Options options;
  options.env = memory.get();
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
  const std::string path = "/stand-in.sst";
  std::string bytes;
  rocksdb::Status status = writer.Open(path);
  if (status.ok()) status = writer.Delete(key);
  if (status.ok()) status = writer.Finish();
  if (status.ok()) status = rocksdb::ReadFileToString(memory.get(), path, &bytes);
  NL_RETURN_IF_ERROR(FromRocks(status, "make a stand-in"));
  return bytes;
}

}  // namespace

Result<std::string> MakeStandIn(const rocksdb::SstFileMetaData& lost) {
  NL_TRY(std::string bytes, WriteTable(lost.smallestkey));
  if (bytes.size() > lost.size)
    return InvalidArgument(lost.name + " has " + std::to_string(lost.size) +
                           " bytes, too few for a stand-in");
  bytes.insert(bytes.size() - kFooterBytes, lost.size - bytes.size(), '\0');
  return bytes;
}

std::shared_ptr<rocksdb::FileSystem> WithStandIns(
    std::map<std::string, std::string> bytes_by_name) {
  return std::make_shared<FilesWithStandIns>(std::move(bytes_by_name));
}

}  // namespace neurallog::storage
