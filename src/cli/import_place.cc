#include "cli/import_place.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace neurallog::cli {

ImportPlaceFile::ImportPlaceFile(const std::string& input)
    : path_(input == "-" ? "" : input + ".neurallog-import") {}

ImportPlace ImportPlaceFile::Load() const {
  ImportPlace place;
  std::ifstream file(path_);
  if (file >> place.run >> place.first_record >> place.batch_records >> place.offset >>
      place.accepted >> place.rejected)
    return place;
  return {};
}

Status ImportPlaceFile::Save(const ImportPlace& place) const {
  if (path_.empty()) return {};
  const std::string fresh = path_ + ".new";
  std::ofstream file(fresh);
  file << place.run << ' ' << place.first_record << ' ' << place.batch_records << ' '
       << place.offset << ' ' << place.accepted << ' ' << place.rejected << '\n';
  file.close();
  if (file && std::rename(fresh.c_str(), path_.c_str()) == 0) return {};
  return IoError(std::string("write ").append(path_).append(": ").append(std::strerror(errno)));
}

void ImportPlaceFile::Remove() const {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove(path_, ignored);
}

}  // namespace neurallog::cli
