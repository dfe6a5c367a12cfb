"""`neurallog rules`: lint, test, backtest, import, export and convert, run as the real binary."""
import http.server
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from harness import BINARY, Server, run, until

GOOD = """name: brute force
id: brute
type: threshold
detection: {fail: {message|contains: login failed}, condition: fail}
window: {size: 5m, group_by: [user]}
threshold: {gte: 3}
tests:
  - name: three in a row
    events: [{user: ann, message: login failed}, {user: ann, message: login failed}, {user: ann, message: login failed}]
    expect: {matches: 1}
"""
SIGMA = r"""title: It's a "shell"
id: 9f3a1f36-1f0e-4c5b-8b8a-0a1b2c3d4e5f
status: test
level: critical
author: B. Person
description: |
    Two lines,
    with: a colon
tags: [attack.execution]
logsource: {product: linux, category: process_creation}
detection:
    sel:
        Image|endswith: ['/bash', '\sh', "tab\there"]
        User: null
        EventID: 4688
    words: ['it''s', "#no comment"]
    condition: sel or 1 of word*
"""


def rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


class RulesCli(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def rules(self, *arguments, code=0, **options):
        done = run("rules", *arguments, **options)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done

    def test_lint_names_all_that_is_wrong_by_file_line_and_column(self):
        self.path("a/good.yml", GOOD)
        self.path("a/notes.txt", "no rule")
        bad = self.path("a/b/bad.yml", GOOD + "---\nname: x\ndetection:\n  a: {f|containz: 1}\n  condition: a and b\n")
        lost = self.path("a/lost.yaml", "name: s\ntype: sequence\nsequence: {within: 1m, steps: [{rule: brute}, {rule: nobody}]}\n")
        broken = self.path("a/broken.json", '{"name": "x", "detection": ')
        done = self.rules("lint", os.path.join(self.folder, "a"), code=1)
        lines = done.stdout.splitlines()
        self.assertIn(f'{bad}:14:9: unknown modifier "containz"', [line.split("; ")[0] for line in lines])
        self.assertIn(f'{lost}:1:1: there is no rule "nobody"', lines)
        self.assertTrue(any(line.startswith(broken + ":1:") for line in lines), lines)
        self.assertIn("in 4 files", done.stderr)
        found = rows(self.rules("lint", bad, "-o", "json", code=1))
        self.assertEqual((found[0]["file"], found[0]["line"]), (bad, 14))
        self.assertEqual(self.rules("lint", self.path("good.yml", GOOD)).stdout, "")
        self.assertIn("no/such", self.rules("lint", "no/such", code=1).stderr)

    def test_tests_inside_of_rules_are_run(self):
        good = self.path("good.yml", GOOD)
        self.assertIn("1 passed, 0 failed", self.rules("test", good).stderr)
        bad = self.path("bad.yml", GOOD.replace("gte: 3", "gte: 4"))
        done = self.rules("test", bad, good, code=1)
        self.assertEqual(done.stdout, f"{bad}:8:5: brute force: three in a row: expected 1 matches, found 0\n")
        self.assertIn("1 passed, 1 failed", done.stderr)
        found = rows(self.rules("test", bad, "-o", "json", code=1))
        self.assertEqual([(row["test"], row["expected"], row["found"], row["passed"]) for row in found], [("three in a row", 1, 0, False)])

    def test_rules_are_run_on_the_records_of_a_file(self):
        records = [{"timestamp": f"2025-06-01T12:00:{i:02}Z", "message": "login failed" if i % 2 else "ok", "user": "ann"} for i in range(12)]
        path = self.path("records.ndjson", "".join(json.dumps(record) + "\n" for record in records))
        done = self.rules("test", self.path("good.yml", GOOD), "--records", path)
        (match,) = rows(done)
        self.assertEqual((match["rule"], match["group"], match["timestamp"]), ("brute force", {"user": "ann"}, "2025-06-01T12:00:05Z"))
        self.assertIn("12 records, 1 matches", done.stderr)
        lists = self.path("lists.yml", "bots: [crawler, spider]")
        rule = self.path("list.yml", "name: bots\ndetection: {a: {agent|expand: '%bots%'}, condition: a}\n")
        self.path("bots.ndjson", '{"agent":"spider"}\n{"agent":"ann"}\n')
        done = self.rules("test", rule, "--lists", lists, "--records", os.path.join(self.folder, "bots.ndjson"))
        self.assertIn("2 records, 1 matches", done.stderr)
        self.assertIn("lists are missing", self.rules("test", rule, "--records", path, code=1).stderr)

    def test_converted_rules_are_native_and_mean_the_same(self):
        sigma = self.path("sigma.yml", SIGMA)
        converted = self.rules("convert", sigma).stdout
        native = self.path("native.yml", converted)
        self.assertEqual(self.rules("lint", native).stdout, "")
        self.assertIn("name: ", converted)
        self.assertNotIn("title:", converted)
        records = [{"Image": "/bin/bash", "EventID": 4688}, {"Image": "/bin/bash", "EventID": 4688, "User": "x"}, {"message": "IT'S here"},
                   {"message": "a #no comment"}, {"Image": "tab\there", "EventID": "4688"}, {"Image": "x\\sh", "EventID": 4688}, {"message": "no"}]
        for record in records:
            record |= {"timestamp": "2025-06-01T12:00:00Z", "logsource": {"product": "linux", "category": "process_creation"}}
        path = self.path("records.ndjson", "".join(json.dumps(record) + "\n" for record in records))
        found = [[match["record"] for match in rows(self.rules("test", rules, "--records", path))] for rules in (sigma, native)]
        self.assertEqual(found[0], found[1])
        self.assertEqual(len(found[0]), 5)
        filter_ = self.path("filter.yml", "title: f\nfilter: {rules: [x], a: {b: c}, condition: a}\n")
        self.assertIn("a filter stays Sigma's", self.rules("convert", filter_, code=1).stderr)

    def test_a_pack_is_imported_once_and_its_rules_run_for_who_subscribes(self):
        with Server() as server:
            url = ("--server", f"http://127.0.0.1:{server.port}")
            text = GOOD + "---\nname: word\nid: word\ndetection: {a: {message|contains: login}, condition: a}\n"
            self.assertIn("2 rules imported", self.rules("import", self.path("pack.yml", text), "--pack", "ours", *url).stdout)
            self.rules("subscribe", "ours", "--without", "brute", *url)
            (pack,) = rows(self.rules("packs", *url))
            self.assertEqual((pack["name"], pack["rules"], pack["subscribed"], pack["disabled"]), ("ours", 2, True, ["brute"]))
            server.post([{"message": "login failed", "user": "ann"} for _ in range(5)])
            found = until(lambda: json.loads(server.request("GET", "/v1/matches")[2])["matches"])
            self.assertEqual({match["rule_id"] for match in found}, {"ours:word"})
            self.rules("unsubscribe", "ours", *url)
            self.assertIn("does not exist", self.rules("subscribe", "theirs", *url, code=1).stderr)

    def test_ctrl_c_ends_a_backtest_of_a_server(self):
        seen = queue.Queue()

        class Endless(http.server.BaseHTTPRequestHandler):
            """A server whose backtest never ends."""
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = json.dumps({"id": "7", "state": "running", "rows_read": 5, "matches": 0}).encode()
                seen.put((self.command, self.path))  # before the client can go on
                self.send_response(202 if self.command == "POST" else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            do_DELETE = do_GET

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            command = subprocess.Popen([BINARY, "rules", "backtest", "brute", "--server", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual([seen.get(timeout=60)[0] for _ in range(2)], ["POST", "GET"])
            command.send_signal(signal.SIGINT)
            _, errors = command.communicate(timeout=60)
            server.shutdown()
        self.assertIn("the backtest was cancelled", errors)
        self.assertNotEqual(command.returncode, 0)
        self.assertEqual(list(seen.queue)[-1], ("DELETE", "/v1/backtests/7"))

    def test_rules_go_to_a_server_and_come_back_and_are_tried_there(self):
        with Server() as server:
            url = ("--server", f"http://127.0.0.1:{server.port}")
            good = self.path("rules/good.yml", GOOD)
            bad = self.path("rules/zbad.yml", "# a comment\nname: x\ndetection:\n  a: {f|containz: 1}\n  condition: a\n")
            done = self.rules("import", os.path.join(self.folder, "rules"), "--dry-run", *url, code=1)
            self.assertIn(f'{bad}:4:9: unknown modifier "containz"', done.stdout)
            self.assertIn("1 rules would be imported", done.stdout)
            self.assertIn("1 rules imported", self.rules("import", good, *url).stdout)
            out = os.path.join(self.folder, "out.yml")
            self.rules("export", "--to", out, *url)
            with open(out) as file:
                self.assertEqual(file.read(), "---\n" + GOOD)
            self.assertEqual(self.rules("export", *url).stdout, "---\n" + GOOD)
            now = time.time()
            server.post([{"timestamp": now - 50 + i, "message": "login failed", "user": "ann"} for i in range(5)])
            (row,) = rows(self.rules("backtest", "brute", "--start", "1h", *url))
            self.assertEqual(row, {"id": "brute", "name": "brute force", "type": "threshold", "severity": "medium", "matches": 1, "suppressed": 0})
            word = self.path("word.yml", "name: word\ndetection: {a: {message|contains: login}, condition: a}\n")
            samples = rows(self.rules("backtest", "--file", word, "--samples", "2", "--show", "samples", *url))
            self.assertEqual([sample["record"]["user"] for sample in samples], ["ann", "ann"])
            buckets = rows(self.rules("backtest", "--file", word, "--step", "1d", "--show", "buckets", *url))
            self.assertEqual(sum(bucket["matches"] for bucket in buckets), 5)
            self.assertIn("nobody", self.rules("backtest", "nobody", *url, code=1).stderr)
            server.stop()
            offline = self.rules("backtest", "brute", "--file", word, "--data-dir", server.data_dir)
            self.assertEqual([(row["name"], row["matches"]) for row in rows(offline)], [("word", 5), ("brute force", 1)])

    def test_commands_of_rules_are_completed(self):
        script = run("completions", "bash").stdout
        self.assertIn("'neurallog rules') words=' lint test backtest import export convert", script)


if __name__ == "__main__":
    unittest.main()
