#!/usr/bin/env python3
"""Retention per tenant, quotas, and what GET /v1/partitions and /v1/storage say of them."""
import json
import random
import time
import unittest
import uuid

from harness import ProblemAssertions, Server, until

DAY_NS = 86_400 * 10**9
FAST = ("--storage-block-rows=256", "--storage-seal-age=100ms")


def rows(count, days_ago, first=0, **fields):
    begin = time.time_ns() - days_ago * DAY_NS
    return [{"timestamp": begin + i * 1000, "message": f"row {first + i} {uuid.uuid4()}", "seq": first + i, **fields} for i in range(count)]


class RetentionTest(ProblemAssertions, unittest.TestCase):
    def setUp(self):
        self.server = Server(*FAST)
        self.addCleanup(self.server.close)

    def admin(self, method, target, body=None, key=None):
        headers = {"X-API-Key": key} if key else {}
        status, _, answer = self.server.request(method, target, json.dumps(body) if body is not None else None, headers)
        return status, json.loads(answer) if answer else None

    def change(self, **members):
        status, answer = self.admin("PATCH", "/v1/tenants/default", members)
        self.assertEqual(status, 200, answer)

    def get(self, target):
        status, answer = self.admin("GET", target)
        self.assertEqual(status, 200, answer)
        return answer

    def test_records_older_than_the_retention_are_rejected_one_by_one(self):
        self.change(retention="7d")
        status, answer = self.server.post(rows(2, 1) + rows(1, 8) + [{"message": "now"}])
        self.assertEqual((status, answer["accepted"], answer["rejected"]), (200, 3, 1))
        self.assertEqual(answer["errors"][0]["index"], 2)
        self.assertIn("is older than the retention", answer["errors"][0]["reason"])
        status, answer = self.server.post(rows(1, -3))
        self.assertEqual(status, 400)
        self.assertIn("too far in the future", answer["detail"])
        self.assertEqual(self.server.count(), 3)

    def test_a_shorter_retention_hides_rows_at_once_and_frees_their_partitions(self):
        self.change(retention="20d")
        for days in (15, 10, 1):
            self.assertEqual(self.server.post(rows(600, days, days * 1000))[0], 200)
        self.assertEqual(self.server.count(), 1800)
        self.server.restart()
        partitions = self.get("/v1/partitions")["partitions"]
        self.assertTrue(all(p["class"] == "short" and p["name"].startswith("short-d") for p in partitions), partitions)
        self.assertEqual(sum(p["rows"] for p in partitions), 1800)
        self.change(retention="5d")
        self.assertEqual(self.server.count(), 600)
        until(lambda: sum(p["rows"] for p in self.get("/v1/partitions")["partitions"]) == 600)
        self.assertEqual(sum(p["rows"] for p in self.get("/v1/partitions")["partitions"]), 600)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.count(), 600)

    def test_rows_are_there_once_after_kills_whatever_the_retention_was(self):
        count = 0
        for number, retention in enumerate(("7d", "60d", "200d", "forever", "20d", "default", "60d")):
            self.assertEqual(self.server.post(rows(300 + number, 1, count))[0], 200)
            count += 300 + number
            self.change(retention=retention)
            self.assertEqual(self.server.post(rows(20, 1, count))[0], 200)
            count += 20
            if number % 2:
                self.server.kill()
                self.server.start()
            self.assertEqual(self.server.count(), count)
            self.assertEqual(int(self.server.query("* | stats count_uniq(seq) n")[0]["n"]), count)
        self.server.restart()
        self.assertEqual(int(self.server.query("* | stats count_uniq(seq) n")[0]["n"]), count)
        self.assertEqual(self.server.count(), count)

    def test_a_tenant_over_its_quota_loses_its_oldest_rows(self):
        self.change(disk_quota="1MiB")
        noise = random.Random(1)
        for i in range(24):
            batch = [{**row, "noise": noise.randbytes(150).hex()} for row in rows(512, 0, i * 512)]
            self.assertEqual(self.server.post(batch)[0], 200)
            time.sleep(0.05)
        stored = lambda: self.get("/v1/storage")
        until(lambda: stored()["bytes"] <= 1 << 20 and self.server.count() < 24 * 512, 20)
        self.assertLessEqual(stored()["bytes"], 1 << 20)
        left = [int(row["seq"]) for row in self.server.search("* | fields seq")]
        self.assertGreater(len(left), 0)
        self.assertLess(len(left), 24 * 512)
        self.assertEqual(max(left), 24 * 512 - 1)
        self.assertGreater(self.server.metric('neurallog_expired_blocks_total{reason="tenant_quota"}'), 0)

    def test_the_servers_quota_drops_the_oldest_partitions(self):
        noise = random.Random(1)
        self.change(retention="30d")
        for days in (12, 9, 6, 3, 0):
            batch = [{**row, "noise": noise.randbytes(400).hex()} for row in rows(2048, days, days * 10_000)]
            self.assertEqual(self.server.post(batch)[0], 200)
        self.server.restart()  # everything is in files
        used = self.server.metric("neurallog_storage_disk_bytes")
        quota = int(used * 0.7)
        self.server.restart(*FAST, f"--storage-disk-quota-bytes={quota}")
        until(lambda: self.server.metric("neurallog_storage_disk_bytes") <= quota)
        left = {int(row["seq"]) // 10_000 for row in self.server.search("* | fields seq")}
        self.assertIn(0, left)
        self.assertNotIn(12, left)
        self.assertGreater(self.server.metric('neurallog_expired_partitions_total{reason="disk_quota"}'), 0)

    def test_storage_says_what_a_tenant_takes_by_column(self):
        self.assertEqual(self.server.post([{**row, "level": "info", "source": "s", "message": f"took {i} ms"} for i, row in enumerate(rows(1024, 0))])[0], 200)
        self.assertEqual(self.server.post(rows(7, 0, 5000))[0], 200)
        until(lambda: self.get("/v1/storage").get("rows") == 1024)
        storage = self.get("/v1/storage")
        self.assertEqual((storage["tenant"], storage["rows"], storage["unsealed_rows"], storage["deleted_rows"]), ("default", 1024, 7, 0))
        columns = {column["name"]: column for column in storage["columns"]}
        self.assertEqual(columns["seq"]["values"], 1024)
        self.assertEqual(columns["level"]["value_bytes"], 4 * 1024)
        self.assertGreater(columns["level"]["compression_ratio"], 1)
        self.assertEqual(sum(columns["level"]["blocks"].values()), storage["blocks"])
        self.assertLessEqual(sum(column["share"] for column in columns.values()), 1)
        self.assertEqual(storage["columns_total"], len(columns))
        self.assertLess(storage["oldest"], storage["newest"])
        top = storage["templates"]["top"]
        self.assertEqual([(entry["text"], entry["rows"], entry["column"]) for entry in top if entry["column"] == "message"], [("took <*> ms", 1024, "message")])

    def test_who_may_see_what(self):
        self.admin("POST", "/v1/tenants", {"name": "acme"})
        keys = {}
        for role, tenant in (("read", "acme"), ("write", "acme"), ("readwrite", "default")):
            keys[role] = None
        status, made = self.admin("POST", "/v1/keys", {"role": "admin"})
        admin = made["key"]
        for role, tenant in (("read", "acme"), ("write", "acme"), ("readwrite", "default")):
            keys[role] = self.admin("POST", "/v1/keys", {"role": role, "tenant": tenant}, admin)[1]["key"]
        self.server.post(rows(600, 0), headers={"X-API-Key": keys["readwrite"]})
        self.server.restart()
        self.assertEqual(self.admin("GET", "/v1/partitions", key=keys["read"]), (200, {"partitions": []}))
        self.assertEqual(sum(p["rows"] for p in self.admin("GET", "/v1/partitions", key=admin)[1]["partitions"]), 600)
        self.assertIn("tenants", self.admin("GET", "/v1/partitions", key=admin)[1]["partitions"][0])
        self.assertNotIn("disk_bytes", self.admin("GET", "/v1/partitions", key=keys["readwrite"])[1]["partitions"][0])
        self.assertEqual(self.admin("GET", "/v1/storage", key=keys["read"])[1]["tenant"], "acme")
        self.assertEqual(self.admin("GET", "/v1/storage?tenant=default", key=keys["read"])[0], 403)
        self.assertEqual(self.admin("GET", "/v1/storage?tenant=default", key=admin)[1]["rows"], 600)
        self.assertIn("wal_bytes", self.admin("GET", "/v1/storage", key=admin)[1])
        self.assertEqual(self.admin("GET", "/v1/storage", key=keys["write"])[0], 403)
        self.assertEqual(self.admin("PATCH", "/v1/tenants/acme", {"retention": "7d"}, keys["readwrite"])[0], 403)


if __name__ == "__main__":
    unittest.main()
