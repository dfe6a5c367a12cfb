#!/usr/bin/env python3
"""A full disk and a damaged log: nothing that was acknowledged is lost, and nothing is served that is not true."""
import base64
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

from harness import ProblemAssertions, Server, ndjson, run, until

PAGE = 4096
FRAME_HEADER = 80


def mount(folder, megabytes):
    """A tmpfs of that size, or None where it cannot be mounted."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return None
    finished = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], capture_output=True)
    return folder if finished.returncode == 0 else None


def rows(first, count):
    """Records that do not compress: about 1.4 KB each."""
    return ndjson({"message": base64.b64encode(os.urandom(1000)).decode(), "n": first + i} for i in range(count))


class FullDiskTest(ProblemAssertions, unittest.TestCase):
    FLAGS = ("--wal-segment-bytes=4MiB", "--wal-retained-bytes-max=8MiB", "--storage-memtable-bytes-total=4MiB", "--storage-block-rows=512",
             "--wal-recycle-segments-max=1")
    BATCH = 200

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        if mount(self.folder, 48) is None:
            self.skipTest("a tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder], check=False)
        self.ballast = os.path.join(self.folder, "ballast")
        with open(self.ballast, "wb") as file:
            file.write(b"x" * (16 << 20))
        self.server = Server(*self.FLAGS, data_dir=os.path.join(self.folder, "data"))
        self.addCleanup(self.server.close)
        self.acknowledged, self.unknown, self.next = set(), set(), 0

    def post(self):
        """One batch; its status, headers and answer. Acknowledged numbers are remembered."""
        numbers = range(self.next, self.next + self.BATCH)
        self.next += self.BATCH
        answer = self.server.send(rows(numbers[0], self.BATCH), {"Content-Type": "application/x-ndjson"})
        if answer[0] == 200:
            self.acknowledged.update(numbers)
        elif answer[0] != 503:
            self.unknown.update(numbers)
        return answer

    def fill(self):
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            answer = self.post()
            if answer[0] != 200:
                return answer
        self.fail(f"the disk was never full; {len(self.acknowledged)} rows")

    def numbers(self):
        return [row["n"] for row in self.server.search("n:* | fields n")]

    def assert_acknowledged_once(self):
        found = self.numbers()
        self.assertEqual(len(found), len(set(found)), "rows are there more than once")
        self.assertEqual(len(self.acknowledged - set(found)), 0, "acknowledged rows are missing")
        self.assertEqual(len(set(found) - self.acknowledged - self.unknown), 0, "refused rows are there")

    def test_a_full_disk_refuses_writes_and_loses_nothing(self):
        answer = self.fill()
        self.assert_problem(answer, 503)
        self.assertTrue(answer[1]["retry-after"].isdigit())
        for _ in range(5):
            self.assertIn(self.post()[0], (200, 503))
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.server.request("GET", "/healthz")[0], 200)
        self.assert_acknowledged_once()

        os.remove(self.ballast)
        self.assertTrue(until(lambda: self.post()[0] == 200, 20), "writing did not go on when there was room again: " + self.server.stderr()[-2000:])
        for _ in range(10):
            self.assertEqual(self.post()[0], 200)
        self.assert_acknowledged_once()

        self.assertEqual(self.server.restart(), 0)
        self.assert_acknowledged_once()
        self.assertEqual(self.post()[0], 200)

    def test_the_store_goes_on_when_there_is_room_again_though_nobody_writes(self):
        self.fill()
        for i in range(5):
            self.server.post({"name": f"early{i}"}, "/v1/tenants")
        os.remove(self.ballast)
        names = (f"late{i}" for i in range(10_000))

        def made():
            time.sleep(0.1)
            return self.server.post({"name": next(names)}, "/v1/tenants")[0] == 201
        self.assertTrue(until(made, 6), "no tenant can be made though there is room: " + self.server.stderr()[-1000:])
        self.assert_acknowledged_once()

    def test_a_backup_from_a_full_disk_fails_or_is_good_and_loses_nothing(self):
        place = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, place, ignore_errors=True)
        self.fill()
        finished = run("backup", "create", "--server", f"http://127.0.0.1:{self.server.port}", place)
        if finished.returncode != 0:
            self.assertRegex(finished.stderr, "the disk is full|No space left on device")
        self.assertFalse(os.path.exists(os.path.join(self.server.data_dir, "backup.tmp")))
        self.assert_acknowledged_once()
        os.remove(self.ballast)
        self.assertTrue(until(lambda: self.post()[0] == 200, 20))

        def backup():
            return run("backup", "create", "--server", f"http://127.0.0.1:{self.server.port}", place).returncode == 0
        self.assertTrue(until(backup, 20), self.server.stderr()[-2000:])
        self.assertEqual(run("backup", "verify", place).returncode, 0)
        self.assert_acknowledged_once()
        again = os.path.join(place, "again")
        self.assertEqual(run("backup", "restore", place, "--data-dir", again).returncode, 0)
        with Server(*self.FLAGS, data_dir=again) as server:
            found = [row["n"] for row in server.search("n:* | fields n")]
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(self.acknowledged - set(found), set())

    def test_a_server_that_is_killed_on_a_full_disk_comes_back_with_every_row(self):
        self.fill()
        for _ in range(3):
            self.post()
        self.server.kill()
        os.remove(self.ballast)
        self.server.start()
        self.assert_acknowledged_once()
        self.assertEqual(self.post()[0], 200)

    def test_a_server_that_is_stopped_on_a_full_disk_comes_back_with_every_row(self):
        self.fill()
        self.assertEqual(self.server.stop(), 0)
        os.remove(self.ballast)
        self.server.start()
        self.assert_acknowledged_once()
        self.assertEqual(self.post()[0], 200)


class DamageTest(ProblemAssertions, unittest.TestCase):
    """Bytes of the write-ahead log that are changed while no server runs."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = Server(data_dir=self.folder)
        self.addCleanup(self.server.close)
        for i in range(20):
            self.assertEqual(self.server.post({"message": f"row {i} " + "x" * 5000, "n": i})[0], 200)

    def segment(self):
        """The segment that holds frames, and where each begins."""
        folder = os.path.join(self.folder, "wal")
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            frames = [match.start() for match in re.finditer(struct.pack("<I", 0x4D52464E), content) if match.start() % PAGE == 0]
            if frames:
                return path, frames
        self.fail("no segment holds frames")

    def change(self, path, offset, work):
        with open(path, "rb+") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(work(byte))

    def flip(self, path, offset):
        self.change(path, offset, lambda byte: bytes([byte[0] ^ 0x10]))

    def numbers(self):
        return sorted(row["n"] for row in self.server.search("n:*"))

    def test_a_flipped_byte_in_an_acknowledged_frame_starts_read_only(self):
        self.server.kill()
        path, frames = self.segment()
        self.assertEqual(len(frames), 20)
        self.flip(path, frames[7] + FRAME_HEADER + 2000)
        before = {name: os.path.getsize(os.path.join(self.folder, "wal", name)) for name in os.listdir(os.path.join(self.folder, "wal"))}
        for _ in range(2):
            self.server.start()
            self.assert_problem(self.server.request("GET", "/readyz"), 503, "read-only")
            self.assertEqual(self.server.request("GET", "/healthz")[0], 200)
            answer = self.server.request("POST", "/v1/logs", b'{"n":99}')
            self.assert_problem(answer, 503, "read-only")
            self.assertIn("retry-after", answer[1])
            self.assertEqual(self.server.request("POST", "/v1/logs?ack=async", b'{"n":99}')[0], 503)
            self.assertEqual(self.numbers(), [i for i in range(20) if i != 7])
            self.assertEqual(self.server.metric("neurallog_read_only"), 1)
            self.assertEqual(self.server.stop(), 0)
        after = {name: os.path.getsize(os.path.join(self.folder, "wal", name)) for name in os.listdir(os.path.join(self.folder, "wal"))}
        self.assertEqual(after, before, "a read-only server changed the log")
        self.flip(path, frames[7] + FRAME_HEADER + 2000)
        self.server.start()
        self.assertEqual(self.numbers(), list(range(20)))
        self.assertEqual(self.server.post({"n": 20})[0], 200)

    def test_a_flipped_byte_in_a_frames_head_starts_read_only_too(self):
        self.server.kill()
        path, frames = self.segment()
        for offset in (0, 4, 9, 17):
            self.flip(path, frames[3] + offset)
            self.server.start()
            self.assertEqual(self.server.request("GET", "/readyz")[0], 503, offset)
            self.assertEqual(self.numbers(), [i for i in range(20) if i != 3])
            self.server.kill()
            self.flip(path, frames[3] + offset)

    def test_a_damaged_head_of_a_segment_starts_read_only(self):
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.post({"n": 20})[0], 200)
        self.server.kill()
        path, _ = self.segment()
        self.flip(path, 20)
        self.server.start()
        self.assertEqual(self.server.request("GET", "/readyz")[0], 503)
        self.assertEqual(self.numbers(), [20])

    def test_a_damaged_head_of_the_only_segment_starts_read_only(self):
        self.server.kill()
        path, _ = self.segment()
        self.flip(path, 20)
        self.server.start()
        self.assertEqual(self.server.request("GET", "/readyz")[0], 503)

    def test_a_torn_tail_starts_normally(self):
        """The last group as a crash may leave it: written in part, and nobody was told that it was durable."""
        self.server.kill()
        path, frames = self.segment()
        with open(path, "rb+") as file:
            file.seek(frames[-1])
            frame = file.read(2 * PAGE)
            file.seek(frames[-1] + 2 * PAGE)  # as a next frame whose second page never came
            file.write(frame[:PAGE])
        self.server.start()
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.assertEqual(self.numbers(), list(range(20)))
        self.assertEqual(self.server.post({"n": 20})[0], 200)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.numbers(), list(range(21)))

    def test_a_segment_that_is_cut_off_behind_its_frames_starts_normally(self):
        self.server.kill()
        path, frames = self.segment()
        os.truncate(path, frames[-1] + 2 * PAGE)
        self.server.start()
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.assertEqual(self.numbers(), list(range(20)))

    def test_a_zeroed_last_group_starts_normally_without_it(self):
        self.server.kill()
        path, frames = self.segment()
        with open(path, "rb+") as file:
            file.seek(frames[-1])
            file.write(bytes(2 * PAGE))
        self.server.start()
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.assertEqual(self.numbers(), list(range(19)))
        self.assertEqual(self.server.post({"n": 100})[0], 200)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.assertEqual(self.numbers(), [*range(19), 100])

    def test_keys_and_tenants_of_a_read_only_server_still_hold(self):
        self.server.post({"name": "acme"}, "/v1/tenants")
        admin = self.server.post({"role": "admin"}, "/v1/keys")[1]["key"]
        self.server.kill()
        path, frames = self.segment()
        self.flip(path, frames[7] + FRAME_HEADER + 2000)
        self.server.start()
        self.assertEqual(self.server.request("GET", "/v1/logs")[0], 401)
        body = self.server.request("GET", "/v1/tenants", headers={"Authorization": "Bearer " + admin})[2]
        self.assertEqual(sorted(tenant["name"] for tenant in json.loads(body)["tenants"]), ["acme", "default"])


if __name__ == "__main__":
    unittest.main()
