#!/usr/bin/env python3
"""What goes in comes out: every form of posting, every form of asking, across restarts."""
import datetime
import gzip
import hashlib
import http.client
import json
import os
import shutil
import signal
import threading
import time
import unittest
import zlib

from harness import Server, ndjson, run, until, zstd

DAY = 86400
JUNE = 1748736000  # 2025-06-01T00:00:00Z

TYPED = {
    "timestamp": "2025-06-01T12:00:00.123456789Z",
    "message": "payment of 12 EUR failed: \"card\\declined\" \u20ac \U0001f600 \u0000 end",
    "level": "Error",
    "source": "shop",
    "tags": ["a", "b", {"c": [1, None]}],
    "metadata": {"user": {"id": 9007199254740993, "name": "J\u00fcrgen"}, "ok": True, "no": False, "none": None, "ratio": -0.25,
                 "empty": "", "object": {}, "list": [], "exp": 1e-7, "zero": 0, "big": 18446744073709551615},
    "top": 3,
}


def iso(second):
    return datetime.datetime.fromtimestamp(second, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class PostingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def assert_stored(self, name, body, headers, count, target="/v1/logs"):
        status, _, answer = self.server.send(body, headers, target)
        self.assertEqual((status, answer), (200, {"accepted": count, "rejected": 0, "errors": []}))
        rows = self.server.search(f"form:={name}")
        self.assertEqual(sorted(row["n"] for row in rows), list(range(count)))

    def records(self, name, count):
        return [{"message": f"row {i}", "form": name, "n": i} for i in range(count)]

    def test_a_single_object_is_found_by_the_next_query(self):
        self.assert_stored("object", json.dumps(self.records("object", 1)[0]), {"Content-Type": "application/json"}, 1)

    def test_an_array_is_found_by_the_next_query(self):
        self.assert_stored("array", json.dumps(self.records("array", 3)), {"Content-Type": "application/json"}, 3)

    def test_a_logs_member_is_found_by_the_next_query(self):
        self.assert_stored("logs", json.dumps({"logs": self.records("logs", 3)}), {"Content-Type": "application/json"}, 3)

    def test_ndjson_is_found_by_the_next_query(self):
        self.assert_stored("ndjson", ndjson(self.records("ndjson", 3)) + "\n", {"Content-Type": "application/x-ndjson"}, 3)

    def test_ndjson_with_crlf_and_blank_lines_is_found_by_the_next_query(self):
        self.assert_stored("crlf", "\r\n\r\n".join(ndjson(self.records("crlf", 3)).split("\n")), {"Content-Type": "application/x-ndjson"}, 3)

    def test_the_content_type_is_not_needed(self):
        self.assert_stored("untyped", ndjson(self.records("untyped", 3)), {}, 3)

    def test_a_gzip_body_is_found_by_the_next_query(self):
        body = gzip.compress(ndjson(self.records("gzip", 50)).encode())
        self.assert_stored("gzip", body, {"Content-Encoding": "gzip"}, 50)

    def test_a_gzip_body_of_two_members_is_found_whole(self):
        lines = ndjson(self.records("members", 4)).encode().split(b"\n")
        body = gzip.compress(b"\n".join(lines[:2]) + b"\n") + gzip.compress(b"\n".join(lines[2:]))
        self.assert_stored("members", body, {"Content-Encoding": "gzip"}, 4)

    def test_a_deflate_body_is_found_by_the_next_query(self):
        body = zlib.compress(ndjson(self.records("deflate", 50)).encode())
        self.assert_stored("deflate", body, {"Content-Encoding": "deflate"}, 50)

    @unittest.skipUnless(shutil.which("zstd"), "there is no zstd command")
    def test_a_zstd_body_is_found_by_the_next_query(self):
        self.assert_stored("zstd", zstd(ndjson(self.records("zstd", 50)).encode()), {"Content-Encoding": "zstd"}, 50)

    @unittest.skipUnless(shutil.which("zstd"), "there is no zstd command")
    def test_a_zstd_body_without_its_size_and_of_two_frames_is_found_whole(self):
        lines = ndjson(self.records("frames", 4)).encode().split(b"\n")
        body = zstd(b"\n".join(lines[:2]) + b"\n", "--no-content-size") + zstd(b"\n".join(lines[2:]))
        self.assert_stored("frames", body, {"Content-Encoding": "zstd"}, 4)

    def test_a_chunked_body_is_found_by_the_next_query(self):
        body = b"".join(b"%x\r\n%s\n\r\n" % (len(line) + 1, line) for line in ndjson(self.records("chunked", 40)).encode().split(b"\n")) + b"0\r\n\r\n"
        answer = self.server.raw(b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + body)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertEqual(self.server.count("form:=chunked"), 40)

    def test_an_empty_array_is_accepted_with_no_rows(self):
        self.assertEqual(self.server.post([]), (200, {"accepted": 0, "rejected": 0, "errors": []}))

    def test_ack_async_is_202_and_the_row_is_found_soon(self):
        status, answer = self.server.post(self.records("async", 1), "/v1/logs?ack=async")
        self.assertEqual((status, answer["accepted"]), (202, 1))
        self.assertTrue(until(lambda: self.server.count("form:=async") == 1))

    def test_typed_values_come_back_equal(self):
        self.assertEqual(self.server.post({**TYPED, "form": "typed"})[0], 200)
        self.assertEqual(self.server.search("form:=typed"), [{**TYPED, "form": "typed"}])

    def test_numbers_come_back_as_they_were_written(self):
        numbers = ["0", "-0", "-0.0", "1.0", "1e5", "1E+5", "0.1e-3", "123456789012345678901234567890", "9223372036854775808", "-9223372036854775808",
                   "1.10", "3.141592653589793238462643383279", "1e400"]
        body = "\n".join(f'{{"form":"numbers","n":{number}}}' for number in numbers)
        self.assertEqual(self.server.send(body)[0], 200)
        status, _, answer = self.server.request("GET", "/v1/logs?limit=0&query=form:=numbers")
        self.assertEqual(status, 200)
        back = [json.loads(line, parse_int=str, parse_float=str)["n"] for line in answer.splitlines()]
        self.assertEqual(sorted(back), sorted(numbers))

    def test_logsql_answers_strings_with_dotted_names(self):
        self.assertEqual(self.server.post({**TYPED, "form": "strings"})[0], 200)
        row, = self.server.query("form:=strings")
        self.assertEqual(row["_time"], TYPED["timestamp"])
        self.assertEqual(row["_msg"], TYPED["message"])
        self.assertEqual({name: row[name] for name in ("level", "source", "metadata.user.id", "metadata.user.name", "metadata.ok", "metadata.no", "top")},
                         {"level": "Error", "source": "shop", "metadata.user.id": "9007199254740993", "metadata.user.name": "J\u00fcrgen",
                          "metadata.ok": "true", "metadata.no": "false", "top": "3"})
        self.assertEqual(json.loads(row["tags"]), TYPED["tags"])
        self.assertTrue(all(isinstance(value, str) for value in row.values()))

    def test_underscore_time_and_msg_are_other_names_on_the_way_in(self):
        self.assertEqual(self.server.post({"_time": "2025-06-02T00:00:00Z", "_msg": "other names", "form": "names"})[0], 200)
        self.assertEqual(self.server.search("form:=names"), [{"timestamp": "2025-06-02T00:00:00Z", "message": "other names", "form": "names"}])

    def test_a_record_without_a_time_gets_its_arrival(self):
        self.assertEqual(self.server.post({"form": "arrival"})[0], 200)
        row, = self.server.search("form:=arrival", start="1m")
        age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(row["timestamp"][:19] + "+00:00")
        self.assertLess(abs(age.total_seconds()), 30)

    def test_native_rows_do_not_get_a_stream_from_a_neighbour(self):
        with Server() as server:
            self.assertEqual(server.post({"timestamp": "2025-06-01T00:00:00Z", "message": "native"})[0], 200)
            body = '{"_time":"2025-06-01T00:00:01Z","_msg":"streamed","app":"a"}'
            self.assertEqual(server.send(body, target="/insert/jsonline?_stream_fields=app")[0], 200)
            self.assertEqual(server.search("native"), [{"timestamp": "2025-06-01T00:00:00Z", "message": "native"}])

    def test_a_search_may_be_posted_as_a_form(self):
        self.server.post(self.records("form", 2))
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for target in ("/v1/logs", "/v1/logs/search", "/select/logsql/query"):
            status, _, body = self.server.request("POST", target, "query=form%3A%3Dform+%7C+stats+count()+n", form)
            self.assertEqual((status, str(json.loads(body)["n"])), (200, "2"), target)

    def test_head_answers_like_get_without_a_body(self):
        status, headers, body = self.server.request("HEAD", "/v1/logs?limit=1")
        self.assertEqual((status, body), (200, b""))


class JsonLineTest(unittest.TestCase):
    """POST /insert/jsonline with all arguments of VictoriaLogs."""
    BODY = ('{"m":"hello","t":"2025-06-01T10:00:00Z","app":"api","host":"h1","secret":"s","x_one":1,"x_two":2,"keep":3,"env":"own"}\n'
            '{"m2":"second name","t":"2025-06-01T10:00:01Z","app":"api","host":"h2","keep":4}\n')
    ARGUMENTS = {"_time_field": "t", "_msg_field": "m,m2", "_stream_fields": "app,host", "ignore_fields": "secret,x_*", "extra_fields": "env=prod,dc=eu-1"}

    def assert_stored(self, server):
        rows = server.query("* | sort by (_time)")
        self.assertEqual([{k: v for k, v in row.items() if k != "_stream_id"} for row in rows], [
            {"_time": "2025-06-01T10:00:00Z", "_msg": "hello", "_stream": '{app="api",host="h1"}', "app": "api", "host": "h1", "keep": "3",
             "env": "prod", "dc": "eu-1"},
            {"_time": "2025-06-01T10:00:01Z", "_msg": "second name", "_stream": '{app="api",host="h2"}', "app": "api", "host": "h2", "keep": "4",
             "env": "prod", "dc": "eu-1"}])
        self.assertEqual(server.count('{app="api",host="h2"}'), 1)
        self.assertEqual(server.count('{app="api"}'), 2)

    def test_all_arguments_work_in_the_query(self):
        with Server() as server:
            target = "/insert/jsonline?" + "&".join(f"{k}={v}" for k, v in self.ARGUMENTS.items())
            self.assertEqual(server.send(self.BODY, target=target)[0], 200)
            self.assert_stored(server)

    def test_all_arguments_work_as_headers(self):
        names = {"_time_field": "VL-Time-Field", "_msg_field": "VL-Msg-Field", "_stream_fields": "VL-Stream-Fields",
                 "ignore_fields": "VL-Ignore-Fields", "extra_fields": "VL-Extra-Fields"}
        with Server() as server:
            headers = {names[k]: v for k, v in self.ARGUMENTS.items()}
            self.assertEqual(server.send(self.BODY, {**headers, "AccountID": "0", "ProjectID": "0"}, "/insert/jsonline")[0], 200)
            self.assert_stored(server)

    def test_an_argument_wins_over_its_header(self):
        with Server() as server:
            self.assertEqual(server.send('{"a":"from a","b":"from b"}', {"VL-Msg-Field": "a"}, "/insert/jsonline?_msg_field=b")[0], 200)
            row, = server.query("*")
            self.assertEqual((row["_msg"], row["a"]), ("from b", "from a"))

    def test_a_time_of_zero_is_the_arrival(self):
        with Server() as server:
            self.assertEqual(server.send('{"_msg":"a","_time":"0"}\n{"_msg":"b","_time":0}\n{"_msg":"c"}', target="/insert/jsonline")[0], 200)
            self.assertEqual(server.count("_time:1m"), 3)


class AskingTest(unittest.TestCase):
    """10,000 rows over ten days, with some far away."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--storage-block-rows=1000")
        rows = [{"timestamp": JUNE + i * 86.4, "message": f"row {i}", "n": i} for i in range(10_000)]
        for begin in range(0, len(rows), 2500):
            status, answer = cls.server.post(rows[begin:begin + 2500])
            assert (status, answer["accepted"]) == (200, 2500), (status, answer)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def numbers(self, **params):
        return [row["n"] for row in self.server.search("n:*", **params)]

    def test_every_row_is_there_once(self):
        self.assertEqual(sorted(self.numbers()), list(range(10_000)))

    def test_order_asc_and_desc_are_by_time(self):
        self.assertEqual(self.numbers(order="asc", limit=50), list(range(50)))
        self.assertEqual(self.numbers(order="desc", limit=50), list(range(9999, 9949, -1)))
        self.assertEqual(self.numbers(order="asc", limit=10_000), list(range(10_000)))
        self.assertEqual(self.numbers(order="desc", limit=10_000), list(range(9999, -1, -1)))

    def test_order_is_kept_without_a_limit_too(self):
        self.assertTrue(self.numbers(order="asc") == list(range(10_000)), "order=asc&limit=0 is not oldest first")
        self.assertTrue(self.numbers(order="desc") == list(range(9999, -1, -1)), "order=desc&limit=0 is not newest first")

    def test_the_native_search_is_newest_first_and_limited_by_default(self):
        status, _, body = self.server.request("GET", "/v1/logs?query=n:*")
        rows = [json.loads(line)["n"] for line in body.splitlines()]
        self.assertEqual(rows, list(range(9999, 8999, -1)))

    def test_limit_is_exact_at_its_edges(self):
        for limit in (1, 999, 1000, 1001, 9999, 10_000, 20_000):
            self.assertEqual(len(self.numbers(limit=limit)), min(limit, 10_000))

    def test_start_is_inclusive_and_end_names_what_it_names_in_every_form(self):
        # Row 1000 is at 2025-06-02T00:00:00Z, row 2000 a day later.
        day = list(range(1000, 2000))
        seconds = JUNE + DAY
        for start, end in (("2025-06-02", "2025-06-02"), ("2025-06-02T00:00:00Z", "2025-06-02T23:59:59Z"), ("2025-06-02T00", "2025-06-02T23"),
                           ("2025-06-02T02:00:00+02:00", "2025-06-03T01:59:59+02:00"), (seconds, seconds + DAY - 1),
                           (seconds * 1000, (seconds + DAY) * 1000 - 1), (seconds * 10**6, (seconds + DAY) * 10**6 - 1),
                           (seconds * 10**9, (seconds + DAY) * 10**9 - 1)):
            self.assertEqual(sorted(self.numbers(start=start, end=end)), day, (start, end))

    def test_a_month_or_a_year_is_a_range(self):
        self.assertEqual(len(self.numbers(start="2025-06", end="2025-06")), 10_000)
        self.assertEqual(len(self.numbers(start="2025", end="2025")), 10_000)
        self.assertEqual(len(self.numbers(end="2024")), 0)

    def test_durations_and_now_count_back_from_now(self):
        self.assertEqual(self.server.post({"message": "fresh", "fresh": 1})[0], 200)
        for start in ("5m", "-5m", "now-5m"):
            self.assertEqual(len(self.server.search("fresh:=1", start=start, end="now")), 1, start)
        self.assertEqual(len(self.server.search("fresh:=1", end="now-1h")), 0)

    def test_the_time_filter_and_the_arguments_cut_each_other(self):
        self.assertEqual(sorted(self.numbers(start="2025-06-02", end="2025-06-03")), list(range(1000, 3000)))
        rows = self.server.search("_time:2025-06-03 n:*", start="2025-06-02", end="2025-06-03T12")
        self.assertEqual(len(rows), self.server.count("_time:[2025-06-03, 2025-06-03T13:00:00Z) n:*"))
        self.assertEqual(self.server.search("_time:2025-06-03 n:*", start="2025-06-04"), [])

    def test_a_timeout_that_is_too_short_is_504(self):
        status, headers, _ = self.server.request("GET", "/v1/logs?query=n:*&limit=0&timeout=1ns")
        self.assertEqual((status, headers["content-type"]), (504, "application/problem+json"))
        self.assertEqual(len(self.numbers(timeout="20s", limit=1)), 1)
        self.assertEqual(len(self.numbers(timeout="20", limit=1)), 1)

    def test_old_dates_are_stored_and_found(self):
        old = ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z", "2005-03-01T00:00:00Z", "1900-01-01T00:00:00Z"]
        status, answer = self.server.post([{"timestamp": when, "message": "old", "old": 1} for when in old])
        self.assertEqual((status, answer["accepted"]), (200, len(old)))
        self.assertEqual([row["timestamp"] for row in self.server.search("old:=1", order="asc")], sorted(old))
        self.assertEqual(len(self.server.search("old:=1", start="2005", end="2005")), 1)

    def test_dates_beyond_future_max_are_refused_one_by_one(self):
        status, answer = self.server.post([{"message": "good", "future": 1}, {"timestamp": "2030-01-01T00:00:00Z", "message": "late", "future": 1},
                                           {"message": "good", "future": 1}])
        self.assertEqual((status, answer["accepted"], answer["rejected"]), (200, 2, 1))
        self.assertEqual(answer["errors"][0]["index"], 1)
        self.assertIn("2030-01-01T00:00:00Z", answer["errors"][0]["reason"])
        self.assertEqual(self.server.count("future:=1"), 2)


class RestartTest(unittest.TestCase):
    def fill(self, server):
        rows = [{"timestamp": JUNE + i * 300, "message": f"row {i} " + "x" * (i % 200), "n": i} for i in range(5000)]
        for begin in range(0, len(rows), 100):
            self.assertEqual(server.post(rows[begin:begin + 100])[0], 200)

    def assert_whole(self, server, count=5000):
        self.assertEqual(sorted(row["n"] for row in server.search("n:*")), list(range(count)))
        self.assertEqual(server.count("n:*"), count)

    def test_after_sigterm_every_row_is_there_once(self):
        with Server("--storage-block-rows=512") as server:
            self.fill(server)
            self.assertEqual(server.restart(), 0)
            self.assert_whole(server)

    def test_after_sigint_the_exit_code_is_zero_too(self):
        with Server() as server:
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(30), 0)

    def test_after_kill_9_every_row_is_there_once(self):
        with Server("--storage-block-rows=512") as server:
            self.fill(server)
            for _ in range(2):
                server.kill()
                server.start()
                self.assert_whole(server)
            self.assertEqual(server.post({"timestamp": JUNE, "n": 5000})[0], 200)
            self.assertEqual(server.restart(), 0)
            self.assert_whole(server, 5001)

    def test_every_row_is_found_right_after_its_answer_while_blocks_are_sealed(self):
        with Server("--storage-block-rows=64", "--wal-segment-bytes=1MiB", "--wal-retained-bytes-max=2MiB") as server:
            wrong = []

            def write(name):
                for i in range(60):
                    rows = [{"timestamp": JUNE + (i * 37 + j) % 9 * DAY, "message": "x" * 1000, "writer": name, "n": i * 20 + j} for j in range(20)]
                    status, _ = server.post(rows)
                    found = sorted(row["n"] for row in server.search(f"writer:={name}"))
                    if status != 200 or found != list(range((i + 1) * 20)):
                        wrong.append((name, i, status, len(found)))
                        return
            writers = [threading.Thread(target=write, args=(name,)) for name in ("first", "second", "third")]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
            self.assertEqual(wrong, [])
            server.kill()
            server.start()
            for name in ("first", "second", "third"):
                self.assertEqual(sorted(row["n"] for row in server.search(f"writer:={name}")), list(range(1200)))

    def test_sigterm_during_writing_keeps_every_answered_row(self):
        with Server("--storage-block-rows=256") as server:
            answered, unanswered = set(), set()

            def write(name):
                for i in range(100_000):
                    numbers = range(name * 10**7 + i * 10, name * 10**7 + i * 10 + 10)
                    try:
                        status, _ = server.post([{"timestamp": JUNE + i, "n": n} for n in numbers])
                    except (OSError, http.client.HTTPException, ValueError):
                        unanswered.update(numbers)
                        return
                    if status != 200:
                        return
                    answered.update(numbers)
            writers = [threading.Thread(target=write, args=(name,)) for name in range(3)]
            for writer in writers:
                writer.start()
            time.sleep(0.5)
            self.assertEqual(server.stop(), 0)
            for writer in writers:
                writer.join()
            server.start()
            found = [row["n"] for row in server.search("n:*")]
            self.assertEqual(len(found), len(set(found)))
            self.assertGreater(len(answered), 100)
            self.assertEqual(answered - set(found), set())
            self.assertEqual(set(found) - answered - unanswered, set())

    def test_rows_beside_the_catch_all_partition_are_there_once(self):
        with Server() as server:
            self.assertEqual(server.post({"timestamp": "2025-06-01T00:00:00Z", "n": 0})[0], 200)
            server.restart()  # the month has a partition now
            rows = [{"timestamp": "1677-09-25T00:00:00Z", "n": 1}, {"timestamp": "2025-06-02T00:00:00Z", "n": 2}]
            self.assertEqual(server.post(rows)[1]["accepted"], 2)
            for _ in range(2):
                server.restart()
                self.assert_whole(server, 3)

    def test_a_row_of_a_strange_year_does_not_end_partitioning(self):
        with Server() as server:
            self.assertEqual(server.post({"timestamp": "1677-09-25T00:00:00Z", "n": 0})[0], 200)
            server.restart()
            rows = [{"timestamp": f"2025-0{month}-01T00:00:00Z", "n": month} for month in range(1, 7)]
            self.assertEqual(server.post(rows)[1]["accepted"], 6)
            server.restart()
            self.assert_whole(server, 7)
            self.assertGreaterEqual(server.metric("neurallog_partitions"), 7)

    def test_rows_of_more_times_than_there_are_partitions_are_there_once(self):
        with Server("--storage-block-rows=512") as server:
            for begin, step in ((0, 7 * DAY), (-3650 * DAY, 5 * DAY), (-1000 * DAY, 13 * DAY)):
                first = server.count("n:*")
                rows = [{"timestamp": begin + i * step, "n": first + i} for i in range(1500)]
                self.assertEqual(server.post(rows)[1]["accepted"], 1500)
                self.assertEqual(server.restart(), 0)
                self.assert_whole(server, first + 1500)

    def test_restarts_leave_no_log_segments_behind(self):
        with Server() as server:
            self.assertEqual(server.post({"n": 0})[0], 200)
            for end in (server.stop, server.kill) * 4:
                end()
                server.start()
            segments = [name for name in os.listdir(os.path.join(server.data_dir, "wal")) if name.startswith("wal-")]
            self.assertLessEqual(len(segments), 3, segments)
            self.assert_whole(server, 1)

    def test_a_request_larger_than_a_log_segment_is_there_after_kill_9(self):
        with Server("--wal-segment-bytes=1MiB", "--wal-retained-bytes-max=4MiB") as server:
            rows = [{"timestamp": JUNE + i, "message": hashlib.sha512(str(i).encode()).hexdigest() * 8, "n": i} for i in range(5000)]
            self.assertEqual(server.post(rows)[1]["accepted"], 5000)
            self.assertEqual(server.post({"timestamp": JUNE, "n": 5000})[0], 200)
            server.kill()
            server.start()
            self.assert_whole(server, 5001)

    def test_a_running_server_keeps_others_from_its_data(self):
        with Server() as server:
            second = run("serve", "--listen", "127.0.0.1:0", "--data-dir", server.data_dir)
            self.assertEqual(second.returncode, 1)
            self.assertIn("cannot start", second.stderr)
            self.assertEqual(server.post({"n": 0})[0], 200)


class IdempotencyTest(unittest.TestCase):
    KEY = {"Idempotency-Key": "order-42"}
    ROWS = [{"message": f"row {i}", "n": i} for i in range(3)]

    def test_a_retry_gets_the_same_answer_and_is_stored_once(self):
        with Server() as server:
            first = server.post(self.ROWS, headers=self.KEY)
            self.assertEqual(first, (200, {"accepted": 3, "rejected": 0, "errors": []}))
            self.assertEqual(server.post(self.ROWS, headers=self.KEY), first)
            self.assertEqual(server.count("n:*"), 3)
            self.assertEqual(server.post(self.ROWS, headers={"Idempotency-Key": "order-43"}), first)
            self.assertEqual(server.count("n:*"), 6)

    def test_a_retry_of_a_partial_request_has_the_same_counts(self):
        with Server() as server:
            rows = [*self.ROWS, {"timestamp": "yesterday"}]
            first = server.post(rows, headers=self.KEY)
            again = server.post(rows, headers=self.KEY)
            for status, answer in (first, again):
                self.assertEqual((status, answer["accepted"], answer["rejected"]), (200, 3, 1))
            self.assertEqual(server.count("n:*"), 3)

    def test_a_refused_request_does_not_use_up_its_key(self):
        with Server() as server:
            self.assertEqual(server.send("nonsense", self.KEY)[0], 400)
            self.assertEqual(server.post(self.ROWS, headers=self.KEY)[0], 200)
            self.assertEqual(server.count("n:*"), 3)

    def test_a_key_is_remembered_after_kill_9(self):
        with Server() as server:
            first = server.post(self.ROWS, headers=self.KEY)
            server.kill()
            server.start()
            self.assertEqual(server.post(self.ROWS, headers=self.KEY), first)
            self.assertEqual(server.count("n:*"), 3)

    def test_a_key_is_remembered_after_sigterm(self):
        with Server() as server:
            first = server.post(self.ROWS, headers=self.KEY)
            for _ in range(2):
                self.assertEqual(server.restart(), 0)
                self.assertEqual(server.post(self.ROWS, headers=self.KEY), first)
                self.assertEqual(server.count("n:*"), 3)

    def test_a_key_is_remembered_when_the_answer_was_async(self):
        with Server() as server:
            status, answer = server.post(self.ROWS, "/v1/logs?ack=async", self.KEY)
            self.assertEqual(status, 202)
            self.assertTrue(until(lambda: server.count("n:*") == 3))
            self.assertEqual(server.post(self.ROWS, headers=self.KEY)[1]["accepted"], 3)
            self.assertEqual(server.count("n:*"), 3)

    def test_many_at_once_with_one_key_are_stored_once(self):
        with Server() as server:
            for round_number in range(20):
                key = {"Idempotency-Key": f"race-{round_number}"}
                statuses = []
                threads = [threading.Thread(target=lambda: statuses.append(server.post(self.ROWS, headers=key)[0])) for _ in range(6)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(set(statuses) - {200, 409}, set())
                self.assertIn(200, statuses)
                self.assertEqual(server.count("n:*"), 3 * (round_number + 1))

    def test_a_key_works_for_jsonline_too(self):
        with Server() as server:
            for _ in range(2):
                self.assertEqual(server.send(ndjson(self.ROWS), self.KEY, "/insert/jsonline")[2]["accepted"], 3)
            self.assertEqual(server.count("n:*"), 3)

    def test_a_forgotten_key_is_new_again(self):
        with Server("--ingest-idempotency-window=0s") as server:
            for _ in range(2):
                self.assertEqual(server.post(self.ROWS, headers=self.KEY)[0], 200)
            self.assertEqual(server.count("n:*"), 6)

    def test_another_tenants_same_key_is_independent(self):
        with Server() as server:
            admin = {"Authorization": "Bearer " + server.post({"role": "admin"}, "/v1/keys")[1]["key"]}
            self.assertEqual(server.post({"name": "acme"}, "/v1/tenants", admin)[0], 201)
            for tenant in ("acme", "default"):
                headers = {"Authorization": "Bearer " + server.post({"tenant": tenant}, "/v1/keys", admin)[1]["key"]}
                for _ in range(2):
                    self.assertEqual(server.post(self.ROWS, headers={**self.KEY, **headers})[0], 200)
                self.assertEqual(server.count("n:*", headers=headers), 3)


if __name__ == "__main__":
    unittest.main()
