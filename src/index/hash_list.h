// The token hashes of one block as they are stored until a segment covers the block: about 2.6
// bytes each, searched where they lie.
//
//   std::string bytes = EncodeHashList(set.SortedHashes());
//   NL_TRY(HashList list, HashList::Decode(bytes));
//   if (!list.MayContain(HashToken("timeout"))) ...   // no row of the block holds the token
//
// docs/formats/index.md
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/elias_fano.h"
#include "index/token.h"
#include "neurallog/status.h"

namespace neurallog::index {

// `hashes` ascending and distinct.
std::string EncodeHashList(std::span<const TokenHash> hashes);

// Points into the encoded bytes, which must outlive it. Immutable, thread-safe.
class HashList {
 public:
  // Checks the checksum and trusts no byte: Corruption says what is wrong.
  static Result<HashList> Decode(std::string_view bytes);

  size_t size() const { return hashes_.size(); }
  bool MayContain(TokenHash hash) const { return hashes_.Find(hash).has_value(); }
  const EliasFano& hashes() const { return hashes_; }

 private:
  explicit HashList(const EliasFano& hashes) : hashes_(hashes) {}
  EliasFano hashes_;
};

}  // namespace neurallog::index
