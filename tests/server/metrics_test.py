#!/usr/bin/env python3
"""What the server says about itself: metrics, probes and its own log."""
import json
import shutil
import subprocess
import unittest

from harness import Server, until


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--log-format=json", "--storage-block-rows=64")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def moved(self, name, work):
        before = self.server.metric(name)
        work()
        return self.server.metric(name) - before

    def text(self):
        status, headers, body = self.server.request("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["content-type"].startswith("text/plain; version=0.0.4"))
        return body.decode()

    @unittest.skipUnless(shutil.which("promtool"), "there is no promtool")
    def test_promtool_finds_nothing_wrong(self):
        self.server.post([{"a": i} for i in range(200)])
        self.server.search()
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.text(), capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_every_metric_has_one_help_and_one_type(self):
        text = self.text()
        types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
        helps = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")]
        self.assertEqual(len(types), len(set(types)))
        self.assertEqual(types, helps)

    def test_histograms_are_cumulative_and_end_at_their_count(self):
        self.server.post({"a": 1})
        buckets = {}
        for line in self.text().splitlines():
            if "_bucket{" in line:
                name, value = line.rsplit(" ", 1)
                buckets.setdefault(name.partition("_bucket{")[0], []).append(float(value))
        self.assertIn("neurallog_wal_sync_seconds", buckets)
        for name, values in buckets.items():
            self.assertEqual(values, sorted(values), name)
            self.assertEqual(values[-1], self.server.metric(name + "_count") if "ack" not in name else values[-1], name)

    def test_stored_records_are_counted(self):
        for count in (1, 7, 100):
            self.assertEqual(self.moved("neurallog_ingest_logs_total", lambda: self.server.post([{"a": 1}] * count)), count)

    def test_batches_requests_and_acks_are_counted(self):
        def work():
            for _ in range(3):
                self.server.post([{"a": 1}, {"a": 2}])
        for name in ("neurallog_ingest_batches_total", "neurallog_ingest_requests_total", "neurallog_ingest_ack_seconds_count"):
            self.assertEqual(self.moved(name, work), 3, name)

    def test_refused_records_are_counted_and_not_as_stored(self):
        def work():
            self.server.post([{"a": 1}, 2, {"timestamp": "never"}])
        self.assertEqual(self.moved("neurallog_ingest_rejected_logs_total", work), 2)
        self.assertEqual(self.moved("neurallog_ingest_logs_total", work), 1)

    def test_body_bytes_are_counted_as_received(self):
        body = json.dumps([{"a": "x" * 1000}] * 10)
        self.assertEqual(self.moved("neurallog_ingest_body_bytes_total", lambda: self.server.send(body)), len(body))

    def test_refusals_are_counted_by_reason(self):
        refusals = (("invalid_argument", lambda: self.server.send("nonsense")), ("invalid_argument", lambda: self.server.request("GET", "/v1/logs?limit=x")),
                    ("not_found", lambda: self.server.request("GET", "/nope")),
                    ("permission_denied", lambda: self.server.send("{}", {"X-Scope-OrgID": "other"})),
                    ("unsupported", lambda: self.server.send("{}", {"Content-Encoding": "br"})))
        for reason, work in refusals:
            name = f'neurallog_requests_refused_total{{reason="{reason}"}}'
            if name not in self.text():
                self.fail(f"no metric {name}; there are: " + " ".join(line for line in self.text().splitlines() if "refused_total{" in line))
            self.assertEqual(self.moved(name, work), 1, reason)

    def test_a_method_that_is_not_there_is_counted_as_a_refusal_of_one_kind(self):
        def total():
            return sum(float(line.rsplit(" ", 1)[1]) for line in self.text().splitlines() if line.startswith("neurallog_requests_refused_total{"))
        before = total()
        self.assertEqual(self.server.request("PUT", "/v1/logs")[0], 405)
        self.assertEqual(total() - before, 1)

    def test_queries_and_their_rows_are_counted(self):
        self.server.post([{"counted": 1}] * 25)

        def work():
            self.server.search("counted:=1")
            self.server.search("counted:=1", limit=5)
        self.assertEqual(self.moved("neurallog_queries_total", work), 2)
        self.assertEqual(self.moved("neurallog_query_rows_total", work), 30)
        self.assertEqual(self.moved("neurallog_query_seconds_count", work), 2)
        self.assertTrue(until(lambda: self.server.metric("neurallog_queries_active") == 0))  # the answer's end comes first
        self.assertEqual(self.server.metric("neurallog_ingest_requests_in_flight"), 0)

    def test_http_requests_and_connections_are_counted(self):
        def work():
            for _ in range(4):
                self.server.request("GET", "/healthz")
        self.assertEqual(self.moved("neurallog_http_requests_total", work), 5)  # and the look at the metrics itself
        self.assertEqual(self.moved("neurallog_http_connections_total", work), 5)
        self.assertEqual(self.moved("neurallog_http_malformed_total", lambda: self.server.raw(b"NONSENSE\r\n\r\n")), 1)

    def test_gauges_show_what_is_there(self):
        self.assertEqual(self.server.metric("neurallog_tenants"), 1)
        self.assertEqual(self.server.metric("neurallog_read_only"), 0)
        self.assertEqual(self.server.metric("neurallog_ring_slots"), 4096)
        self.assertEqual(self.server.metric("neurallog_wal_errors_total"), 0)
        self.assertGreater(self.server.metric("process_resident_memory_bytes"), 1 << 20)
        self.assertGreaterEqual(self.server.metric("process_open_fds"), 5)

    def test_sealed_blocks_are_counted(self):
        self.assertGreaterEqual(self.moved("neurallog_blocks_sealed_rows_total", lambda: [self.server.post([{"a": 1}] * 64) for _ in range(4)]), 64)

    def test_probes_answer_what_they_should(self):
        for target, body in (("/healthz", b"ok\n"), ("/health", b"ok\n"), ("/readyz", b"ready\n")):
            self.assertEqual(self.server.request("GET", target)[::2], (200, body))
        self.assertEqual(json.loads(self.server.request("GET", "/")[2])["name"], "neurallog")


class OwnLogTest(unittest.TestCase):
    def test_json_logs_are_json_lines(self):
        with Server("--log-format=json", "--log-level=debug") as server:
            server.send('bad "text"\n')
            server.stop()
            lines = server.stderr().splitlines()
        self.assertGreaterEqual(len(lines), 4)
        for line in lines:
            record = json.loads(line)
            self.assertEqual({"timestamp", "level", "message"} - record.keys(), set(), line)
        self.assertEqual(json.loads(lines[-1])["message"], "stopped")

    def test_text_logs_are_one_line_per_event_and_name_the_port(self):
        with Server() as server:
            server.stop()
            for line in server.stderr().splitlines():
                self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) ")


if __name__ == "__main__":
    unittest.main()
