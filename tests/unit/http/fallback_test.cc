#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>

#include "http/client.h"
#include "http_test_support.h"

namespace neurallog::http {
namespace {

// What Docker's default profile does to io_uring_setup, _enter and _register.
bool ForbidIoUring(unsigned error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, __NR_io_uring_setup, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, __NR_io_uring_register, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{sizeof(filter) / sizeof(filter[0]), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// 0: served over epoll although io_uring was asked for.
int ServeWithoutIoUring(unsigned error) {
  if (!ForbidIoUring(error)) return 2;
  TestHandler handler;
  auto server = Server::Start(TestOptions(IoBackend::kIoUring), &handler);
  if (!server.ok()) return 3;
  if ((*server)->backend() != IoBackend::kEpoll) return 4;
  ClientRequest request;
  request.url = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/hello";
  const auto response = Fetch(request);
  return response.ok() && response->body == "hello" ? 0 : 5;
}

TEST_CASE("io_uring falls back to epoll where a seccomp profile refuses it") {
  for (unsigned error : {unsigned{EPERM}, unsigned{ENOSYS}}) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(ServeWithoutIoUring(error));
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
  }
}

}  // namespace
}  // namespace neurallog::http
