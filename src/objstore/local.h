// An object store in a folder: one file per object. A file gets its name when its bytes are synced, so a crash leaves whole objects and
// files named tmp-..., which the next holder of the lock removes.
#pragma once

#include <memory>
#include <string>

#include "io/file_system.h"
#include "objstore/object_store.h"

namespace neurallog::objstore {

// `file_system` must outlive the store. The folder is made when the first object is written or the lock is taken, not before.
std::unique_ptr<ObjectStore> OpenLocalStore(io::FileSystem* file_system,
                                            const std::string& directory);

}  // namespace neurallog::objstore
