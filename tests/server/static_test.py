#!/usr/bin/env python3
"""The binary needs nothing but a kernel: no libraries, no files, and io_uring only where it is allowed."""
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import BINARY, Server

# Runs a program with io_uring_setup, io_uring_enter and io_uring_register (425 to 427) answered EPERM.
LAUNCHER = r"""
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 425, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 427, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("seccomp");
    return 99;
  }
  execv(argv[1], argv + 1);
  perror(argv[1]);
  return argc > 1 ? 98 : 97;
}
"""

# Exit 0 where the kernel lets this user make an io_uring.
PROBE = r"""
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  char params[120];
  memset(params, 0, sizeof(params));
  return syscall(425, 4, params) < 0;
}
"""


def compiled(folder, name, source):
    path = os.path.join(folder, name)
    subprocess.run(["gcc", "-O1", "-o", path, "-x", "c", "-"], input=source, text=True, check=True, capture_output=True)
    return path


class StaticTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def assert_serves(self, server):
        self.assertEqual(server.post([{"message": "hello", "n": i} for i in range(10)])[0], 200)
        self.assertEqual(server.count("hello"), 10)
        self.assertEqual(server.request("GET", "/readyz")[0], 200)

    @unittest.skipUnless(shutil.which("ldd"), "there is no ldd")
    def test_the_binary_is_not_dynamic(self):
        finished = subprocess.run(["ldd", BINARY], capture_output=True, text=True)
        self.assertRegex(finished.stdout + finished.stderr, "not a dynamic executable|statically linked")

    def jail(self):
        root = os.path.join(self.folder, "root")
        os.makedirs(os.path.join(root, "data"))
        shutil.copy(BINARY, root)
        return root

    def start_in_jail(self, root, *flags, prefix=()):
        server = Server(*flags, data_dir=os.path.join(root, "data"), prefix=prefix, root=root)
        self.addCleanup(server.close)
        return server

    @unittest.skipUnless(os.geteuid() == 0, "chroot needs root")
    def test_it_serves_in_a_folder_that_holds_nothing_else(self):
        root = self.jail()
        server = self.start_in_jail(root)
        self.assert_serves(server)
        self.assertEqual(server.metric("neurallog_tenants"), 1)
        self.assertEqual(server.restart(), 0)
        self.assertEqual(server.count("hello"), 10)
        self.assertEqual(sorted(os.listdir(root)), sorted(["data", os.path.basename(BINARY)]))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("gcc"), "chroot needs root, and the launcher gcc")
    def test_it_serves_in_an_empty_folder_with_io_uring_blocked(self):
        root = self.jail()
        subprocess.run(["gcc", "-O1", "-static", "-o", os.path.join(root, "launcher"), "-x", "c", "-"], input=LAUNCHER, text=True, check=True)
        server = self.start_in_jail(root, "--http-io-backend=io_uring", prefix=("/launcher",))
        self.assert_serves(server)

    @unittest.skipUnless(shutil.which("gcc"), "there is no gcc")
    def test_blocked_io_uring_falls_back_to_epoll_and_says_so_once(self):
        launcher = compiled(self.folder, "launcher", LAUNCHER)
        with Server("--http-io-backend=io_uring", prefix=(launcher,)) as server:
            self.assert_serves(server)
            lines = [line for line in server.stderr().splitlines() if "io_uring" in line]
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], "warn .*epoll")
            self.assertIn("io_backend=epoll", server.stderr())
            self.assertEqual(server.restart(), 0)
            self.assertEqual(server.count("hello"), 10)

    @unittest.skipUnless(shutil.which("gcc"), "there is no gcc")
    def test_auto_does_not_need_io_uring_and_says_nothing(self):
        launcher = compiled(self.folder, "launcher", LAUNCHER)
        with Server(prefix=(launcher,)) as server:
            self.assert_serves(server)
            self.assertNotIn("io_uring", server.stderr())

    @unittest.skipUnless(shutil.which("gcc"), "there is no gcc")
    def test_io_uring_serves_where_the_kernel_allows_it(self):
        if subprocess.run([compiled(self.folder, "probe", PROBE)]).returncode != 0:
            self.skipTest("the kernel refuses io_uring")
        with Server("--http-io-backend=io_uring") as server:
            self.assertIn("io_backend=io_uring", server.stderr())
            self.assert_serves(server)
            rows = [{"message": "x" * 1000, "big": i} for i in range(5000)]
            self.assertEqual(server.post(rows)[1]["accepted"], 5000)
            self.assertEqual(sorted(row["big"] for row in server.search("big:*")), list(range(5000)))
            self.assertEqual(server.restart(), 0)
            self.assertEqual(server.count("big:*"), 5000)


if __name__ == "__main__":
    unittest.main()
