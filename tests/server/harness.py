"""Starts the real binary on a free port with a folder of its own, and talks to it over real sockets. Standard library only."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

BINARY = os.environ.get("NL_BINARY", os.path.join(os.path.dirname(__file__), "../../build/dev/neurallog"))


# Small log segments: they are allocated, and read at the next start, in full.
SMALL = {"NEURALLOG_WAL_SEGMENT_BYTES": "8MiB"}


def environment(env=None):
    return {**SMALL, **os.environ, **(env or {})}


class Server:
    """A running server. `stop` ends it politely, `kill` with SIGKILL; `start` again uses the same data."""

    def __init__(self, *flags, data_dir=None, listen="127.0.0.1:0", env=None, prefix=(), root=None):
        """`prefix` is a command that runs the server; `root` a folder that becomes its root, with the binary in it and `data_dir`."""
        self.own_dir = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="neurallog-test-")
        self.flags, self.listen, self.env, self.prefix, self.root = flags, listen, env, prefix, root
        self.process = None
        self.log = tempfile.TemporaryFile("ab+")  # outside of the data folder, whose disk may be full
        self.start()

    def start(self, wait=True):
        begin = len(self.stderr())
        binary = "/" + os.path.basename(BINARY) if self.root else BINARY
        data_dir = "/" + os.path.relpath(self.data_dir, self.root) if self.root else self.data_dir
        command = [*self.prefix, binary, "serve", "--listen", self.listen, "--data-dir", data_dir, *self.flags]
        self.process = subprocess.Popen(command, stderr=self.log, env=environment(self.env), preexec_fn=self.enter_root if self.root else None)
        deadline = time.monotonic() + 60
        while wait:
            text = self.stderr()[begin:]
            match = re.search(r"listening port=(\d+)|\"message\":\"listening\",\"port\":\"(\d+)\"", text)
            if match:
                self.port = int(match[1] or match[2])
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start (exit {self.process.poll()}):\n{text}")
            time.sleep(0.01)

    def enter_root(self):
        os.chroot(self.root)
        os.chdir("/")

    def stop(self, timeout=40):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.kill()
        if self.own_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def restart(self, *flags):
        """Ends the server politely and starts it on the same data with other flags, when some are given."""
        code = self.stop()
        if flags:
            self.flags = flags
        self.start()
        return code

    def stderr(self):
        """What all runs so far have written to it."""
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode("utf-8", "replace")

    def request(self, method, target, body=None, headers=None, timeout=60):
        """Returns (status, headers as a dict in lower case, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()

    def post(self, records, target="/v1/logs", headers=None):
        status, _, body = self.request("POST", target, json.dumps(records), {"Content-Type": "application/json", **(headers or {})})
        return status, json.loads(body)

    def send(self, body, headers=None, target="/v1/logs"):
        """Posts bytes as they are; returns (status, headers, decoded JSON answer)."""
        status, answer_headers, answer = self.request("POST", target, body, headers)
        return status, answer_headers, json.loads(answer)

    def search(self, text="*", headers=None, **params):
        """The native search, without a limit unless one is given."""
        return self.query(text, "/v1/logs", headers, **{"limit": 0, **params})

    def metric(self, name):
        """The value of one line of /metrics, name with labels; 0 when there is none."""
        for line in self.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def query(self, text, target="/select/logsql/query", headers=None, **params):
        status, _, body = self.request("GET", target + "?" + urllib.parse.urlencode({"query": text, **params}), headers=headers)
        if status != 200:
            raise AssertionError(f"{text!r}: {status} {body[:300]!r}")
        return [json.loads(line) for line in body.splitlines()]

    def count(self, text="*", **params):
        return int(self.query(text + " | stats count() n", **params)[0]["n"])

    def raw(self, data, timeout=10, shutdown=False):
        """Sends bytes as they are and returns everything until the server closes or is silent for a moment."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            if shutdown:
                s.shutdown(socket.SHUT_WR)
            answer = b""
            s.settimeout(1.0)
            with contextlib.suppress(socket.timeout, ConnectionResetError):
                while chunk := s.recv(65536):
                    answer += chunk
            return answer


def run(*arguments, env=None):
    """Runs the binary with arguments and returns the finished process."""
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, env=environment(env))


def until(condition, seconds=10):
    """Waits until `condition` is true; its last value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def ndjson(records):
    return "\n".join(json.dumps(record) for record in records)


def shared_data(*parts):
    """A path in the folder of test data, which is beside the repository or where NL_SHARED says."""
    repository = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    return os.path.join(os.environ.get("NL_SHARED", os.path.join(repository, "../shared")), "data", *parts)


def zstd(data, *flags):
    return subprocess.run(["zstd", "-q", *flags], input=data, capture_output=True, check=True).stdout


class ProblemAssertions:
    """For unittest.TestCase: the answer is a problem document that says what is wrong."""

    def assert_problem(self, answer, status, *texts):
        actual, headers, body = answer
        document = body if isinstance(body, dict) else json.loads(body)
        self.assertEqual(actual, status, document)
        self.assertEqual(headers["content-type"], "application/problem+json")
        self.assertEqual(document["status"], status)
        self.assertTrue(document["title"])
        for text in texts:
            self.assertIn(text, document["detail"])
        return document
