#!/usr/bin/env python3
"""Deletions over HTTP: jobs, audit, rights; with kill -9 in the middle; and that the bytes leave the disk."""
import json
import os
import random
import time
import unittest

from harness import ProblemAssertions, Server, until

FAST = ("--storage-block-rows=256", "--storage-seal-age=100ms")


def rows(first, count, **fields):
    return [{"message": f"row {first + i}", "seq": first + i, **fields} for i in range(count)]


class DeletionTest(ProblemAssertions, unittest.TestCase):
    def setUp(self):
        self.server = Server(*FAST)
        self.addCleanup(self.server.close)

    def call(self, method, target, body=None, key=None):
        headers = {"X-API-Key": key} if key else {}
        status, _, answer = self.server.request(method, target, json.dumps(body) if body is not None else None, headers)
        return status, json.loads(answer) if answer else None

    def delete(self, query, key=None, **members):
        status, job = self.call("POST", "/v1/logs/delete", {"query": query, **members}, key)
        self.assertEqual(status, 202, job)
        return job

    def finished(self, job, key=None):
        found = lambda: self.call("GET", "/v1/jobs/" + job["id"], key=key)[1]
        until(lambda: found().get("state") in ("done", "failed"), 30)
        return found()

    def seqs(self):
        found = [int(row["seq"]) for row in self.server.search("* | fields seq")]
        self.assertEqual(len(found), len(set(found)))
        return sorted(found)

    def test_rows_that_match_are_gone_and_later_ones_stay(self):
        self.server.post(rows(0, 1000, kind="old"))
        job = self.delete("seq:<300", reason="customer 17 asked")
        self.server.post(rows(10_000, 20, kind="old"))
        self.server.post(rows(100, 5, kind="new"))
        done = self.finished(job)
        self.assertEqual((done["state"], done["rows_deleted"], done["query"], done["reason"]), ("done", 300, "seq:<300", "customer 17 asked"))
        expected = [*range(100, 105), *range(300, 1000), *range(10_000, 10_020)]
        self.assertEqual(self.seqs(), expected)
        self.assertEqual(self.server.count(), len(expected))
        self.assertEqual(self.server.count("kind:new"), 5)
        self.assertEqual(len(self.server.query("* | stats by (kind) count() n")), 2)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.seqs(), expected)
        self.assertEqual(self.finished(job), done)
        self.assertEqual(self.call("GET", "/v1/audit")[1]["audit"], [done])
        self.assertEqual(self.call("GET", "/v1/storage")[1]["deleted_rows"] >= 0, True)

    def test_a_kill_in_the_middle_of_a_deletion_neither_loses_nor_spares_a_row(self):
        for i in range(20):
            self.server.post(rows(i * 2000, 2000))
        expected = set(range(40_000))
        pause = random.Random(7)
        for round in range(8):
            remainder = round + 11
            job = self.delete(f'message:~"row [0-9]*{remainder}$"')
            self.server.post(rows(100_000 + round * 100, 100))
            time.sleep(pause.random() * 0.15)
            self.server.kill()
            self.server.start()
            gone = {seq for seq in expected if str(seq).endswith(str(remainder))}
            expected = (expected - gone) | set(range(100_000 + round * 100, 100_100 + round * 100))
            done = self.finished(job)
            self.assertEqual((done["state"], done["rows_deleted"]), ("done", len(gone)), done)
            self.assertEqual(self.seqs(), sorted(expected))
        self.server.restart()
        self.assertEqual(self.seqs(), sorted(expected))

    def test_a_deleted_tenants_bytes_leave_the_disk_also_after_a_kill(self):
        self.call("POST", "/v1/tenants", {"name": "acme"})
        admin = self.call("POST", "/v1/keys", {"role": "admin"})[1]["key"]
        noise = random.Random(3)
        keys = {tenant: self.call("POST", "/v1/keys", {"tenant": tenant}, admin)[1]["key"] for tenant in ("acme", "default")}
        for i in range(12):
            for tenant in keys:
                batch = [{**row, "noise": noise.randbytes(300).hex()} for row in rows(i * 1000, 1000)]
                self.assertEqual(self.server.post(batch, headers={"X-API-Key": keys[tenant]})[0], 200)
        self.server.restart()  # everything is in files
        before = self.store_bytes()
        self.assertGreater(before, 6_000_000)
        status, job = self.call("DELETE", "/v1/tenants/acme?reason=left", key=admin)
        self.assertEqual((status, job["kind"], job["tenant"], job["reason"]), (202, "delete_tenant", "acme", "left"))
        self.server.kill()
        self.server.start()
        self.assertEqual(self.call("GET", "/v1/tenants/acme", key=admin)[0], 404)
        done = self.finished(job, admin)
        self.assertEqual(done["state"], "done", done)
        until(lambda: self.store_bytes() < before * 0.6)
        self.assertLess(self.store_bytes(), before * 0.6)
        self.assertEqual(len(self.server.search("* | fields seq", {"X-API-Key": keys["default"]})), 12_000)
        print(f"\ndeleting one of two tenants: store {before} -> {self.store_bytes()} bytes, job {done['bytes_before']} -> {done['bytes_after']}")

    def store_bytes(self):
        folder = os.path.join(self.server.data_dir, "store")
        sizes = 0
        for name in os.listdir(folder):
            if name.endswith((".sst", ".blob")):
                try:
                    sizes += os.stat(os.path.join(folder, name)).st_size
                except FileNotFoundError:
                    pass
        return sizes

    def test_who_may_delete_and_who_sees_the_jobs(self):
        self.call("POST", "/v1/tenants", {"name": "acme"})
        admin = self.call("POST", "/v1/keys", {"role": "admin"})[1]["key"]
        keys = {role: self.call("POST", "/v1/keys", {"role": role, "tenant": "acme"}, admin)[1]["key"] for role in ("read", "write", "readwrite")}
        other = self.call("POST", "/v1/keys", {"tenant": "default"}, admin)[1]
        for role in ("read", "write"):
            self.assertEqual(self.call("POST", "/v1/logs/delete", {"query": "*"}, keys[role])[0], 403)
        self.assertEqual(self.call("POST", "/v1/logs/delete", {"query": "*", "tenant": "default"}, keys["readwrite"])[0], 403)
        self.assertEqual(self.call("POST", "/v1/logs/delete", {"query": "*"}, admin)[0], 400)
        own = self.delete("*", keys["readwrite"])
        by_admin = self.delete("x", admin, tenant="default")
        self.assertEqual(self.delete("y", other["key"])["key"], other["id"])
        self.finished(own, keys["read"])
        self.assertEqual([job["id"] for job in self.call("GET", "/v1/audit", key=keys["read"])[1]["audit"]], [own["id"]])
        self.assertEqual(len(self.call("GET", "/v1/audit", key=admin)[1]["audit"]), 3)
        self.assertEqual(len(self.call("GET", "/v1/jobs?tenant=default", key=admin)[1]["jobs"]), 2)
        self.assertEqual(len(self.call("GET", "/v1/jobs?limit=1", key=admin)[1]["jobs"]), 1)
        self.assertEqual(self.call("GET", "/v1/jobs/" + by_admin["id"], key=keys["read"])[0], 404)
        self.assertEqual(self.call("GET", "/v1/audit", key=keys["write"])[0], 403)


if __name__ == "__main__":
    unittest.main()
