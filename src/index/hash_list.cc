#include "index/hash_list.h"

#include <fmt/format.h>

#include "index/stored.h"

namespace neurallog::index {
namespace {
constexpr uint8_t kHashListVersion = 1;
}  // namespace

std::string EncodeHashList(std::span<const TokenHash> hashes) {
  std::string bytes(1, static_cast<char>(kHashListVersion));
  AppendEliasFano(hashes, 0, &bytes);
  Seal(&bytes);
  return bytes;
}

Result<HashList> HashList::Decode(std::string_view bytes) {
  NL_TRY(const std::string_view body, Unseal(bytes, "hash list"));
  base::ByteReader reader(body);
  const auto version = reader.ReadLe<uint8_t>();
  if (version != kHashListVersion)
    return Corruption(fmt::format("hash list: version {}", version));
  NL_TRY(const EliasFano hashes, EliasFano::Decode(0, &reader));
  if (!reader.empty()) return Corruption("hash list: bytes left over");
  return HashList(hashes);
}

}  // namespace neurallog::index
