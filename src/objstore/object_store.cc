#include "objstore/object_store.h"

#include <algorithm>

namespace neurallog::objstore {

Result<std::string> ReadObject(const ObjectStore& store, const std::string& name,
                               size_t bytes_max) {
  constexpr size_t kStep = 64 << 10;
  NL_TRY(const std::unique_ptr<ObjectReader> reader, store.Open(name));
  std::string bytes;
  for (;;) {
    const size_t before = bytes.size();
    bytes.resize(before + kStep);
    NL_TRY(const size_t got, reader->Read(bytes.data() + before, kStep));
    bytes.resize(before + got);
    if (bytes.size() > bytes_max)
      return TooLarge("object " + name + " has more than " + std::to_string(bytes_max) + " bytes");
    if (got < kStep) return bytes;
  }
}

}  // namespace neurallog::objstore
