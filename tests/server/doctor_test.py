#!/usr/bin/env python3
"""`neurallog doctor`: names what is damaged, changes nothing, and repairs when told to."""
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
import unittest

from disk_test import rows
from harness import Server, run

BATCH = 100
# No segment is used again: what looks like a frame is one.
FLAGS = ("--wal-segment-bytes=1MiB", "--storage-block-rows=64", "--wal-recycle-segments-max=0")


def flip(path, offset):
    with open(path, "rb+") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x20]))


class DoctorTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data_dir = os.path.join(self.folder, "data")
        self.server = Server(*FLAGS, data_dir=self.data_dir)
        self.addCleanup(self.server.close)
        self.sent = 0

    def post(self, batches):
        for _ in range(batches):
            self.assertEqual(self.server.send(rows(self.sent, BATCH), {"Content-Type": "application/x-ndjson"})[0], 200)
            self.sent += BATCH

    def doctor(self, *flags, code):
        finished = run("doctor", "--data-dir", self.data_dir, *flags)
        self.assertEqual(finished.returncode, code, finished.stdout + finished.stderr)
        return finished.stdout + finished.stderr

    def damages(self, text):
        return [line for line in text.splitlines() if line.startswith("damage: ")]

    def files(self, pattern):
        found = sorted(glob.glob(os.path.join(self.data_dir, pattern)), key=os.path.getsize)
        self.assertTrue(found, pattern)
        return found

    def segments(self):
        """The log's segments that hold frames, oldest first, each with the places of its groups."""
        found = []
        for path in sorted(self.files("wal/wal-*.log")):
            with open(path, "rb") as file:
                frames = [match.start() for match in re.finditer(b"NFRM", file.read()) if match.start() % 4096 == 0]
            if frames:
                found.append((path, frames))
        return found

    def fingerprint(self):
        """Every file of the folder with its content and times."""
        found = {}
        for folder, _, names in os.walk(self.data_dir):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[path] = (hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns)
        return found

    def numbers(self):
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200, self.server.stderr()[-500:])
        numbers = [row["n"] for row in self.server.search("n:* | fields n")]
        self.assertEqual(len(numbers), len(set(numbers)), "rows are there more than once")
        return set(numbers)

    def start_repaired(self):
        """The rows that a server has after the repair; writing works too."""
        self.server.start()
        found = self.numbers()
        self.assertTrue(found <= set(range(self.sent)))
        self.post(1)
        self.assertEqual(self.server.restart(), 0)
        self.assertEqual(self.numbers(), found | set(range(self.sent - BATCH, self.sent)))
        return found

    def test_a_good_folder_is_clean_and_stays_as_it_is(self):
        self.post(10)
        self.assertEqual(self.server.restart(), 0)
        self.post(3)
        for end in (self.server.kill, self.server.stop):
            end()
            before = self.fingerprint()
            text = self.doctor(code=0)
            self.assertIn("no damage", text)
            self.assertEqual(self.fingerprint(), before)
            self.doctor("--repair", code=0)
            self.assertEqual(self.fingerprint(), before)
            self.server.start()
        self.assertEqual(len(self.numbers()), self.sent)

    def test_a_folder_that_cannot_be_examined_is_told_apart_from_damage(self):
        self.assertIn("a server has", self.doctor(code=2))
        self.assertIn("a server has", self.doctor("--repair", code=2))
        self.assertEqual(self.server.stop(), 0)
        os.rename(self.data_dir, self.data_dir + "2")
        self.assertIn("holds no data", self.doctor(code=2))

    def test_a_flipped_byte_in_a_blob_file_costs_one_block(self):
        self.post(30)
        self.assertEqual(self.server.stop(), 0)
        blob = self.files("store/*.blob")[-1]
        flip(blob, os.path.getsize(blob) // 2)
        before = self.fingerprint()
        text = self.doctor(code=1)
        self.assertEqual(self.fingerprint(), before, "the examination changed something")
        damages = self.damages(text)
        self.assertEqual(len(damages), 1, text)
        match = re.match(r"damage: partition \S+, tenant default, block \d+/\d+/\d+, (\S+) to (\S+), (\d+) rows: column \"\w+\": .*CRC mismatch", damages[0])
        self.assertTrue(match, damages[0])
        lost = int(match[3])
        self.assertLessEqual(lost, 64)

        text = self.doctor("--repair", code=0)
        quarantine = re.search(r"lies in (\S+)", text)[1]
        with open(os.path.join(quarantine, "report.txt")) as file:
            self.assertEqual(file.read().splitlines(), [damages[0].removeprefix("damage: ")])
        self.assertEqual(sorted(name for name in os.listdir(os.path.join(quarantine, "store")) if name.endswith((".sst", ".blob"))),
                         sorted(os.path.basename(path) for path in before if path.endswith((".sst", ".blob"))))
        self.assertEqual(len(self.start_repaired()), 30 * BATCH - lost)
        self.assertEqual(self.server.stop(), 0)
        self.doctor(code=0)

    def test_the_quarantine_holds_the_store_as_it_was(self):
        self.post(10)
        self.assertEqual(self.server.stop(), 0)
        blob = self.files("store/*.blob")[-1]
        flip(blob, 1000)
        before = {os.path.relpath(path, os.path.join(self.data_dir, "store")): content[0]
                  for path, content in self.fingerprint().items() if "/store/" in path}
        quarantine = re.search(r"lies in (\S+)", self.doctor("--repair", code=0))[1]
        shutil.rmtree(os.path.join(self.data_dir, "store"))
        os.rename(os.path.join(quarantine, "store"), os.path.join(self.data_dir, "store"))
        after = {os.path.relpath(path, os.path.join(self.data_dir, "store")): content[0]
                 for path, content in self.fingerprint().items() if path.startswith(os.path.join(self.data_dir, "store") + "/")}
        self.assertEqual(after, before)

    def test_every_part_of_an_sst_file_that_matters_is_checked_and_repaired(self):
        self.post(150)
        self.assertEqual(self.server.stop(), 0)
        saved = os.path.join(self.folder, "saved")
        shutil.copytree(self.data_dir, saved)
        ssts = [path for path in self.files("store/*.sst") if os.path.getsize(path) > 20_000]
        self.assertTrue(ssts)
        size = os.path.getsize(ssts[-1])
        for offset in (10, size // 3, size * 2 // 3):
            flip(ssts[-1], offset)
            text = self.doctor(code=1)
            self.assertIn(os.path.basename(ssts[-1]), text)
            self.doctor("--repair", code=0)
            found = self.start_repaired()
            self.assertGreater(len(found), 150 * BATCH // 4, text)
            self.assertEqual(self.server.stop(), 0)
            self.doctor(code=0)
            shutil.rmtree(self.data_dir)
            shutil.copytree(saved, self.data_dir)
            self.sent = 150 * BATCH

    def test_lost_files_cost_what_was_in_them(self):
        self.post(20)
        self.assertEqual(self.server.restart(), 0)
        self.post(20)
        self.assertEqual(self.server.stop(), 0)
        os.remove(self.files("store/*.blob")[0])
        text = self.doctor(code=1)
        self.assertGreater(len(self.damages(text)), 5)
        lost = sum(int(match) for match in re.findall(r", (\d+) rows: ", text))
        self.doctor("--repair", code=0)
        self.assertEqual(len(self.start_repaired()), 40 * BATCH - lost)

    def test_a_lost_sst_file_costs_the_blocks_that_it_named(self):
        for batches in (20, 40):
            self.post(batches)
            self.assertEqual(self.server.restart(), 0)
        self.post(20)
        self.assertEqual(self.server.stop(), 0)
        lost = max(self.files("store/*.sst"), key=os.path.getsize)  # the second one's
        saved = os.path.join(self.folder, "saved")
        shutil.copytree(self.data_dir, saved)
        for hurt in (os.remove, lambda path: os.truncate(path, os.path.getsize(path) // 2), lambda path: flip(path, os.path.getsize(path) - 4)):
            hurt(lost)
            finished = run("serve", "--data-dir", self.data_dir, "--listen", "127.0.0.1:0")
            self.assertEqual(finished.returncode, 1)
            before = self.fingerprint()
            self.assertIn(os.path.basename(lost), self.doctor(code=1))
            self.assertEqual(self.fingerprint(), before, "the examination changed something")
            self.doctor("--repair", code=0)
            left = [os.path.basename(name) for name in self.files("quarantine/*/store/*.sst")]
            self.assertGreater(len(left), 0, "what the lost file would have needed is kept")
            self.assertEqual(self.start_repaired(), set(range(20 * BATCH)) | set(range(60 * BATCH, 80 * BATCH)))
            self.assertEqual(self.server.stop(), 0)
            self.doctor(code=0)
            shutil.rmtree(self.data_dir)
            shutil.copytree(saved, self.data_dir)
            self.sent = 80 * BATCH

    def test_a_store_that_cannot_be_opened_is_told_apart(self):
        self.post(5)
        self.assertEqual(self.server.stop(), 0)
        manifest = self.files("store/MANIFEST-*")[-1]
        flip(manifest, 30)
        before = self.fingerprint()
        self.assertIn("restore a backup", self.doctor(code=1))
        self.doctor("--repair", code=1)
        self.assertEqual(self.fingerprint(), before)

    def test_a_damaged_log_is_repaired_so_that_the_server_starts_writable(self):
        self.post(10)
        self.server.kill()
        segment, frames = self.segments()[0]
        self.assertGreater(len(frames), 4)
        flip(segment, frames[3] + 80 + 5000)
        self.server.start()
        self.assertEqual(self.server.request("GET", "/readyz")[0], 503)
        self.assertEqual(self.server.stop(), 0)
        before = self.fingerprint()
        self.assertIn("damage: log: frames 4 to 4 are missing", self.doctor(code=1))
        self.assertEqual(self.fingerprint(), before)
        quarantine = re.search(r"lies in (\S+)", self.doctor("--repair", code=0))[1]
        kept = os.path.join(quarantine, "wal", os.path.basename(segment))
        with open(kept, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), before[segment][0])
        self.assertEqual(self.start_repaired(), set(range(10 * BATCH)) - set(range(3 * BATCH, 4 * BATCH)))

    def test_a_segment_without_its_header_is_taken_out(self):
        self.post(20)
        self.server.kill()
        segments = self.segments()
        self.assertGreater(len(segments), 2)
        flip(segments[1][0], 20)
        self.assertIn("header is damaged", self.doctor(code=1))
        self.doctor("--repair", code=0)
        found = self.start_repaired()
        self.assertGreater(len(found), 10 * BATCH)
        self.assertLess(len(found), 20 * BATCH)
        self.assertEqual(self.server.stop(), 0)
        self.doctor(code=0)

    def test_a_missing_segment_is_named_and_accepted(self):
        self.post(20)
        self.server.kill()
        os.remove(self.segments()[1][0])
        self.assertRegex(self.doctor(code=1), r"damage: log: frames \d+ to \d+ are missing")
        self.doctor("--repair", code=0)
        found = self.start_repaired()
        self.assertGreater(len(found), 10 * BATCH)
        self.assertLess(len(found), 20 * BATCH)

    def test_damage_in_store_and_log_is_repaired_together(self):
        self.post(20)
        self.assertEqual(self.server.restart(), 0)
        self.post(10)
        self.server.kill()
        blob = self.files("store/*.blob")[-1]
        flip(blob, os.path.getsize(blob) // 2)
        # One whose rows are in no block yet, with frames behind it that vouch for it.
        segment, frames = next((segment, frames) for segment, frames in reversed(self.segments()) if len(frames) > 1)
        flip(segment, frames[0] + 80 + 5000)
        text = self.doctor(code=1)
        self.assertIn("damage: log: ", text)
        lost = sum(int(match) for match in re.findall(r", (\d+) rows: ", text)) + BATCH
        self.doctor("--repair", code=0)
        self.assertEqual(len(self.start_repaired()), 30 * BATCH - lost)

    def test_tenants_and_keys_outlive_a_repair_of_partitions(self):
        self.server.post({"name": "acme"}, "/v1/tenants")
        admin = self.server.post({"role": "admin"}, "/v1/keys")[1]["key"]
        bearer = {"Authorization": "Bearer " + admin}
        acme = {"Authorization": "Bearer " + self.server.post({"role": "readwrite", "tenant": "acme"}, "/v1/keys", bearer)[1]["key"]}
        for i in range(10):
            self.assertEqual(self.server.send(rows(i * BATCH, BATCH), {**acme, "Content-Type": "application/x-ndjson"})[0], 200)
        self.assertEqual(self.server.stop(), 0)
        blob = self.files("store/*.blob")[-1]
        flip(blob, os.path.getsize(blob) // 2)
        self.assertIn("tenant acme", self.doctor(code=1))
        self.doctor("--repair", code=0)
        self.server.start()
        self.assertGreater(len(self.server.search("n:*", headers=acme)), 8 * BATCH)
        tenants = json.loads(self.server.request("GET", "/v1/tenants", headers=bearer)[2])["tenants"]
        self.assertEqual(sorted(tenant["name"] for tenant in tenants), ["acme", "default"])

    def test_a_repair_that_was_interrupted_is_ended(self):
        """The moment between the two renames."""
        self.post(10)
        self.assertEqual(self.server.stop(), 0)
        store = os.path.join(self.data_dir, "store")
        os.rename(store, os.path.join(self.data_dir, "store.repair"))
        open(os.path.join(self.data_dir, "repair.incomplete"), "w").close()
        finished = run("serve", "--data-dir", self.data_dir, "--listen", "127.0.0.1:0")
        self.assertEqual(finished.returncode, 1)
        self.assertIn("repair that did not end", finished.stderr)
        self.doctor(code=2)
        self.doctor("--repair", code=0)
        self.assertEqual(len(self.start_repaired()), 10 * BATCH)


if __name__ == "__main__":
    unittest.main()
