#!/usr/bin/env python3
"""The configuration: what is refused and how it is said, what wins over what, and what a running server takes over."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from harness import ProblemAssertions, Server, run, until

REPOSITORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


class FolderTest(ProblemAssertions, unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, text, name="neurallog.yaml"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def serve(self, *flags, **options):
        server = Server(*flags, **options)
        self.addCleanup(server.close)
        return server


class CheckConfigTest(FolderTest):
    def refused(self, text, *parts):
        path = self.file(text)
        finished = run("check-config", "--config", path)
        self.assertEqual(finished.returncode, 2, text)
        for part in (path, *parts):
            self.assertIn(part, finished.stderr)
        self.assertEqual(finished.stdout, "")

    def test_a_mistake_is_named_with_file_line_and_key(self):
        self.refused("listen: 127.0.0.1:1\nhttp:\n  threads: many\n", ":3: http.threads", '"many"')
        self.refused("http:\n  threads: 257\n", ":2: http.threads", "0 to 256")
        self.refused("http:\n\n  thread: 2\n", ":3: http.thread: unknown option", "did you mean http.threads?")
        self.refused("htp:\n  threads: 2\n", ":1: htp: unknown option", "did you mean http?")
        self.refused("log:\n  level: loud\n", ":2: log.level", "debug or info or warn or error")
        self.refused("storage:\n  retention: long\n", ":2: storage.retention", "duration")
        self.refused("http:\n  body_bytes_max: 10 pounds\n", ":2: http.body_bytes_max", "size")
        self.refused("listen: 8080\n", ":1: listen", "8080")
        self.refused("wal:\n  direct_io: maybe\n", ":2: wal.direct_io", "true or false")
        self.refused("log:\n  level: info\n  level: warn\n", ":3: log.level", "twice", "line 2")
        self.refused("log: [a]\n", ":1: log")
        self.refused("http:\n  threads: [1]\n", ":2: http.threads")
        self.refused("tls:\n  key_file: k.pem\n", ":2: tls.key_file", "tls.certificate_file")
        self.refused("ring:\n  slots: 3\n", ":2: ring.slots", "power of two")
        self.refused("http:\n  body_bytes_max: 1MiB\n", ":2: http.body_bytes_max", "ingest.record_bytes_max")

    def test_broken_yaml_is_named_with_file_and_line(self):
        self.refused("a: [1\nb: }\n", ":")
        self.refused("log:\n\tlevel: info\n", ":2")

    def test_a_file_that_is_not_there_is_named(self):
        finished = run("check-config", "--config", "/nowhere/x.yaml")
        self.assertEqual(finished.returncode, 2)
        self.assertIn("/nowhere/x.yaml", finished.stderr)

    def test_serve_refuses_what_check_config_refuses(self):
        path = self.file("log:\n  level: loud\n")
        finished = run("serve", "--config", path)
        self.assertEqual(finished.returncode, 2)
        self.assertIn(path + ":2: log.level", finished.stderr)

    def test_the_files_that_come_along_are_valid(self):
        names = [name for name in os.listdir(os.path.join(REPOSITORY, "config")) if name.endswith(".yaml")]
        self.assertIn("neurallog.yaml", names)
        for name in names:
            finished = run("check-config", "--config", os.path.join(REPOSITORY, "config", name))
            self.assertEqual((finished.returncode, finished.stdout), (0, "the configuration is valid\n"), name + finished.stderr)

    def test_an_empty_file_is_valid(self):
        for text in ("", "# nothing\n", "log:\n"):
            self.assertEqual(run("check-config", "--config", self.file(text)).returncode, 0, text)

    def test_the_printed_defaults_are_the_file_in_the_repository(self):
        with open(os.path.join(REPOSITORY, "config/neurallog.yaml")) as file:
            self.assertEqual(run("config", "--defaults").stdout, file.read())

    def test_the_printed_configuration_can_be_read_again(self):
        first = run("config", "--log-level=warn", "--http-threads=3", "--storage-retention=30d").stdout
        self.assertRegex(first, r"\n  level: warn\n")
        self.assertEqual(run("config", "--config", self.file(first)).stdout, first)


class CommandLineTest(FolderTest):
    def value(self, key, *arguments, **env):
        text = run("config", *arguments, env=env).stdout
        return re.search(rf"^\s*{key}: (.*)$", text, re.MULTILINE)[1]

    def test_flags_win_over_variables_and_variables_over_the_file(self):
        path = self.file("log:\n  level: debug\nhttp:\n  threads: 5\nquery:\n  timeout: 7s\n")
        env = {"NEURALLOG_LOG_LEVEL": "warn", "NEURALLOG_HTTP_THREADS": "6"}
        self.assertEqual(self.value("level", "--config", path), "debug")
        self.assertEqual(self.value("level", "--config", path, **env), "warn")
        self.assertEqual(self.value("level", "--config", path, "--log-level=error", **env), "error")
        self.assertEqual(self.value("level", "--config", path, "--log-level", "error", **env), "error")
        self.assertEqual(self.value("level", "--config", path, "--log.level=error", **env), "error")
        self.assertEqual(self.value("timeout", "--config", path, "--log-level=error", **env), "7s")

    def test_the_file_may_be_named_by_a_variable(self):
        path = self.file("log:\n  level: debug\n")
        self.assertEqual(self.value("level", NEURALLOG_CONFIG=path), "debug")
        other = self.file("log:\n  level: error\n", "other.yaml")
        self.assertEqual(self.value("level", "--config", other, NEURALLOG_CONFIG=path), "error")

    def test_an_unknown_flag_or_variable_is_exit_2_and_named(self):
        for command in ("serve", "check-config", "config"):
            finished = run(command, "--log-levle=info")
            self.assertEqual(finished.returncode, 2)
            self.assertIn("--log-levle: unknown option; did you mean --log-level?", finished.stderr)
            finished = run(command, env={"NEURALLOG_LOG_LEVLE": "info"})
            self.assertEqual(finished.returncode, 2)
            self.assertIn("NEURALLOG_LOG_LEVEL", finished.stderr)
        for arguments in (("serve", "extra"), ("serve", "--log-level"), ("nonsense",), (), ("tenant",), ("version", "--x")):
            self.assertEqual(run(*arguments).returncode, 2, arguments)

    def test_variables_of_kubernetes_are_no_options(self):
        env = {"NEURALLOG_SERVICE_HOST": "10.0.0.1", "NEURALLOG_PORT": "tcp://10.0.0.1:80", "NEURALLOG_PORT_80_TCP": "x"}
        self.assertEqual(run("check-config", env=env).returncode, 0)

    def test_version_and_help_exit_0(self):
        version = run("version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"^neurallog \d+\.\d+\.\d+\n$")
        self.assertEqual(run("--version").returncode, 0)
        self.assertEqual(run("--help").returncode, 0)

    def test_a_query_queue_of_no_places_still_serves_free_threads(self):
        server = self.serve("--query-queue-max=0")
        self.assertEqual(server.post({"a": 1})[0], 200)
        self.assertEqual(server.request("GET", "/v1/logs")[0], 200)
        self.assertEqual(server.post({"name": "acme"}, "/v1/tenants")[0], 201)

    def test_a_port_that_is_taken_is_exit_1_and_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            finished = run("serve", "--listen", listen, "--data-dir", self.folder)
        self.assertEqual(finished.returncode, 1)
        self.assertIn(listen, finished.stderr)

    def test_a_data_folder_that_cannot_be_made_is_exit_1_and_named(self):
        path = self.file("x", "file")
        finished = run("serve", "--listen", "127.0.0.1:0", "--data-dir", path + "/data")
        self.assertEqual(finished.returncode, 1)
        self.assertIn(path + "/data", finished.stderr)


class ReloadTest(FolderTest):
    def reload(self, server, text):
        reloads = server.stderr().count("reload")
        self.file(text)
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(until(lambda: server.stderr().count("reload") > reloads or "level: error" in text))

    def test_log_level_retention_and_query_limits_are_taken_over(self):
        server = self.serve("--config", self.file("log:\n  level: info\n"))
        old = [{"timestamp": "2025-06-01T00:00:00Z", "n": i} for i in range(30)]
        self.assertEqual(server.post(old + [{"message": "fresh"}])[0], 200)
        self.assertEqual(server.count(), 31)
        self.reload(server, "storage:\n  retention: 30d\nquery:\n  rows_limit_default: 7\n")
        self.assertIn("storage.retention", server.stderr())
        self.assertEqual(server.count(), 1)
        self.reload(server, "query:\n  rows_limit_default: 7\n  timeout: 10ms\n")
        self.assertEqual(server.post([{"n": i} for i in range(30)])[0], 200)
        status, _, body = server.request("GET", "/v1/logs")
        self.assertEqual((status, len(body.splitlines())), (200, 7))

    def test_log_level_is_taken_over(self):
        server = self.serve("--config", self.file("log:\n  level: info\n"))
        self.reload(server, "log:\n  level: error\n")
        time.sleep(0.2)
        before = server.stderr()
        server.stop()
        self.assertEqual(server.stderr(), before)

    def test_a_broken_file_changes_nothing(self):
        server = self.serve("--config", self.file("query:\n  rows_limit_default: 3\n"))
        self.assertEqual(server.post([{"n": i} for i in range(9)])[0], 200)
        self.reload(server, "query:\n  rows_limit_default: none\n")
        self.assertIn("nothing changes", server.stderr())
        self.assertEqual(len(server.request("GET", "/v1/logs")[2].splitlines()), 3)

    def test_an_option_that_needs_a_restart_is_named(self):
        server = self.serve("--config", self.file("http:\n  threads: 2\n"))
        self.reload(server, "http:\n  threads: 3\n")
        self.assertIn("needs a restart option=http.threads", server.stderr())

    def test_every_reloadable_option_is_taken_over_without_a_restart(self):
        """Each gets another value: none asks for a restart, and a second reload finds nothing that still differs."""
        sections = re.findall(r"^(\w+):$|^  # [^\n]*reloadable\]\n  (\w+): (\S+)", run("config", "--defaults").stdout, re.MULTILINE)
        text, changed = "", []
        for section, name, value in sections:
            if section:
                text, key = text + section + ":\n", section
                continue
            if name == "format":
                continue  # this test reads the text form
            other = ("debug" if value == "info" else "9MiB" if value.endswith("iB") or "bytes" in name else "9" if value.isdigit() and value != "0" else "9s")
            text += f"  {name}: {other}\n"
            changed.append(f"{key}.{name}")
        self.assertGreaterEqual(len(changed), 8)
        server = self.serve("--config", self.file(""))
        self.reload(server, text)
        self.assertNotIn("needs a restart", server.stderr())
        for key in changed:
            self.assertIn(key, server.stderr())
        self.reload(server, text)
        self.assertRegex(server.stderr().splitlines()[-1], r'reloaded changed=(""|)$')


@unittest.skipUnless(shutil.which("openssl"), "there is no openssl command")
class TlsTest(FolderTest):
    def certificate(self, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.folder + "/key.pem", "-out", self.folder + "/cert.pem"],
                       check=True, capture_output=True)
        with open(self.folder + "/cert.pem") as file:
            return ssl.PEM_cert_to_DER_cert(file.read())

    def served(self, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as tls:
            tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while chunk := tls.recv(4096):
                answer += chunk
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
            self.assertIn(tls.version(), ("TLSv1.2", "TLSv1.3"))
            return tls.getpeercert(binary_form=True)

    def start(self):
        return self.serve(f"--tls-certificate-file={self.folder}/cert.pem", f"--tls-key-file={self.folder}/key.pem")

    def test_sighup_reads_a_new_certificate(self):
        first = self.certificate("first")
        server = self.start()
        self.assertEqual(self.served(server.port), first)
        second = self.certificate("second")
        self.assertEqual(self.served(server.port), first)
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(until(lambda: self.served(server.port) == second))

    def test_a_certificate_that_does_not_fit_its_key_leaves_the_old_one(self):
        first = self.certificate("first")
        server = self.start()
        os.rename(self.folder + "/key.pem", self.folder + "/old.pem")
        self.certificate("second")
        os.rename(self.folder + "/old.pem", self.folder + "/key.pem")
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(until(lambda: "the old certificate stays in use" in server.stderr()))
        self.assertEqual(self.served(server.port), first)

    def test_plain_http_to_the_tls_port_is_refused_and_others_are_served(self):
        self.certificate("first")
        server = self.start()
        self.assertNotIn(b"200 OK", server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.served(server.port)

    def test_a_certificate_that_cannot_be_read_does_not_start(self):
        finished = run("serve", "--listen", "127.0.0.1:0", "--data-dir", self.folder, f"--tls-certificate-file={self.folder}/none.pem",
                       f"--tls-key-file={self.folder}/none.pem")
        self.assertEqual(finished.returncode, 1)
        self.assertIn(f"{self.folder}/none.pem", finished.stderr)


class RetentionTest(FolderTest):
    def test_old_partitions_are_dropped_and_their_rows_are_not_found(self):
        server = self.serve("--storage-block-rows=64")
        old = [{"timestamp": f"2025-0{1 + i % 6}-01T00:00:00Z", "message": f"old {i}", "old": 1} for i in range(600)]
        self.assertEqual(server.post(old)[0], 200)
        self.assertEqual(server.post([{"message": f"new {i}", "new": 1} for i in range(100)])[0], 200)
        self.assertEqual(server.restart(), 0)  # sealed into partitions
        self.assertEqual((server.count("old:*"), server.count("new:*")), (600, 100))
        partitions = server.metric("neurallog_partitions")
        server.restart("--storage-retention=30d")
        self.assertEqual((server.count("old:*"), server.count("new:*")), (0, 100))
        self.assertTrue(until(lambda: server.stderr().count("partition dropped") >= 6))
        self.assertNotIn("status=io", server.stderr())
        self.assertLess(server.metric("neurallog_partitions"), partitions)
        server.restart("--storage-retention=0s")
        self.assertEqual((server.count("old:*"), server.count("new:*")), (0, 100))

    def test_old_rows_that_come_under_retention_are_not_found_and_do_no_harm(self):
        server = self.serve("--storage-retention=30d", "--storage-block-rows=64")
        for _ in range(5):
            status, answer = server.post([{"timestamp": "2025-01-01T00:00:00Z", "old": 1}] * 100 + [{"new": 1}] * 100)
            self.assertEqual(status, 200)
            time.sleep(0.3)
        self.assertEqual((server.count("old:*"), server.count("new:*")), (0, 500))
        server.kill()
        server.start()
        self.assertEqual((server.count("old:*"), server.count("new:*")), (0, 500))
        self.assertEqual(server.restart(), 0)
        self.assertEqual((server.count("old:*"), server.count("new:*")), (0, 500))
        self.assertNotIn(" error ", server.stderr())


if __name__ == "__main__":
    unittest.main()
