// Reading on past what cannot be read. Internal: no other room includes it.
//
// An iterator of RocksDB ends at a damaged data block or blob and does not say how far the damage goes. The keys behind it are found by
// seeking: with steps that double until a seek succeeds, then by halving. One damaged data block costs about 200 seeks.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::storage {

// A stretch of keys that cannot be read; `end` is the next key that can, or the end of what was asked for.
struct UnreadableKeys {
  std::string begin;
  std::string end;
  std::string what;
};

// Makes an iterator over [begin, end), with the options that all reads of one scan share.
using MakeIterator = std::function<std::unique_ptr<rocksdb::Iterator>()>;

// Visits the keys from `begin` to the iterator's upper bound. Keys longer than 32 bytes may be skipped behind damage. Ends at the first
// error of `visit`.
Status SalvageScan(const MakeIterator& make, std::string begin, const std::string& end,
                   const std::function<Status(std::string_view key, std::string_view value)>& visit,
                   const std::function<void(const UnreadableKeys&)>& damage);

}  // namespace neurallog::storage
