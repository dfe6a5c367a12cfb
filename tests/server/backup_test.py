#!/usr/bin/env python3
"""Backups of a running server: what was acknowledged up to the backup's log position comes back, and nothing else."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from disk_test import mount, rows
from harness import ProblemAssertions, Server, run, until

BATCH = 100
# Many small files: blocks, flushes and segments come often.
FLAGS = ("--wal-segment-bytes=1MiB", "--wal-retained-bytes-max=4MiB", "--storage-memtable-bytes-total=4MiB", "--storage-block-rows=256")


class BackupTest(ProblemAssertions, unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.place = os.path.join(self.folder, "backups")
        self.frames = 0
        self.server = self.start(os.path.join(self.folder, "data"))

    def start(self, data_dir):
        server = Server(*FLAGS, data_dir=data_dir)
        self.addCleanup(server.close)
        return server

    def post(self, batches=1):
        """Each batch is one frame of the log, numbered as the log numbers it."""
        for _ in range(batches):
            first = self.frames * BATCH
            self.assertEqual(self.server.send(rows(first, BATCH), {"Content-Type": "application/x-ndjson"})[0], 200)
            self.frames += 1

    def url(self, server=None):
        return f"http://127.0.0.1:{(server or self.server).port}"

    def cli(self, *arguments, code=0):
        finished = run("backup", *arguments)
        self.assertEqual(finished.returncode, code, finished.stdout + finished.stderr)
        return finished.stdout + finished.stderr

    def begin(self, **more):
        return self.server.send(json.dumps({"directory": self.place, **more}).encode(), target="/v1/backups")

    def job(self, number):
        return json.loads(self.server.request("GET", f"/v1/backups/jobs/{number}")[2])

    def create(self):
        """Makes a backup and returns its manifest, with how many batches had been acknowledged when it began and when it had ended."""
        low = self.frames
        status, headers, job = self.begin()
        self.assertEqual(status, 202, job)
        self.assertEqual(headers["location"], "/v1/backups/jobs/" + job["id"])
        self.assertTrue(until(lambda: self.job(job["id"])["state"] != "running", 30))
        job = self.job(job["id"])
        self.assertEqual(job["state"], "done", job)
        manifest = self.manifest(job["backup"])
        self.assertEqual((manifest["new_files"], manifest["durable_lsn"]), (job["new_files"], job["durable_lsn"]))
        return {**manifest, "low": low, "high": self.frames + 1}

    def manifest(self, name):
        with open(os.path.join(self.place, "backups", name + ".json")) as file:
            return json.load(file)

    def backups(self):
        folder = os.path.join(self.place, "backups")
        return sorted(name[:-5] for name in os.listdir(folder) if name.endswith(".json")) if os.path.isdir(folder) else []

    def restored(self, name, *backup):
        """A server on a folder that was restored."""
        data_dir = os.path.join(self.folder, name)
        self.cli("restore", self.place, *backup, "--data-dir", data_dir)
        return self.start(data_dir)

    def assert_exact(self, server, low, high=None):
        """Each row of the first batches once, and no other: of at least `low` batches, and none that was sent after `high`. There is one
        writer, so rows up to a log position are the first ones."""
        self.assertEqual(server.request("GET", "/readyz")[0], 200)
        numbers = sorted(row["n"] for row in server.search("n:* | fields n"))
        self.assertEqual(numbers, list(range(len(numbers))), "a row is missing or there more than once")
        self.assertEqual(len(numbers) % BATCH, 0)
        self.assertIn(len(numbers) // BATCH, range(low, (high or low) + 1))

    def test_a_restored_backup_has_every_row_of_its_moment(self):
        self.post(30)
        self.create()
        self.post(10)
        server = self.restored("again")
        self.assert_exact(server, 30)
        self.assertEqual(server.post({"n": -1})[0], 200)
        server.kill()
        server.start()
        self.assertEqual(server.count(), 30 * BATCH + 1)

    def test_a_backup_while_rows_come_in_is_exact(self):
        self.post(20)
        stop = threading.Event()

        def work():
            while not stop.is_set():
                self.post()
        writer = threading.Thread(target=work)
        writer.start()
        try:
            manifests = []
            for _ in range(4):
                manifests.append(self.create())
                time.sleep(0.3)
        finally:
            stop.set()
            writer.join()
        self.assertGreater(manifests[-1]["low"], manifests[0]["low"], "nothing came in meanwhile")
        self.server.kill()
        self.cli("verify", self.place)
        for number, manifest in enumerate(manifests):
            server = self.restored(f"again{number}", manifest["id"])
            self.assert_exact(server, manifest["low"], manifest["high"])
            server.close()

    def test_a_second_backup_copies_new_files_only(self):
        self.post(60)
        first = self.create()
        self.assertEqual(first["new_files"], len({file["sha256"] for file in first["files"]}))
        again = first
        for _ in range(10):  # until the server has no work left of its own
            before, again = again, self.create()
            kept = {file["path"] for file in before["files"]}
            stored = {file["path"] for file in again["files"] if file["path"].endswith((".sst", ".blob"))}
            if stored <= kept:
                break
            time.sleep(0.5)
        self.assertLessEqual(stored, kept)
        self.assertLess(again["new_files"], 4, again["new_files"])
        self.post(60)
        last = self.create()
        known = {file["sha256"] for file in first["files"] + again["files"]}
        new = {file["sha256"]: file["bytes"] for file in last["files"] if file["sha256"] not in known}
        self.assertEqual((last["new_files"], last["new_bytes"]), (len(new), sum(new.values())))
        self.assertTrue(any(file["path"].endswith(".blob") and file["sha256"] in known for file in last["files"]), "no blob file is shared")
        objects = os.listdir(os.path.join(self.place, "files"))
        self.assertEqual(set(objects), known | set(new))

    def test_the_log_goes_on_being_shortened_after_a_backup(self):
        self.post(20)
        self.create()
        self.post(200)
        self.assertTrue(until(lambda: self.server.metric("neurallog_wal_size_bytes") < 8 << 20, 20))
        self.assert_exact(self.restored("again"), 20)

    def test_the_command_line_makes_lists_verifies_and_prunes(self):
        self.post(5)
        for _ in range(3):
            self.assertIn("log position ", self.cli("create", "--server", self.url(), self.place))
        names = self.backups()
        self.assertEqual([line.split("\t")[0] for line in self.cli("list", self.place).splitlines()], sorted(names, key=lambda n: (n[:16], len(n), n)))
        self.assertIn("3 backups", self.cli("verify", self.place))
        self.assertEqual(self.cli("prune", self.place, "--keep", "1").count("removed backup"), 2)
        self.assertEqual(len(self.backups()), 1)
        needed = {file["sha256"] for file in self.manifest(self.backups()[0])["files"]}
        self.assertEqual(set(os.listdir(os.path.join(self.place, "files"))), needed)
        self.assertIn("1 backups", self.cli("verify", self.place))
        listed = json.loads(self.server.request("GET", "/v1/backups?directory=" + self.place)[2])
        self.assertEqual([backup["id"] for backup in listed["backups"]], self.backups())
        self.assertEqual(len(json.loads(self.server.request("GET", "/v1/backups/jobs")[2])["jobs"]), 3)
        self.assertEqual(self.server.metric("neurallog_backups_total"), 3)

    def test_the_folder_of_a_stopped_server_is_backed_up_too(self):
        self.post(12)
        self.server.kill()
        self.cli("create", "--data-dir", self.server.data_dir, self.place)
        self.assert_exact(self.restored("again"), 12)
        self.server.start()
        self.assertIn("is a server using", self.cli("create", "--data-dir", self.server.data_dir, self.place, code=1))

    def test_an_empty_server_is_backed_up(self):
        self.create()
        server = self.restored("again")
        self.assertEqual(server.count(), 0)
        self.assertEqual(server.post({"n": 1})[0], 200)
        self.assertEqual(server.count(), 1)

    def test_tenants_and_keys_come_along(self):
        self.server.post({"name": "acme"}, "/v1/tenants")
        admin = self.server.post({"role": "admin"}, "/v1/keys")[1]["key"]
        bearer = {"Authorization": "Bearer " + admin}
        acme = {"Authorization": "Bearer " + self.server.post({"role": "readwrite", "tenant": "acme"}, "/v1/keys", bearer)[1]["key"]}
        self.assertEqual(self.server.post({"message": "hello"}, headers=acme)[0], 200)
        for headers, status in (({}, 401), (acme, 403)):
            for method, target in (("POST", "/v1/backups"), ("GET", "/v1/backups?directory=/x"), ("GET", "/v1/backups/jobs"), ("GET", "/v1/backups/jobs/1")):
                self.assertEqual(self.server.request(method, target, headers=headers)[0], status, target)
        self.cli("create", "--server", self.url(), "--admin-key", admin, self.place)
        server = self.restored("again")
        self.assertEqual([row["message"] for row in server.search(headers=acme)], ["hello"])
        self.assertEqual(server.request("GET", "/v1/logs")[0], 401)

    def test_requests_that_make_no_sense_are_refused(self):
        self.assert_problem(self.server.send(b'{"directory":"backups"}', target="/v1/backups"), 400, "absolute path")
        self.assert_problem(self.server.send(b"{}", target="/v1/backups"), 400, "absolute path")
        self.assert_problem(self.begin(more="x"), 400, 'unknown member "more"')
        self.assert_problem(self.server.request("GET", "/v1/backups"), 400, "absolute path")
        self.assert_problem(self.server.request("GET", "/v1/backups/jobs/7"), 404)
        self.cli("restore", self.place, "--data-dir", os.path.join(self.folder, "new"), code=1)
        self.cli("verify", self.place, "20260101T000000Z", code=1)

    def test_a_backup_that_cannot_be_written_fails_and_says_why(self):
        with open(self.place, "w") as file:
            file.write("not a folder")
        job = self.begin()[2]
        self.assertTrue(until(lambda: self.job(job["id"])["state"] == "failed"))
        self.assertIn(self.place, self.job(job["id"])["error"])
        self.assertEqual(self.server.metric("neurallog_backup_errors_total"), 1)
        self.assertFalse(os.path.exists(os.path.join(self.server.data_dir, "backup.tmp")))
        self.cli("create", "--server", self.url(), self.place, code=1)

    def test_verify_names_what_is_damaged(self):
        self.post(30)
        manifest = self.create()
        self.post(30)
        second = self.create()
        victim = max((file for file in manifest["files"] if file["path"].endswith(".blob")), key=lambda file: file["bytes"])
        path = os.path.join(self.place, "files", victim["sha256"])
        self.flip(path, victim["bytes"] // 2)
        text = self.cli("verify", self.place, code=1)
        for part in (victim["sha256"], "checksum mismatch", victim["path"], manifest["id"], second["id"], "1 objects are damaged"):
            self.assertIn(part, text)
        self.assertIn("checksum mismatch", self.cli("restore", self.place, "--data-dir", os.path.join(self.folder, "bad"), code=1))
        finished = run("serve", "--data-dir", os.path.join(self.folder, "bad"), "--listen", "127.0.0.1:0")
        self.assertEqual(finished.returncode, 1)
        self.assertIn("restore that did not end", finished.stderr)
        self.flip(path, victim["bytes"] // 2)
        os.remove(os.path.join(self.place, "files", victim["sha256"]))
        self.assertIn("is missing", self.cli("verify", self.place, manifest["id"], code=1))
        # The server still has the file: the next backup brings it back.
        self.create()
        self.cli("verify", self.place)

    def test_a_damaged_manifest_is_named_and_hurts_no_other_backup(self):
        self.post(3)
        first, second = self.create(), self.create()
        path = os.path.join(self.place, "backups", second["id"] + ".json")
        self.flip(path, 100)
        self.assertIn(second["id"], self.cli("list", self.place, code=1))
        self.assertIn(second["id"], self.cli("verify", self.place, code=1))
        self.cli("prune", self.place, "--keep", "1", code=1)
        self.assertEqual(len(self.backups()), 2)
        self.assert_exact(self.restored("again"), first["low"])

    def flip(self, path, offset):
        with open(path, "rb+") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 0x20]))

    def test_kill_9_during_a_backup_hurts_neither_the_server_nor_older_backups(self):
        self.post(40)
        kept = self.create()
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        for _ in range(6):
            self.post(20)
            job = self.begin()[2]
            time.sleep(rng.random() * 0.15)
            self.server.kill()
            self.server.start()
            self.assertFalse(os.path.exists(os.path.join(self.server.data_dir, "backup.tmp")), seed)
            self.assertEqual(self.server.count(), self.frames * BATCH, seed)
            self.cli("verify", self.place)
        self.create()
        self.assertEqual([name for name in os.listdir(os.path.join(self.place, "files")) if name.startswith("tmp-")], [])
        self.assert_exact(self.restored("kept", kept["id"]), 40)
        self.assert_exact(self.restored("last"), self.frames)

    def test_one_backup_at_a_time(self):
        self.post(100)
        answers = [self.begin()[0] for _ in range(5)]
        self.assertEqual(answers[0], 202)
        self.assertTrue(set(answers) <= {202, 409}, answers)
        self.assertTrue(until(lambda: not any(job["state"] == "running" for job in json.loads(self.server.request("GET", "/v1/backups/jobs")[2])["jobs"])))
        self.assertEqual(len(self.backups()), answers.count(202))

    def test_a_server_that_stops_cancels_its_backup(self):
        self.post(60)
        self.begin()
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.server.count(), 60 * BATCH)
        self.cli("verify", self.place)

    def test_a_full_place_fails_the_backup_and_keeps_what_it_has(self):
        os.mkdir(self.place)
        if mount(self.place, 8) is None:
            self.skipTest("a tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.place], check=False)
        self.post(20)
        first = self.create()
        self.post(80)
        for _ in range(2):
            job = self.begin()[2]
            self.assertTrue(until(lambda: self.job(job["id"])["state"] == "failed"))
            self.assertIn("No space left on device", self.job(job["id"])["error"])
            self.assertEqual(self.backups(), [first["id"]])
        self.cli("verify", self.place)
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.assertEqual(self.server.count(), 100 * BATCH)
        self.assert_exact(self.restored("again"), 20)
        self.cli("restore", self.place, "--data-dir", os.path.join(self.place, "full"), code=1)

    def test_a_folder_that_is_not_empty_is_not_restored_to(self):
        self.post()
        self.create()
        self.server.stop()
        before = sorted(os.listdir(self.server.data_dir))
        self.assertIn("is not empty", self.cli("restore", self.place, "--data-dir", self.server.data_dir, code=1))
        self.assertEqual(sorted(os.listdir(self.server.data_dir)), before)

    def test_a_read_only_server_refuses_a_backup(self):
        self.post(3)
        self.server.kill()
        wal = os.path.join(self.server.data_dir, "wal")
        segment = sorted(os.listdir(wal))[0]
        self.flip(os.path.join(wal, segment), 4096 + 80 + 2000)
        self.server.start()
        job = self.begin()[2]
        self.assertTrue(until(lambda: self.job(job["id"])["state"] == "failed"))
        self.assertIn("read-only", self.job(job["id"])["error"])


if __name__ == "__main__":
    unittest.main()
