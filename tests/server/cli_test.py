"""The commands that read and write logs, run as the real binary: in a pipe, on a terminal, against a server and on a folder."""
import csv
import gzip
import http.server
import io
import json
import os
import pathlib
import pty
import select
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from harness import BINARY, Server, environment, ndjson, run, until, zstd


def on_terminal(*arguments, talk=(), env=None, seconds=60):
    """Runs the binary on a pseudo terminal. `talk` is a list of (text to wait for, keys to type then); each text is looked for behind the
    one before. Returns (exit code, everything it wrote)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(BINARY, [BINARY, *arguments], {**environment(env), "TERM": "xterm"})
    output, seen, talk, deadline = b"", 0, list(talk), time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            output += data
        if talk and (at := output.find(talk[0][0].encode(), seen)) >= 0:
            text, keys = talk.pop(0)
            seen = at + len(text)
            os.write(fd, keys.encode())
    else:
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), output.decode()


def rss_max(*arguments):
    """(exit code, bytes of output, highest memory in bytes) of a run whose output is read as it comes."""
    process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, env=environment())
    size = memory = 0
    while data := process.stdout.read(1 << 20):
        size += len(data)
        with open(f"/proc/{process.pid}/status") as file:  # getrusage would count the memory of this process, too
            memory = max([memory] + [int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM")])
    process.stdout.close()
    return process.wait(), size, memory


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.url = f"http://127.0.0.1:{cls.server.port}"
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.folder.cleanup()

    def path(self, name, content=None):
        path = os.path.join(self.folder.name, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def cli(self, command, *arguments, code=0, **options):
        done = run(command, "--server", self.url, *arguments, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def rows(self, *arguments, command="query"):
        return [json.loads(line) for line in self.cli(command, *arguments).stdout.splitlines()]


class Query(Cli):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.post([{"timestamp": f"2025-06-01T12:00:0{i}Z", "level": ("error", "info")[i % 2], "source": "shop", "message": f"order {i}",
                          "metadata": {"n": i, "note": 'a,"b"'}} for i in range(6)])
        cls.server.post([{"timestamp": "2025-06-02T00:00:00Z", "message": "clear \x1b[2J screen\nnew", "source": "evil"}])

    def test_a_pipe_gets_ndjson(self):
        rows = self.rows("source:=shop", "--limit", "2", "--order", "asc")
        self.assertEqual([row["message"] for row in rows], ["order 0", "order 1"])
        self.assertEqual(rows[0]["metadata"], {"n": 0, "note": 'a,"b"'})

    def test_times_limit_what_is_found(self):
        self.assertEqual(len(self.rows("*", "--start", "2025-06-01T12:00:02", "--end", "2025-06-01T12:00:03")), 2)

    def test_csv_has_a_head_and_quotes_what_needs_it(self):
        text = self.cli("query", "source:=shop | fields message, metadata.n, metadata.note", "--order", "asc", "-o", "csv").stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(rows[1], {"message": "order 1", "metadata.n": "1", "metadata.note": 'a,"b"'})
        self.assertEqual(len(rows), 6)

    def test_csv_keeps_empty_cells_apart(self):
        self.server.post([{"timestamp": "2025-06-05T00:00:00Z", "source": "gaps", "message": "m", "b": "2"}])
        text = self.cli("query", "source:=gaps | fields missing, a, b", "-o", "csv").stdout
        self.assertIn("2", list(csv.reader(io.StringIO(text)))[1])

    def test_a_table_has_columns_and_numbers_to_the_right(self):
        lines = self.cli("query", "source:=shop | stats by (level) count() n | sort by (level)", "-o", "table").stdout.splitlines()
        self.assertEqual([line.split() for line in lines], [["level", "n"], ["error", "3"], ["info", "3"]])
        self.assertTrue(lines[1].endswith("3"))

    def test_a_terminal_gets_colours_and_nothing_that_steers_it(self):
        code, text = on_terminal("query", "--server", self.url, "source:=shop OR source:=evil", "--order", "asc")
        self.assertEqual(code, 0)
        self.assertIn("\x1b[31merror\x1b[0m", text)
        self.assertIn("order 0", text)
        self.assertIn("metadata.n=\x1b[0m0", text)
        self.assertIn("clear \\x1b[2J screen\\nnew", text)
        code, text = on_terminal("query", "--server", self.url, "source:=shop", env={"NO_COLOR": "1"})
        self.assertNotIn("\x1b[31m", text)
        self.assertIn("\x1b[31m", self.cli("query", "source:=shop", "-o", "table", "--color", "always").stdout)

    def test_what_is_wrong_is_said_on_stderr_with_an_exit_code(self):
        done = run("query", "x", "--server", "http://127.0.0.1:1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("connect", done.stderr)
        self.assertEqual(run("query", "x", "-o", "xml").returncode, 2)
        self.assertIn("a query is needed", self.cli("query", code=1).stderr)
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "query", "*", "--server", self.url], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)

    def test_a_wrong_query_is_shown_with_a_caret_at_its_place(self):
        lines = self.cli("query", "level:error\n| statz by (level) count()", code=1).stderr.splitlines()
        self.assertIn('2:3: unknown pipe "statz"; did you mean "stats"?', lines[0])
        self.assertEqual(lines[1:], ["  | statz by (level) count()", "    ^"])

    def test_stats_count_by_fields(self):
        rows = self.rows("source:=shop", "--by", "source,level", command="stats")
        self.assertEqual(sorted((row["source"], row["level"], int(row["result"])) for row in rows), [("shop", "error", 3), ("shop", "info", 3)])
        (row,) = self.rows("source:=shop", "--by", "source", "--function", "max(metadata.n)", command="stats")
        self.assertEqual(float(row["result"]), 5)

    def test_a_reader_that_leaves_ends_the_output_without_noise(self):
        done = subprocess.run(f"{BINARY} query '*' --server {self.url} --limit 0 | head -n 1", shell=True, capture_output=True, text=True, timeout=30)
        self.assertEqual((done.stderr, len(done.stdout.splitlines())), ("", 1))

    def test_the_prompt_answers_completes_and_remembers(self):
        history = self.path("history")
        talk = [("logs> ", "source:=shop | fields mess\t\r"), ("order 5", ""), ("logs> ", "| unpack_\t\t"), ("unpack_words", "\x15level:in(\r"),
                ("expected", ""), ("^", ""), ("logs> ", "half a line\x03"), ("logs> ", "exit\r")]
        code, text = on_terminal("query", "--server", self.url, "--limit", "1", talk=talk, env={"NEURALLOG_HISTORY": history})
        self.assertEqual(code, 0, text)
        with open(history) as file:
            remembered = file.read()
        self.assertIn("fields\\040message", remembered)
        self.assertNotIn("half", remembered)
        code, text = on_terminal("query", "--server", self.url, talk=[("logs> ", "\x1b[A\x1b[A\x1b[A"), ("fields", "\r"), ("order 5", ""), ("logs> ", "exit\r")],
                                 env={"NEURALLOG_HISTORY": history})
        self.assertEqual(code, 0, text)

    def test_ctrl_c_stops_a_query_at_the_prompt_and_not_the_prompt(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            def answer_the_first():  # that is the prompt's look for fields; the query gets no answer
                connection = silent.accept()[0]
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                connection.close()
            threading.Thread(target=answer_the_first, daemon=True).start()
            talk = [("logs> ", "*\r"), ("searching", "\x03"), ("interrupted", ""), ("logs> ", "exit\r")]
            code, text = on_terminal("query", "--server", url, talk=talk, env={"NEURALLOG_HISTORY": self.path("other")})
            self.assertEqual(code, 0, text)

    def test_help_has_an_example_for_each_command(self):
        for command in ("query", "stats", "tail", "export", "import", "completions"):
            self.assertIn("Examples:\n", run(command, "--help").stdout)

    def test_completions_name_every_command_and_option(self):
        for shell in ("bash", "zsh", "fish"):
            script = run("completions", shell).stdout
            for word in ("query", "tail", "--data-dir", "--server", "--batch", "revoke"):
                self.assertIn(word, script, shell)
        script = self.path("complete.bash", run("completions", "bash").stdout)
        def complete(*words):
            quoted = " ".join(words)
            text = f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _neurallog; echo ${{COMPREPLY[@]}}"
            return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(complete("neurallog", "ta"), ["tail"])
        self.assertEqual(complete("neurallog", "key", "cr"), ["create"])
        self.assertEqual(complete("neurallog", "import", "x.csv", "--ba"), ["--batch"])


class Keys(unittest.TestCase):
    def test_a_server_with_keys_wants_one_and_the_right_one(self):
        with Server() as server:
            server.post([{"message": "secret"}])
            server.stop()
            key = run("key", "create", "--tenant", "default", "--data-dir", server.data_dir).stdout.split()[-1]
            server.start()
            url = f"http://127.0.0.1:{server.port}"
            for flags, code, text in (([], 1, "--key"), (["--key", "nlk_wrong"], 1, "--key"), (["--key", key], 0, "")):
                done = run("query", "*", "--server", url, *flags)
                self.assertEqual(done.returncode, code)
                self.assertIn(text, done.stderr)
                self.assertEqual("secret" in done.stdout, code == 0)
                self.assertEqual(run("tail", "*", "--start", "1h", "--events", "1", "--server", url, *flags).returncode, code)
            done = run("query", "*", env={"NEURALLOG_SERVER": url, "NEURALLOG_KEY": key})
            self.assertIn("secret", done.stdout)


class Tail(Cli):
    def test_events_come_as_they_are_posted_also_over_a_restart(self):
        tail = subprocess.Popen([BINARY, "tail", "source:=live | fields message", "--server", self.url, "--events", "6"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=environment())
        self.assertTrue(until(lambda: self.server.metric("neurallog_tail_viewers") == 1))
        self.server.post([{"message": f"m{i}", "source": "live"} for i in range(3)])
        self.assertEqual([json.loads(tail.stdout.readline()) for _ in range(3)], [{"message": f"m{i}"} for i in range(3)])
        self.server.listen = f"127.0.0.1:{self.server.port}"
        self.server.kill()
        self.server.start()
        self.server.post([{"message": f"m{i}", "source": "live"} for i in range(3, 6)])
        out, err = tail.communicate(timeout=30)
        self.assertEqual([json.loads(line)["message"] for line in out.splitlines()], ["m3", "m4", "m5"])
        self.assertIn("trying again", err)
        self.assertEqual(tail.returncode, 0)

    def test_a_query_that_cannot_be_tailed_ends_at_once(self):
        self.assertIn('"stats"', self.cli("tail", "* | stats count() n", code=1).stderr)


class Import(Cli):
    def count(self, source):
        return self.server.count(f"source:={source}")

    def test_ndjson_csv_and_plain_lines_plain_and_compressed(self):
        records = ndjson([{"message": f"m{i}", "source": "nd"} for i in range(2500)])
        self.assertEqual(self.cli("import", self.path("a.ndjson", records)).stdout, "2500 accepted, 0 rejected\n")
        self.cli("import", self.path("b.ndjson.gz", gzip.compress(records.encode()[:50000]) + gzip.compress(records.encode()[50000:])))
        self.cli("import", self.path("c.ndjson.zst", zstd(records.encode())))
        self.assertEqual(self.count("nd"), 7500)
        self.cli("import", self.path("d.csv", 'timestamp,message,n,source\r\n2025-06-03T00:00:00Z,"two\nlines, ""quoted""",7,table\r\n,plain,,table\r\n'))
        rows = self.server.search("source:=table | sort by (n) desc")
        self.assertEqual((rows[0]["message"], rows[0]["n"], rows[0]["timestamp"]), ('two\nlines, "quoted"', "7", "2025-06-03T00:00:00Z"))
        self.assertEqual(len(rows), 2)
        self.cli("import", self.path("e.log", "first\n\nsecond"), "--source", "lines")
        self.assertEqual(sorted(row["message"] for row in self.server.search("source:=lines")), ["first", "second"])

    def test_standard_input_can_be_imported(self):
        done = subprocess.run([BINARY, "import", "-", "--format", "text", "--source", "pipe", "--server", self.url], input="a\nb\n", text=True,
                              capture_output=True, timeout=30)
        self.assertEqual(done.stdout, "2 accepted, 0 rejected\n")
        self.assertEqual(self.count("pipe"), 2)

    def test_rejected_records_are_named_by_line_and_the_rest_is_stored(self):
        path = self.path("bad.ndjson", '{"message":"good","source":"bad"}\n\n7\n{"timestamp":"never","message":"x"}\n{"message":"good","source":"bad"}\nbroken\n')
        done = self.cli("import", path, code=1)
        self.assertEqual(done.stdout, "2 accepted, 3 rejected\n")
        for line in (3, 4, 6):
            self.assertIn(f"bad.ndjson:{line}: ", done.stderr)
        done = self.cli("import", self.path("worse.ndjson", "7\n"), code=1)
        self.assertEqual(done.stdout, "0 accepted, 1 rejected\n")

    def test_an_import_that_was_ended_goes_on_and_stores_nothing_twice(self):
        path = self.path("big.ndjson", ndjson([{"message": f"m{i}", "source": "big"} for i in range(20000)]))
        process = subprocess.Popen([BINARY, "import", path, "--server", self.url, "--batch", "100"], env=environment(), stdout=subprocess.PIPE)
        self.assertTrue(until(lambda: self.count("big") > 500))
        process.kill()
        process.communicate()
        self.assertLess(self.count("big"), 20000)
        done = self.cli("import", path, "--batch", "100")
        self.assertEqual(done.stdout, "20000 accepted, 0 rejected\n")
        self.assertIn("goes on at byte", done.stderr)
        self.assertEqual(self.count("big"), 20000)
        self.assertFalse(os.path.exists(path + ".neurallog-import"))

    def test_a_server_that_comes_back_gets_the_rest(self):
        path = self.path("late.ndjson", ndjson([{"message": f"m{i}", "source": "late"} for i in range(15000)]))
        process = subprocess.Popen([BINARY, "import", path, "--server", self.url, "--batch", "100"], env=environment(), stdout=subprocess.PIPE, text=True)
        self.assertTrue(until(lambda: self.count("late") > 500))
        self.server.listen = f"127.0.0.1:{self.server.port}"
        self.server.kill()
        time.sleep(0.5)
        self.server.start()
        self.assertEqual(process.communicate(timeout=60)[0], "15000 accepted, 0 rejected\n")
        self.assertEqual(self.count("late"), 15000)

    def test_a_server_that_has_too_much_to_do_is_asked_again(self):
        answers, bodies = [503, 429, 200], []
        class Busy(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                bodies.append((self.headers["Idempotency-Key"], self.rfile.read(int(self.headers["Content-Length"]))))
                body = b'{"accepted":2,"rejected":0,"errors":[]}' if answers[0] == 200 else b'{"detail":"too busy"}'
                self.send_response(answers.pop(0))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *_):
                pass
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy) as busy:
            threading.Thread(target=busy.serve_forever, daemon=True).start()
            done = run("import", self.path("busy.ndjson", "{}\n{}\n"), "--server", f"http://127.0.0.1:{busy.server_port}")
            busy.shutdown()
        self.assertEqual((done.returncode, done.stdout), (0, "2 accepted, 0 rejected\n"))
        self.assertIn("too busy", done.stderr)
        self.assertEqual((len(bodies), len(set(bodies))), (3, 1))

    def test_another_file_of_the_same_name_begins_at_its_beginning(self):
        path = self.path("same.ndjson", ndjson([{"message": f"old {i}", "source": "same"} for i in range(5)]))
        with open(path + ".neurallog-import", "w") as file:
            file.write("1 2 3 4 5 6\n")
        self.assertEqual(self.cli("import", path).stdout, "5 accepted, 0 rejected\n")
        self.assertEqual(self.count("same"), 5)

    def test_damaged_input_is_said(self):
        whole = gzip.compress(b'{"message":"x"}\n' * 1000)
        self.assertIn("cut off", self.cli("import", self.path("cut.ndjson.gz", whole[:-20]), code=1).stderr)
        self.assertIn("no such", self.cli("import", self.path("absent.ndjson"), code=1).stderr.lower())


class Export(Cli):
    def test_what_is_exported_is_what_was_imported(self):
        records = [{"message": f"m{i}", "source": "exp", "metadata": {"n": i}} for i in range(3000)]
        self.cli("import", self.path("in.ndjson", ndjson(records)))
        for name, read in (("out.ndjson", lambda p: pathlib.Path(p).read_text()), ("out.ndjson.gz", lambda p: gzip.open(p, "rt").read()),
                           ("out.ndjson.zst", lambda p: subprocess.run(["zstd", "-dcq", p], capture_output=True, check=True).stdout.decode())):
            path = self.path(name)
            self.cli("export", "source:=exp", "--to", path)
            rows = [json.loads(line) for line in read(path).splitlines()]
            self.assertEqual(sorted(row["metadata"]["n"] for row in rows), list(range(3000)))
        path = self.path("out.csv")
        self.cli("export", "source:=exp | fields message, metadata.n", "--to", path)
        with open(path, newline="") as file:
            self.assertEqual(len(list(csv.DictReader(file))), 3000)

    def test_an_export_that_was_ended_goes_on_where_it_was(self):
        self.server.post([{"timestamp": f"2025-06-01T00:{i // 60 % 60:02}:{i % 60:02}Z", "message": f"m{i}", "source": "long"} for i in range(3000)])
        path = self.path("long.ndjson.gz")
        export = ["export", "source:=long", "--page", "10", "--to", path]
        process = subprocess.Popen([BINARY, *export, "--server", self.url], env=environment(), stderr=subprocess.PIPE)
        self.assertTrue(until(lambda: os.path.exists(path + ".export")))
        process.kill()
        process.communicate()
        self.assertFalse(os.path.exists(path))
        self.assertIn("goes on behind 2025-06-01T", self.cli(*export).stderr)
        with gzip.open(path, "rt") as file:
            self.assertEqual([json.loads(line)["message"] for line in file], [f"m{i}" for i in range(3000)])
        self.assertFalse(os.path.exists(path + ".export"))
        text = self.cli("export", "source:=long", "--after", "2025-06-01T00:49:57Z").stdout
        self.assertEqual([json.loads(line)["message"] for line in text.splitlines()], ["m2998", "m2999"])

    def test_an_export_goes_on_when_the_server_comes_back(self):
        self.server.post([{"timestamp": f"2025-07-01T00:{i // 60 % 60:02}:{i % 60:02}Z", "message": f"m{i}", "source": "back"} for i in range(3000)])
        process = subprocess.Popen([BINARY, "export", "source:=back", "--page", "10", "--server", self.url], env=environment(), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = [process.stdout.readline() for _ in range(10)]
        self.server.listen = f"127.0.0.1:{self.server.port}"
        self.server.kill()
        self.server.start()
        out, err = process.stdout.read(), process.stderr.read()  # communicate() would not see what readline() has read ahead
        process.wait(timeout=60)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual([json.loads(line)["message"] for line in lines + out.splitlines()], [f"m{i}" for i in range(3000)])
        self.assertIn("trying again", err)

    def test_pipes_that_make_rows_are_exported_in_one_piece(self):
        self.server.post([{"message": f"m{i}", "source": "piped"} for i in range(300)])
        self.assertEqual(len(self.cli("export", "source:=piped | limit 200", "--page", "50").stdout.splitlines()), 200)
        self.assertEqual(json.loads(self.cli("export", "source:=piped | stats count() n", "--page", "50").stdout), {"n": 300})

    def test_large_answers_take_little_memory(self):
        records = ndjson([{"message": f"{i} " + "x" * 1000, "source": "large"} for i in range(60000)])
        self.cli("import", self.path("large.ndjson", records), "--batch", "5000")
        for command in (["query", "source:=large", "--limit", "0"], ["export", "source:=large", "--page", "1000"]):
            code, size, memory = rss_max(*command, "--server", self.url)
            self.assertEqual(code, 0)
            self.assertGreater(size, 60_000_000)
            self.assertLess(memory, 40_000_000)

    def test_an_export_that_fails_leaves_no_file(self):
        path = self.path("none.ndjson")
        self.cli("export", "level:in(", "--to", path, code=1)
        self.assertFalse(os.path.exists(path))
        self.assertFalse(os.path.exists(path + ".part"))


def listing(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found[path] = hash(file.read())
    return found


class Folder(unittest.TestCase):
    def test_a_folder_is_read_without_a_server_and_not_changed(self):
        with Server() as server:
            server.post([{"message": f"m{i}", "source": "folder", "level": "info"} for i in range(3000)])
            server.restart()
            server.post([{"message": f"m{i}", "source": "folder", "level": "info"} for i in range(3000, 3010)])
            refused = run("query", "*", "--data-dir", server.data_dir)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("another process", refused.stderr)
            server.kill()  # the last rows are in the log only
            before = listing(server.data_dir)
            done = run("query", "source:=folder | stats count() n", "--data-dir", server.data_dir)
            self.assertEqual((done.stdout, done.stderr), ('{"n":3010}\n', ""))
            self.assertEqual(run("stats", "--data-dir", server.data_dir).stdout, '{"level":"info","result":3010}\n')
            self.assertEqual(len(run("export", "--data-dir", server.data_dir).stdout.splitlines()), 3010)
            self.assertEqual(listing(server.data_dir), before)
            self.assertIn("no tenant other", run("query", "*", "--data-dir", server.data_dir, "--tenant", "other").stderr)
            server.start()
            self.assertEqual(server.count(), 3010)

    def test_what_is_no_data_folder_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("query", "*", "--data-dir", folder)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
