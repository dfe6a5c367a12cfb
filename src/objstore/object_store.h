// Where backups go: named immutable objects. A folder is the first implementation (local.h).
//
//   NL_TRY(auto writer, store->Create("files/0a1b"));
//   NL_RETURN_IF_ERROR(writer->Append(bytes));          // any number of times
//   NL_RETURN_IF_ERROR(writer->Commit());               // now it is there, durable and whole
//
// Names are made of letters, digits, '.', '-', '_' and '/' between parts. An object is never changed; writing a name again replaces the
// object at once. Unavailable means that the place is full or cannot be reached, NotFound that there is no such object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::objstore {

struct ObjectInfo {
  std::string name;
  uint64_t bytes = 0;
};

// Not thread-safe. Dropped without Commit it leaves nothing under the name.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Status Append(std::string_view bytes) = 0;
  // OK: the object is durable under its name.
  virtual Status Commit() = 0;
};

// Reads front to back. Not thread-safe.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // Up to `count` bytes; fewer only at the end.
  virtual Result<size_t> Read(char* to, size_t count) = 0;
};

// Held by the one process that changes the store; let go when it is destroyed.
class StoreLock {
 public:
  virtual ~StoreLock() = default;
};

// Thread-safe.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name) = 0;
  virtual Result<std::unique_ptr<ObjectReader>> Open(const std::string& name) const = 0;
  // The objects whose names begin with `folder` and '/', sorted by name.
  virtual Result<std::vector<ObjectInfo>> List(const std::string& folder) const = 0;
  virtual Status Delete(const std::string& name) = 0;
  // Conflict when somebody else holds it. Readers need none.
  virtual Result<std::unique_ptr<StoreLock>> Lock() = 0;
};

// A whole small object: fails beyond `bytes_max`.
Result<std::string> ReadObject(const ObjectStore& store, const std::string& name, size_t bytes_max);

}  // namespace neurallog::objstore
