"""Searches as a guest of a shared server: turns, bounds, cancelling, exports that go on where they stopped."""
import contextlib
import csv
import gzip
import io
import json
import socket
import threading
import unittest
import urllib.parse

from harness import ProblemAssertions, Server, ndjson, until, zstd

ROWS = 120_000
SAME_TIME = 3  # as many records have one time
# Reads every message of every block, so that it takes a while, and answers little.
SLOW = '* | stats by (message) count() n | sort by (n desc) limit 1'


def record(i):
    return {"timestamp": f"2025-06-01T00:{i // 3600 % 60:02}:{i // 60 % 60:02}.{i % 60 // SAME_TIME:03}Z", "message": f"request {i} took {i % 977} ms for user {i % 313}",
            "level": ["info", "error"][i % 7 == 0], "source": f"s{i % 3}", "n": i}


class QueryTest(unittest.TestCase, ProblemAssertions):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--query-exports-max=1", "--query-tenant-concurrency-max=2", "--query-tenant-queue-max=2", "--storage-block-rows=4096",
                            "--query-slow-threshold=1ms")
        for begin in range(0, ROWS, 20_000):
            body = ndjson(record(i) for i in range(begin, begin + 20_000)).encode()
            assert cls.server.send(body, {"Content-Type": "application/x-ndjson"})[2]["accepted"] == 20_000

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def get(self, path, headers=None, **params):
        return self.server.request("GET", path + "?" + urllib.parse.urlencode(params), headers=headers)

    def lines(self, **params):
        status, _, body = self.get("/v1/logs/export", **params)
        self.assertEqual(status, 200, body[:300])
        return [json.loads(line) for line in body.splitlines()]

    def active(self):
        return json.loads(self.get("/v1/queries/active")[2])["queries"]

    @contextlib.contextmanager
    def unread(self, target):
        """A client that sends a request and does not read the answer."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 << 10)
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            yield client

    def test_an_export_has_every_record_in_the_order_of_time(self):
        numbers = [row["n"] for row in self.lines()]
        self.assertEqual((len(numbers), set(numbers) == set(range(ROWS))), (ROWS, True))
        times = [n // SAME_TIME for n in numbers]
        self.assertTrue(times == sorted(times))

    def test_pages_of_an_export_are_the_export(self):
        whole, pages, after = self.lines(query="level:error"), [], None
        while True:
            page = self.lines(query="level:error", limit=3000, **({"after": after} if after else {}))
            pages += page
            if len(page) < 3000:
                break
            after = page[-1]["timestamp"]
        self.assertTrue(pages == whole)

    def test_an_export_that_broke_goes_on_after_its_last_whole_time(self):
        whole = self.lines(query="source:s1")
        received = whole[:len(whole) // 2]
        last = received[-1]["timestamp"]
        received = [row for row in received if row["timestamp"] != last]
        rest = self.lines(query="source:s1", after=received[-1]["timestamp"])
        self.assertTrue(received + rest == whole)

    def test_exports_can_be_compressed(self):
        plain = self.get("/v1/logs/export", query="level:error")[2]
        status, headers, body = self.get("/v1/logs/export", query="level:error", compression="gzip")
        self.assertEqual((status, headers["content-type"]), (200, "application/gzip"))
        self.assertTrue(gzip.decompress(body) == plain)
        status, headers, body = self.get("/v1/logs/export", {"Accept-Encoding": "gzip, zstd"}, query="level:error")
        self.assertEqual((headers["content-type"], headers["content-encoding"]), ("application/x-ndjson", "zstd"))
        self.assertTrue(zstd(body, "-d") == plain)
        status, headers, body = self.get("/v1/logs/export", query="nothing", compression="zstd")
        self.assertEqual(zstd(body, "-d"), b"")

    def test_csv_has_the_columns_of_all_blocks(self):
        status, headers, body = self.get("/v1/logs/export", query="source:s2", format="csv")
        self.assertEqual(headers["content-type"].partition(";")[0], "text/csv")
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        self.assertEqual(len(rows), ROWS // 3)
        self.assertEqual(set(rows[0]), {"timestamp", "message", "level", "source", "n"})
        self.assertTrue({row["message"] for row in rows} == {record(i)["message"] for i in range(2, ROWS, 3)})

    def test_a_query_can_be_cancelled(self):
        with self.unread("/v1/logs/export") as client:
            query = until(lambda: [q for q in self.active() if q["phase"] == "sending"])[0]
            self.assertEqual((query["path"], query["query"], query["tenant"]), ("/v1/logs/export", "*", "default"))
            self.assertEqual(self.server.request("DELETE", "/v1/queries/active/" + query["id"])[0], 204)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := client.recv(1 << 20):
                    answer += chunk
        self.assertFalse(answer.endswith(b"0\r\n\r\n"))
        self.assertEqual(until(lambda: not self.active() and [True]), [True])
        self.assert_problem(self.server.request("DELETE", "/v1/queries/active/" + query["id"]), 404, query["id"])

    def test_a_client_that_goes_away_ends_its_query(self):
        with self.unread("/v1/logs/export"):
            self.assertTrue(until(lambda: self.active()))
        self.assertTrue(until(lambda: not self.active()))

    def test_an_export_waits_for_the_one_before_and_queries_do_not(self):
        with self.unread("/v1/logs/export"), self.unread("/v1/logs/export"):
            self.assertTrue(until(lambda: sorted(q["phase"] for q in self.active()) == ["sending", "waiting"]))
            self.assertEqual(self.server.count(), ROWS)
        self.assertTrue(until(lambda: not self.active()))

    def test_a_tenant_has_so_many_queries_and_no_more(self):
        self.assertTrue(until(lambda: not self.active()))  # the last query of another test has its answer before it leaves
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                stack.enter_context(self.unread("/v1/logs?query=*&limit=0"))
            expected = ["sending", "sending", "waiting", "waiting"]
            self.assertTrue(until(lambda: sorted(q["phase"] for q in self.active()) == expected), self.active())
            answer = self.get("/v1/logs", query="*")
            self.assert_problem(answer, 429, "2 queries of this tenant are running and 2 are waiting")
            self.assertEqual(answer[1]["retry-after"], "1")
        self.assertTrue(until(lambda: not self.active()))
        self.assertEqual(self.server.count(), ROWS)

    def test_a_slow_query_is_in_the_log(self):
        self.get("/v1/logs/stats", query=SLOW)
        self.assertTrue(until(lambda: "slow query" in self.server.stderr() and "stats by (message)" in self.server.stderr()))

    def test_an_id_finds_its_record_whatever_became_of_its_block(self):
        rows = self.server.search("level:error", limit=50, with_id=1)
        self.server.restart()
        for row in rows:
            status, _, body = self.get("/v1/logs/" + row["_id"])
            self.assertEqual((status, json.loads(body)), (200, row))

    def test_context_is_what_stands_around_a_record_in_its_stream(self):
        stream = self.lines(query="source:s1", with_id=1)
        for place in (0, 1, 2, 700, len(stream) - 1):
            with self.subTest(place=place):
                status, _, body = self.get("/v1/logs/context", id=stream[place]["_id"], before=5, after=7)
                around = json.loads(body)
                self.assertEqual(around["record"], stream[place])
                self.assertEqual(around["before"] + [around["record"]] + around["after"], stream[max(place - 5, 0):place + 8])

    def test_explain_counts_what_is_left_out(self):
        plan = json.loads(self.get("/v1/query/explain", query="message:=nothing", start="2025-06-01T00:10:00Z", end="2025-06-01T00:20:00Z")[2])
        blocks, estimate = plan["blocks"], plan["estimate"]
        self.assertEqual(blocks["total"], blocks["pruned_by_time"] + blocks["pruned_by_index"] + blocks["pruned_by_header"] + estimate["blocks"])
        run = json.loads(self.get("/v1/logs", query="level:error | fields n", limit=0, explain="analyze")[2])["run"]
        self.assertEqual((run["rows_scanned"], run["rows_matched"], run["rows_returned"]), (ROWS, (ROWS + 6) // 7, (ROWS + 6) // 7))
        self.assertGreater(run["bytes_scanned"], 0)
        self.assertGreaterEqual(run["time_us"]["total"], run["time_us"]["filter"])


class BoundsTest(unittest.TestCase, ProblemAssertions):
    def test_a_query_that_reads_too_much_is_refused(self):
        with Server("--query-scan-bytes-max=64KiB") as server:
            server.send(ndjson(record(i) for i in range(20_000)).encode(), {"Content-Type": "application/x-ndjson"})
            answer = server.request("GET", "/v1/logs/stats?query=" + urllib.parse.quote(SLOW))
            self.assert_problem(answer, 429, "more than 65536 bytes", "scan_bytes_max")
            self.assertEqual(server.count(), 20_000)

    def test_tenants_take_turns(self):
        with Server("--query-concurrency-max=1", "--query-tenant-concurrency-max=1") as server:
            server.post([{"message": "x" * 1000, "n": i} for i in range(20_000)])
            admin = server.post({"role": "admin"}, "/v1/keys")[1]["key"]
            keys = []
            for name in ("big", "small"):
                server.post({"name": name}, "/v1/tenants", {"X-API-Key": admin})
                keys.append({"X-API-Key": server.post({"tenant": name, "role": "readwrite"}, "/v1/keys", {"X-API-Key": admin})[1]["key"]})
                server.post([{"message": "x" * 1000, "n": i} for i in range(20_000)], headers=keys[-1])
            done, big, small = [], *keys

            def ask(name, headers):
                server.search("* | stats by (n) count() c | limit 1", headers)
                done.append(name)

            threads = [threading.Thread(target=ask, args=("big", big)) for _ in range(8)]
            with socket.create_connection(("127.0.0.1", server.port)) as holder:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 << 10)
                holder.sendall(f"GET /v1/logs?query=*&limit=0 HTTP/1.1\r\nHost: x\r\nX-API-Key: {big['X-API-Key']}\r\n\r\n".encode())

                def active():
                    return json.loads(server.request("GET", "/v1/queries/active", headers={"X-API-Key": admin})[2])["queries"]

                self.assertTrue(until(lambda: [q["phase"] for q in active()] == ["sending"]))
                for thread in threads:
                    thread.start()
                self.assertTrue(until(lambda: len(active()) == 9))
                threads.append(threading.Thread(target=ask, args=("small", small)))
                threads[-1].start()
                self.assertTrue(until(lambda: len(active()) == 10))
                self.assertEqual({q["tenant"] for q in json.loads(server.request("GET", "/v1/queries/active", headers=small)[2])["queries"]}, {"small"})
            for thread in threads:
                thread.join()
            self.assertLess(done.index("small"), 3, done)


class SavedQueriesTest(unittest.TestCase):
    def test_saved_queries_are_there_after_a_crash_and_go_with_their_tenant(self):
        with Server() as server:
            admin = server.post({"role": "admin"}, "/v1/keys")[1]["key"]
            server.post({"name": "acme"}, "/v1/tenants", {"X-API-Key": admin})
            key = {"X-API-Key": server.post({"tenant": "acme"}, "/v1/keys", {"X-API-Key": admin})[1]["key"]}
            read = {"X-API-Key": server.post({"tenant": "acme", "role": "read"}, "/v1/keys", {"X-API-Key": admin})[1]["key"]}
            status, saved = server.post({"name": "mine", "query": "level:error"}, "/v1/queries", key)
            self.assertEqual(status, 201)
            self.assertEqual(server.post({"name": "other", "query": "*"}, "/v1/queries", read)[0], 403)
            server.kill()
            server.start()
            status, headers, body = server.request("GET", "/v1/queries/mine", headers=read)
            self.assertEqual((status, headers["etag"], json.loads(body)), (200, f'"{saved["version"]}"', saved))
            status, _, _ = server.request("PUT", "/v1/queries/mine", '{"query":"*"}', {**key, "If-Match": headers["etag"]})
            self.assertEqual(status, 200)
            self.assertEqual(server.request("DELETE", "/v1/queries/mine", headers={**key, "If-Match": headers["etag"]})[0], 409)
            server.request("DELETE", "/v1/tenants/acme", headers={"X-API-Key": admin})
            server.post({"name": "acme"}, "/v1/tenants", {"X-API-Key": admin})
            key = {"X-API-Key": server.post({"tenant": "acme"}, "/v1/keys", {"X-API-Key": admin})[1]["key"]}
            self.assertEqual(json.loads(server.request("GET", "/v1/queries", headers=key)[2]), {"queries": []})


if __name__ == "__main__":
    unittest.main()
