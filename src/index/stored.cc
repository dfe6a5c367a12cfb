#include "index/stored.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"

namespace neurallog::index {

void Seal(std::string* to) {
  base::AppendLe<uint32_t>(to, base::Crc32c(0, to->data(), to->size()));
}

Result<std::string_view> Unseal(std::string_view bytes, std::string_view what) {
  if (bytes.size() < sizeof(uint32_t))
    return Corruption(fmt::format("{}: {} bytes are too few", what, bytes.size()));
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  const auto stored = base::LoadLe<uint32_t>(body.data() + body.size());
  if (stored != base::Crc32c(0, body.data(), body.size()))
    return Corruption(fmt::format("{}: checksum mismatch", what));
  return body;
}

}  // namespace neurallog::index
