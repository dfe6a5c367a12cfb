#!/usr/bin/env python3
"""1,000 rules over 100,000 logs, of which some come hours late, find just what a database finds with the same conditions in SQL."""
import json
import os
import shutil
import subprocess
import sys
import unittest

from harness import Server, shared_data, until

SAMPLE = shared_data("..", "tools", "loggen", "sample_100k")
CONVERTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/micro/loggen_rules.py")
BATCH = 1000


@unittest.skipUnless(os.path.isdir(SAMPLE) and shutil.which("zstd"), f"{SAMPLE} or the zstd command is absent")
class RuleCountsTest(unittest.TestCase):
    def test_each_rule_matches_as_often_as_expected(self):
        rules = os.path.join(SAMPLE, "rules-1000.jsonl")
        documents = subprocess.run([sys.executable, CONVERTER, rules], check=True, capture_output=True).stdout
        lines = subprocess.run(["zstd", "-dcq", os.path.join(SAMPLE, "logs-00000.ndjson.zst")], check=True, capture_output=True).stdout.splitlines(keepends=True)
        with open(os.path.join(SAMPLE, "rules-1000.expected.json"), encoding="utf-8") as file:
            expected = {rule: want["fires"] if isinstance(want, dict) else want for rule, want in json.load(file)["expected"].items()}
        with Server() as server:
            status, _, body = server.request("POST", "/v1/rules:import", documents)
            self.assertEqual((status, json.loads(body)["compiled"]), (200, len(expected)))
            for i in range(0, len(lines), BATCH):
                status, _, body = server.request("POST", "/v1/logs", b"".join(lines[i:i + BATCH]), {"Content-Type": "application/x-ndjson"})
                self.assertEqual(status, 200, body)
            self.assertTrue(until(lambda: b"\nneurallog_rule_stage_lag_batches 0\n" in server.request("GET", "/metrics")[2], seconds=120))
            matched = {rule: json.loads(server.request("GET", f"/v1/rules/{rule}/metrics")[2])["matched"] for rule in expected}
        self.assertEqual({rule: (want, matched[rule]) for rule, want in expected.items() if matched[rule] != want}, {})
        self.assertGreater(sum(expected.values()), 2000)


if __name__ == "__main__":
    unittest.main()
