#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "server/server.h"

namespace neurallog::server {
namespace {

// systemd's notification protocol: one datagram to the socket that NOTIFY_SOCKET names ('@' first: abstract).
void NotifySystemd(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || std::strlen(path) >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                                               reinterpret_cast<const sockaddr*>(&address), length);
  close(fd);
}

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

int RunUntilSignal(const config::LoadSource& source, const config::Config& config) {
  // Blocked before any thread is started, so that only sigwait below sees them.
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto server = Server::Start(config);
  if (!server.ok()) {
    base::LogError("cannot start", {{"error", server.status().ToString()}});
    return 1;
  }
  NotifySystemd("READY=1");
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    auto fresh = config::Load(source);
    if (fresh.ok()) {
      (*server)->Reload(*fresh);
    } else {
      base::LogError("reload: the configuration is not valid; nothing changes",
                     {{"error", fresh.status().ToString()}});
    }
  }
  NotifySystemd("STOPPING=1");
  (*server)->Stop();
  return 0;
}

}  // namespace neurallog::server
