#include "actions/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"

namespace neurallog::actions {
namespace {

constexpr size_t kOutputBytesMax = 1024;
constexpr int kPollMs = 20;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void Set(int fd) {
    Close();
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Status Failed(std::string_view what, int error) {
  return IoError(std::string(what).append(": ").append(std::strerror(error)));
}

// A file in memory, so that a program which does not read cannot make us wait.
Status MakeInput(const std::string& text, Descriptor* input) {
  input->Set(::memfd_create("nl-action", MFD_CLOEXEC));
  if (input->get() < 0) return Failed("memfd_create", errno);
  const ssize_t written = ::pwrite(input->get(), text.data(), text.size(), 0);
  if (written != static_cast<ssize_t>(text.size())) return Failed("write a program's input", errno);
  return Status::Ok();
}

std::vector<char*> Pointers(std::vector<std::string>* texts) {
  std::vector<char*> pointers;
  for (std::string& text : *texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void Limit(__rlimit_resource resource, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(resource, &both);
}

// In the child, whose memory is the parent's until exec: system calls only.
[[noreturn]] void Become(const char* path, char* const* args, char* const* environment, int input,
                         int output) {
  sigset_t none;
  sigemptyset(&none);
  ::signal(SIGPIPE, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::close_range(3, ~0u, 0);
  Limit(RLIMIT_CPU, 10);
  Limit(RLIMIT_AS, rlim_t{512} << 20);
  Limit(RLIMIT_NOFILE, 64);
  Limit(RLIMIT_CORE, 0);
  if (::chdir("/") == 0) ::execve(path, args, environment);
  ::_exit(127);
}

// vfork, because a server has too much memory to copy its page tables.
Result<pid_t> Spawn(const ChildProgram& program, int input, int output) {
  std::vector<std::string> args = program.args, environment = program.environment;
  args.insert(args.begin(), program.path);
  environment.push_back("PATH=/usr/local/bin:/usr/bin:/bin");
  const std::vector<char*> arg_pointers = Pointers(&args);
  const std::vector<char*> environment_pointers = Pointers(&environment);
  const pid_t pid = ::vfork();
  if (pid == 0)
    Become(program.path.c_str(), arg_pointers.data(), environment_pointers.data(), input, output);
  if (pid < 0) return Failed("start " + program.path, errno);
  return pid;
}

// Takes what is there; false at the end.
bool ReadOutput(int fd, std::string* output) {
  char block[4096];
  const ssize_t got = ::read(fd, block, sizeof(block));
  if (got > 0)
    output->append(block, std::min(static_cast<size_t>(got), kOutputBytesMax - output->size()));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Status WhyStop(const ChildProgram& program) {
  if (program.cancelled != nullptr && *program.cancelled) return Cancelled("the server stops");
  if (base::Clock::System().MonotonicNs() >= program.deadline_ns)
    return DeadlineExceeded("the program did not end in time");
  return Status::Ok();
}

}  // namespace

Result<ChildResult> RunChild(const ChildProgram& program) {
  Descriptor input, output, output_end;
  NL_RETURN_IF_ERROR(MakeInput(program.input, &input));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Failed("pipe", errno);
  output.Set(ends[0]);
  output_end.Set(ends[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  NL_TRY(const pid_t pid, Spawn(program, input.get(), output_end.get()));
  output_end.Close();

  ChildResult result;
  Status why;
  int status = 0;
  bool open = true;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    why = WhyStop(program);
    if (!why.ok()) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return why;
    }
    pollfd polled{open ? output.get() : -1, POLLIN, 0};
    if (::poll(&polled, 1, kPollMs) > 0) open = ReadOutput(output.get(), &result.output);
  }
  ::kill(-pid, SIGKILL);  // what it has left behind
  if (open) ReadOutput(output.get(), &result.output);
  result.exit_code = ExitCode(status);
  return result;
}

}  // namespace neurallog::actions
