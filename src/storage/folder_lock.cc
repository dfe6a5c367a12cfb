#include "storage/folder_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace neurallog::storage {

Result<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NotFound("open " + path + ": " + std::strerror(errno));
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  struct flock range {};
  range.l_type = F_RDLCK;
  range.l_whence = SEEK_SET;
  if (fcntl(fd, F_SETLK, &range) == 0) return lock;
  return Unavailable(path + ": another process, probably a server, has the folder open");
}

FolderLock::~FolderLock() { close(fd_); }

}  // namespace neurallog::storage
