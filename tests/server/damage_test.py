#!/usr/bin/env python3
"""Damage in the store while a server runs: a flipped byte costs what it was in, is reported, and everything else is served."""
import base64
import glob
import json
import os
import re
import shutil
import socket
import tempfile
import unittest

from disk_test import rows
from doctor_test import flip
from harness import ProblemAssertions, Server, run, until

BATCH = 100
BLOCK = 64
FLAGS = ("--wal-segment-bytes=1MiB", f"--storage-block-rows={BLOCK}")
HEADER = "neurallog-damaged-blocks"


class DamagedBlocksTest(ProblemAssertions, unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = Server(*FLAGS, data_dir=self.folder)
        self.addCleanup(self.server.close)
        self.sent = 0

    def post(self, batches, headers=None):
        for _ in range(batches):
            self.assertEqual(self.server.send(rows(self.sent, BATCH), {"Content-Type": "application/x-ndjson", **(headers or {})})[0], 200)
            self.sent += BATCH

    def files(self, pattern):
        found = sorted(glob.glob(os.path.join(self.folder, "store", pattern)), key=os.path.getsize)
        self.assertTrue(found, pattern)
        return found

    def damage_blob(self, *parts):
        """Flips bytes in the largest blob file of a stopped server, at these parts of its length, and starts it again."""
        self.assertEqual(self.server.stop(), 0)
        blob = self.files("*.blob")[-1]
        for part in parts:
            flip(blob, int(os.path.getsize(blob) * part))
        self.server.start()

    def answer(self, query="*", headers=None, **params):
        """Status, headers and rows of a search."""
        params = "&".join(f"{key}={value}" for key, value in {"limit": 0, **params}.items())
        status, answer_headers, body = self.server.request("GET", f"/v1/logs?query={query.replace(' ', '%20').replace('|', '%7C')}&{params}", headers=headers)
        self.assertEqual(status, 200, body[:300])
        return answer_headers, [json.loads(line) for line in body.splitlines()]

    def damage(self, headers=None):
        status, _, body = self.server.request("GET", "/v1/damage", headers=headers)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def test_a_flipped_byte_costs_one_block_and_is_reported(self):
        self.post(20)
        self.damage_blob(0.5)
        self.assertEqual(self.damage(), {"blocks": [], "log": [], "blocks_total": 0})
        # A query that does not need the damaged column is whole.
        headers, found = self.answer("* | stats count() n")
        self.assertEqual((found[0]["n"], headers.get(HEADER)), (self.sent, None))
        headers, found = self.answer("* | fields message, n | limit 100000 | stats count_uniq(message) m, count() n")
        lost = self.sent - found[0]["n"]
        self.assertIn(lost, range(1, BLOCK + 1))
        self.assertEqual((found[0]["m"], headers[HEADER]), (found[0]["n"], "1"))

        blocks = self.damage()["blocks"]
        self.assertEqual(len(blocks), 1)
        self.assertEqual((blocks[0]["tenant"], blocks[0]["rows"]), ("default", lost))
        self.assertRegex(blocks[0]["block"], r"^\d+/\d+/\d+$")
        self.assertIn("message", blocks[0]["what"])
        self.assertLessEqual(blocks[0]["start"], blocks[0]["end"])
        self.assertEqual(self.server.metric("neurallog_damaged_blocks_total"), 1)
        self.answer("message:a")
        self.assertEqual(self.server.metric("neurallog_damaged_blocks_total"), 1)
        self.assertEqual(self.server.stderr().count("damaged block "), 1)
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.post(1)
        self.assertEqual(self.server.count(), self.sent)

    def test_every_kind_of_query_leaves_out_just_the_damaged_block(self):
        self.post(30)
        everything = {row["n"]: row["message"] for row in self.server.search("n:*")}
        in_order = "* | sort by (message) limit 100000 | fields message"
        ordered = [row["message"] for row in self.server.search(in_order)]
        self.damage_blob(0.3, 0.7)
        headers, found = self.answer("* | stats by (message) count() c | stats count() n")
        kept = found[0]["n"]
        self.assertEqual(headers[HEADER], "2")
        self.assertIn(len(everything) - kept, range(2, 2 * BLOCK + 1))
        headers, found = self.answer("*", limit=1000)
        self.assertIn(len(found), range(1000 - 2 * BLOCK, 1001))
        self.assertTrue(all(everything[row["n"]] == row["message"] for row in found))
        headers, found = self.answer(in_order, limit=0)
        self.assertEqual((len(found), headers.get(HEADER)), (kept, None if "transfer-encoding" in headers else "2"))
        left = {row["message"] for row in found}
        self.assertTrue([row["message"] for row in found] == [message for message in ordered if message in left])
        headers, found = self.answer("* | uniq by (message) | stats count() n")
        self.assertEqual((found[0]["n"], headers[HEADER]), (kept, "2"))
        headers, found = self.answer("* | stats count() n, max(message) m, count_uniq(message) u")
        self.assertEqual((found[0]["n"], found[0]["u"]), (kept, kept), "each function sees the same rows")
        headers, found = self.answer("message:~x | stats count() n")
        self.assertLessEqual(found[0]["n"], kept)
        self.assertEqual(headers[HEADER], "2")
        for target in ("/v1/logs", "/select/logsql/query"):
            found = self.server.query("*", target, limit=0) if target == "/v1/logs" else self.server.query("*", target)
            self.assertEqual(len(found), kept)

    def test_a_short_answer_is_filled_up_from_other_blocks(self):
        self.post(5)
        everything = {row["n"]: row["message"] for row in self.server.search("n:*")}
        for part in (0.8, 0.6, 0.4, 0.2):  # which block lies where depends on how rows were sealed
            self.damage_blob(part)
            headers, found = self.answer("*", limit=70)
            self.assertEqual(len(found), 70)
            if HEADER in headers:
                break
        self.assertIn(HEADER, headers)
        self.assertTrue(all(everything[row["n"]] == row["message"] for row in found))
        self.assertEqual(len({row["n"] for row in found}), 70)

    def test_a_streamed_answer_says_so_behind_its_end(self):
        self.post(30)
        self.damage_blob(0.5)
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as connection:
            connection.sendall(b"GET /v1/logs?limit=0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"Transfer-Encoding: chunked", head)
        self.assertIn(b"Trailer: NeuralLog-Damaged-Blocks", head)
        self.assertTrue(body.endswith(b"\r\n0\r\nNeuralLog-Damaged-Blocks: 1\r\n\r\n"), body[-200:])
        headers, found = self.answer()
        self.assertIn(self.sent - len(found), range(1, BLOCK + 1))

    def test_a_tenant_sees_its_own_damage_only(self):
        self.server.post({"name": "acme"}, "/v1/tenants")
        admin = {"Authorization": "Bearer " + self.server.post({"role": "admin"}, "/v1/keys")[1]["key"]}
        keys = {name: {"Authorization": "Bearer " + self.server.post({"role": "readwrite", "tenant": name}, "/v1/keys", admin)[1]["key"]}
                for name in ("acme", "default")}
        self.post(20, keys["acme"])
        self.damage_blob(0.5)
        self.assertEqual(self.answer("message:*", headers=keys["acme"])[0].get(HEADER, "trailer"), "trailer")
        self.assertEqual(len(self.damage(keys["acme"])["blocks"]), 1)
        self.assertEqual(self.damage(keys["default"]), {"blocks": []})
        self.assertEqual([block["tenant"] for block in self.damage(admin)["blocks"]], ["acme"])
        self.assertEqual(self.server.request("GET", "/v1/damage")[0], 401)

    def test_headers_that_cannot_be_read_hide_their_blocks_only(self):
        """A flipped byte in the keys of RocksDB: what lies in the same 16 KiB of a file is lost, the rest is served."""
        self.post(150)
        self.assertEqual(self.server.stop(), 0)
        sst = self.files("*.sst")[-1]
        size = os.path.getsize(sst)
        self.assertGreater(size, 40_000)
        for part in (0.2, 0.4, 0.6, 0.8):
            flip(sst, int(size * part))
            self.server.start()
            headers, found = self.answer("* | stats count() n, count_uniq(n) u")
            self.assertEqual(found[0]["n"], found[0]["u"])
            self.assertGreater(found[0]["n"], self.sent // 4)
            listed = self.damage()["blocks"]
            if found[0]["n"] < self.sent:
                self.assertTrue(listed)
                self.assertGreaterEqual(int(headers[HEADER]), 1)
                self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
            self.assertEqual(self.server.send(b'{"other":1}')[0], 200)
            self.assertEqual(self.server.count("other:1"), 1)
            self.server.kill()
            shutil.rmtree(os.path.join(self.folder, "wal"))
            flip(sst, int(size * part))

    def test_a_lost_blob_file_leaves_the_other_ones_readable(self):
        self.post(20)
        self.assertEqual(self.server.restart(), 0)
        first = self.sent
        self.post(20)
        self.assertEqual(self.server.stop(), 0)
        newest = max(self.files("*.blob"))
        with open(newest, "rb+") as file:
            file.truncate(100)
        self.server.start()
        headers, found = self.answer("* | stats count_uniq(message) m, count() n")
        self.assertEqual(found[0]["m"], found[0]["n"])
        self.assertGreaterEqual(found[0]["n"], first)
        self.assertGreaterEqual(int(headers[HEADER]), 10)
        self.assertTrue(self.damage()["blocks"])
        self.post(1)

    def test_damage_that_a_rewrite_meets_is_reported_without_a_query(self):
        day = "2025-06-01T00:00:"
        text = "\n".join(json.dumps({"timestamp": f"{day}{n % 60:02}Z", "n": n, "message": base64.b64encode(os.urandom(1000)).decode()}) for n in range(2000))
        self.assertEqual(self.server.send(text.encode(), {"Content-Type": "application/x-ndjson"})[0], 200)
        self.damage_blob()
        self.server.flags = (*FLAGS, "--storage-warm-after=0", "--storage-warm-idle-rate=1000000000")
        self.damage_blob(0.5)
        self.assertTrue(until(lambda: self.damage()["blocks"], 30))
        block = self.damage()["blocks"][0]
        self.assertIn("column", block["what"])
        self.assertLessEqual(block["rows"], BLOCK)
        self.assertEqual(self.server.metric("neurallog_damaged_blocks_total"), 1)
        headers, found = self.answer("* | stats count_uniq(message) m")
        self.assertEqual((found[0]["m"], headers[HEADER]), (2000 - block["rows"], "1"))

    def test_damage_in_the_log_is_listed_and_makes_the_server_read_only(self):
        self.post(5)
        self.server.kill()
        segment = next(path for path in sorted(glob.glob(os.path.join(self.folder, "wal", "wal-*.log"))))
        with open(segment, "rb") as file:
            frames = [match.start() for match in re.finditer(b"NFRM", file.read()) if match.start() % 4096 == 0]
        flip(segment, frames[1] + 5000)
        self.server.start()
        listed = self.damage()
        self.assertEqual(listed["blocks"], [])
        self.assertEqual(len(listed["log"]), 1)
        self.assertIn("frames 2 to 2 are missing", listed["log"][0])
        self.assert_problem(self.server.request("GET", "/readyz"), 503, "read-only", "frames 2 to 2")

    def test_a_missing_segment_in_the_middle_starts_read_only_with_a_report(self):
        self.post(20)
        self.server.kill()
        segments = []
        for path in sorted(glob.glob(os.path.join(self.folder, "wal", "wal-*.log"))):
            with open(path, "rb") as file:
                if b"NFRM" in file.read(1 << 16):
                    segments.append(path)
        self.assertGreater(len(segments), 2)
        os.remove(segments[1])
        self.server.start()
        self.assertRegex(self.damage()["log"][0], r"frames \d+ to \d+ are missing")
        self.assert_problem(self.server.request("GET", "/readyz"), 503, "read-only")
        self.assertGreater(self.server.count(), 10 * BATCH)
        self.assertLess(self.server.count(), 20 * BATCH)

    def test_doctor_and_server_agree_on_what_is_damaged(self):
        self.post(20)
        self.damage_blob(0.25, 0.5, 0.75)
        self.answer("* | stats count_uniq(message) n")
        told = sorted(block["block"] for block in self.damage()["blocks"])
        self.assertEqual(self.server.stop(), 0)
        examined = run("doctor", "--data-dir", self.folder).stdout
        self.assertEqual(sorted(re.findall(r", block (\S+), .*?column ", examined)), told)


if __name__ == "__main__":
    unittest.main()
