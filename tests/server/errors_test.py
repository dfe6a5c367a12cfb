#!/usr/bin/env python3
"""Every refusal says what is wrong, and one bad record never loses its neighbours."""
import gzip
import http.client
import json
import os
import shutil
import tarfile
import tempfile
import unittest
import urllib.parse
import zlib

from harness import ProblemAssertions, Server, ndjson, run, shared_data, zstd

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


class RefusalTest(ProblemAssertions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--http-body-bytes-max=4MiB", "--http-body-bytes-total-max=16MiB")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def tearDown(self):
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)

    def refused(self, body, status, *texts, headers=None, target="/v1/logs"):
        return self.assert_problem(self.server.request("POST", target, body, headers), status, *texts)

    def test_a_body_that_is_not_json_is_400(self):
        for body in (b"hello", b'{"a":', b'{"a" 1}', b"\xff\xfe", b"{'a':1}", b'"text"', b"17", b"null", b"{"):
            document = self.refused(body, 400)
            self.assertRegex(document["detail"], "no record was accepted: .|holds no JSON object; its first record: .")

    def test_an_empty_body_is_400(self):
        for headers in (None, JSON, NDJSON):
            self.refused(b"", 400, "the body is empty", headers=headers)

    def test_a_body_of_white_space_is_400(self):
        self.refused(b" \r\n\t\n", 400, "empty")

    def test_a_body_whose_records_are_all_bad_is_400_with_every_reason(self):
        document = self.refused(json.dumps([1, {"timestamp": "yesterday"}, "x"]), 400, "no record was accepted")
        self.assertEqual([error["index"] for error in document["errors"]], [0, 1, 2])
        self.assertIn("yesterday", document["errors"][1]["reason"])
        self.assertEqual((document["accepted"], document["rejected"]), (0, 3))

    def test_reported_reasons_are_bounded_and_the_count_is_not(self):
        document = self.refused(json.dumps([1] * 5000), 400)
        self.assertEqual((document["rejected"], len(document["errors"])), (5000, 100))

    def test_bad_records_are_refused_one_by_one(self):
        records = [{"part": 1, "n": 0}, 17, {"part": 1, "n": 1}, {"timestamp": "32.13.2025"}, {"timestamp": [1]}, {"x" * 600: 1}, None, [],
                   {"part": 1, "n": 2}, {"timestamp": True}, {"part": 1, "n": 3}]
        for form, body, headers in (("array", json.dumps(records), JSON), ("ndjson", ndjson(records), NDJSON)):
            status, _, answer = self.server.send(body, headers)
            self.assertEqual((status, answer["accepted"], answer["rejected"]), (200, 4, 7), (form, answer))
            reasons = {error["index"]: error["reason"] for error in answer["errors"]}
            self.assertEqual(sorted(reasons), [1, 3, 4, 5, 6, 7, 9])
            self.assertIn("32.13.2025", reasons[3])
            self.assertIn("600", reasons[5])
        self.assertEqual(sorted(row["n"] for row in self.server.search("part:=1")), [0, 0, 1, 1, 2, 2, 3, 3])

    def test_a_broken_line_loses_only_itself(self):
        lines = ['{"line":1,"n":0}', '{"line":1,"n":', '{"line":1,"n":1}', '{"line":1,"n":"\\x"}', '{"line":1,"n":2} trailing', "[1,2", '{"line":1,"n":3}',
                 '"unclosed', '{"line":1,"n":4}', "{{{{", "]]]]", '{"line":1,"n":5}']
        status, _, answer = self.server.send("\n".join(lines), NDJSON)
        self.assertEqual((status, answer["accepted"]), (200, 5), answer)
        self.assertEqual([error["index"] for error in answer["errors"]], [1, 3, 4, 5, 7, 9, 10])
        self.assertEqual(sorted(row["n"] for row in self.server.search("line:=1")), [0, 1, 3, 4, 5])

    def test_a_record_that_is_too_large_is_refused_by_index(self):
        records = [{"large": 1, "n": 0}, {"message": "x" * (2 << 20)}, {"large": 1, "n": 1}]
        for body, headers in ((json.dumps(records), JSON), (ndjson(records), NDJSON)):
            status, _, answer = self.server.send(body, headers)
            self.assertEqual((status, answer["accepted"], [error["index"] for error in answer["errors"]]), (200, 2, [1]))
            self.assertIn("2097152", answer["errors"][0]["reason"])
        self.assertEqual(self.server.count("large:=1"), 4)

    def test_a_body_over_the_limit_is_413_before_it_is_sent(self):
        head = b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: 4194305\r\nExpect: 100-continue\r\n\r\n"
        answer = self.server.raw(head)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        self.assertNotIn(b"100 Continue", answer)
        document = json.loads(answer.partition(b"\r\n\r\n")[2])
        self.assertEqual(document["status"], 413)
        self.assertIn("4194305", document["detail"])
        self.assertIn("4194304", document["detail"])

    def test_a_body_at_the_limit_with_expect_is_continued(self):
        head = b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\nExpect: 100-continue\r\n\r\n"
        self.assertTrue(self.server.raw(head).startswith(b"HTTP/1.1 100 "))

    def test_a_chunked_body_over_the_limit_is_413(self):
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        try:
            answer = self.server.raw(b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 5)
        except ConnectionError:
            self.skipTest("the server closed before everything was sent")
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer[:200])

    def test_a_body_that_grows_over_the_limit_is_413(self):
        bombs = {"gzip": gzip.compress(b"[" + b" " * (64 << 20) + b"]"), "deflate": zlib.compress(b" " * (64 << 20))}
        if shutil.which("zstd"):
            bombs["zstd"] = zstd(b" " * (64 << 20))
        for encoding, body in bombs.items():
            self.refused(body, 413, "4194304", headers={"Content-Encoding": encoding})

    def test_a_body_that_is_not_what_its_encoding_says_is_400(self):
        good = gzip.compress(b'{"a":1}' * 100)
        for encoding, body in (("gzip", b"no gzip"), ("gzip", good[:-9]), ("gzip", b""), ("deflate", b"\x00\x01\x02"), ("zstd", b"no zstd")):
            document = self.refused(body, 400, headers={"Content-Encoding": encoding})
            self.assertTrue(encoding in document["detail"] or "empty" in document["detail"], document)

    def test_an_unknown_encoding_is_415_and_the_known_ones_are_named(self):
        for encoding in ("br", "compress", "gzip, br", "x"):
            answer = self.server.request("POST", "/v1/logs", b'{"a":1}', {"Content-Encoding": encoding})
            self.assert_problem(answer, 415, encoding.rpartition(" ")[2])
            told = answer[1].get("accept-encoding", "") + answer[2].decode()
            for known in ("gzip", "deflate", "zstd"):
                self.assertIn(known, told.replace(f"'{encoding}'", ""))

    def test_a_path_that_is_not_there_is_404_and_named(self):
        for method, target in (("GET", "/nope"), ("POST", "/v1/logs/x/y"), ("GET", "/v1"), ("GET", "/v1/logs/"), ("DELETE", "/v1/tenants/"),
                               ("GET", "/..%2f..%2fetc/passwd"), ("GET", "/V1/logs")):
            self.assert_problem(self.server.request(method, target), 404, target.partition("?")[0])

    def test_a_method_that_is_not_there_is_405_with_allow(self):
        for method, target, allow in (("PUT", "/v1/logs", {"GET", "HEAD", "POST"}), ("DELETE", "/v1/logs", {"GET", "HEAD", "POST"}),
                                      ("GET", "/insert/jsonline", {"POST"}), ("POST", "/metrics", {"GET", "HEAD"}), ("PATCH", "/healthz", {"GET", "HEAD"}),
                                      ("GET", "/v1/keys/x", {"DELETE"}), ("POST", "/v1/tenants/x", {"GET", "HEAD", "PATCH", "DELETE"}), ("PUT", "/select/logsql/query", {"GET", "HEAD", "POST"}),
                                      ("OPTIONS", "/v1/keys", {"GET", "HEAD", "POST"})):
            answer = self.server.request(method, target)
            self.assert_problem(answer, 405)
            self.assertEqual({name.strip() for name in answer[1]["allow"].split(",")}, allow, (method, target))

    def test_a_bad_query_is_400_with_line_and_column(self):
        for query, place in (('"open', "1:1"), ("a | foo", "1:5"), ("a |\n bar baz", "2:2"), ("a:", None), ("(a", None), ("a | stats", None), ("re:~'['", None),
                             ("| |", "1:1"), ("_time:nonsense", None)):
            for target in ("/v1/logs", "/select/logsql/query"):
                status, headers, body = self.server.request("GET", target + "?query=" + urllib.parse.quote(query))
                document = self.assert_problem((status, headers, body), 400)
                self.assertRegex(document["detail"], r"^\d+:\d+: ", query)
                if place:
                    self.assertIn(place + ":", document["detail"])

    def test_a_victorialogs_query_needs_a_query(self):
        self.assert_problem(self.server.request("GET", "/select/logsql/query"), 400, "query")

    def test_bad_arguments_are_400_and_named(self):
        for name, values in {"limit": ["x", "-1", "1.5", "99999999999999999999999", "1x"], "start": ["yesterday", "2025-13-01", "2025-02-30", "3parsecs"],
                             "end": ["never"], "timeout": ["x", "0", "-5s", "0s"], "order": ["up", "DESC"]}.items():
            for value in values:
                self.assert_problem(self.server.request("GET", f"/v1/logs?{name}={value}"), 400, f"{name}={value}")
        self.refused(b'{"a":1}', 400, "ack=never", target="/v1/logs?ack=never")
        self.refused(b'{"a":1}', 400, "extra_fields", "novalue", target="/insert/jsonline?extra_fields=novalue")
        self.refused(b'{"a":1}', 400, "Idempotency-Key", "300", headers={"Idempotency-Key": "k" * 300})

    def test_a_named_other_tenant_is_403_even_without_keys(self):
        for header, value in (("X-Scope-OrgID", "other"), ("X-Tenant-ID", "other"), ("AccountID", "7"), ("ProjectID", "7")):
            self.refused(b'{"a":1}', 403, header, value, headers={header: value})
        for header, value in (("X-Scope-OrgID", "default"), ("X-Tenant-ID", "default"), ("AccountID", "0")):
            self.assertEqual(self.server.send(b'{"a":1}', {header: value})[0], 200)

    def test_bad_admin_requests_are_400_404_or_409(self):
        self.refused(b'{"name":"a/b"}', 400, "a/b", target="/v1/tenants")
        self.refused(b'{"name":""}', 400, target="/v1/tenants")
        self.refused(b'{"nam":"x"}', 400, "nam", target="/v1/tenants")
        self.refused(b'{"name":7}', 400, "name", target="/v1/tenants")
        self.refused(b"{", 400, target="/v1/tenants")
        self.refused(b'{"name":"default"}', 409, "default", target="/v1/tenants")
        self.refused(b'{"role":"king","tenant":"default"}', 400, "king", target="/v1/keys")
        self.refused(b'{"role":"read","tenant":"nobody"}', 404, "nobody", target="/v1/keys")
        self.assert_problem(self.server.request("DELETE", "/v1/tenants/nobody"), 404, "nobody")
        self.assert_problem(self.server.request("DELETE", "/v1/keys/nokey"), 404, "nokey")

    def test_broken_http_is_answered_with_4xx(self):
        for data in (b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
                     b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                     b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"):
            answer = self.server.raw(data)
            self.assertRegex(answer[:12], rb"^HTTP/1\.1 (4\d\d|505)", data[:60])


class KeyedRefusalTest(ProblemAssertions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        run("tenant", "create", "acme", "--data-dir", cls.folder)
        run("tenant", "create", "globex", "--data-dir", cls.folder)
        cls.key = run("key", "create", "--tenant", "acme", "--data-dir", cls.folder).stdout.strip()
        cls.server = Server(data_dir=cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        shutil.rmtree(cls.folder)

    def test_no_key_or_a_wrong_one_is_401_with_a_challenge(self):
        for headers in ({}, {"Authorization": "Bearer nlk_wrong"}, {"X-API-Key": "x"}, {"Authorization": "Basic !!!"}, {"Authorization": "Digest a"}):
            for method, target in (("POST", "/v1/logs"), ("GET", "/v1/logs"), ("GET", "/v1/tenants"), ("POST", "/insert/jsonline")):
                answer = self.server.request(method, target, b'{"a":1}' if method == "POST" else None, headers)
                self.assert_problem(answer, 401)
                self.assertIn("Bearer", answer[1]["www-authenticate"])
                self.assertIn("Basic", answer[1]["www-authenticate"])

    def test_a_large_body_without_a_key_is_refused_before_it_is_read(self):
        head = b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        answer = self.server.raw(head)
        self.assertTrue(answer.startswith(b"HTTP/1.1 401 "), answer[:100])

    def test_another_tenants_name_is_403(self):
        for header in ("X-Scope-OrgID", "X-Tenant-ID"):
            for method in ("GET", "POST"):
                answer = self.server.request(method, "/v1/logs", b'{"a":1}' if method == "POST" else None,
                                             {"Authorization": "Bearer " + self.key, header: "globex"})
                self.assert_problem(answer, 403, header, "globex")

    def test_the_detail_does_not_repeat_the_key(self):
        for headers in ({"Authorization": "Bearer nlk_secretsecret"}, {"X-API-Key": "nlk_secretsecret"}, {"Authorization": "Basic bmxrX3NlY3JldHNlY3JldA=="}):
            self.assertNotIn(b"secretsecret", self.server.request("GET", "/v1/logs", headers=headers)[2])
        self.assertNotIn("secretsecret", self.server.stderr())


class JsonTestSuiteTest(unittest.TestCase):
    """The files of nst/JSONTestSuite, all over one connection."""

    @classmethod
    def setUpClass(cls):
        archive = shared_data("json_torture", "jsontestsuite.tar.zst")
        if not os.path.exists(archive) or not shutil.which("zstd"):
            raise unittest.SkipTest(f"{archive} or the zstd command is absent")
        with open(archive, "rb") as file, tempfile.TemporaryFile() as tar:
            tar.write(zstd(file.read(), "-d"))
            tar.seek(0)
            with tarfile.open(fileobj=tar) as files:
                cls.files = {os.path.basename(member.name): files.extractfile(member).read() for member in files if member.isfile()}
        cls.server = Server()
        cls.connection = http.client.HTTPConnection("127.0.0.1", cls.server.port, timeout=30)
        cls.connection.connect()
        cls.socket = cls.connection.sock

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()
        cls.server.close()

    def post(self, name, body, headers):
        self.connection.request("POST", "/v1/logs", body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        self.assertIs(self.connection.sock, self.socket, f"{name}: the connection was not kept")
        self.assertIn(response.status, (200, 400), (name, answer))
        return response.status, json.loads(answer)

    def good_count(self, case):
        return self.server.count(f'case:="{case}"')

    def test_a_whole_body_is_never_a_crash(self):
        for name, body in self.files.items():
            for headers in (JSON, NDJSON, {}):
                status, answer = self.post(name, body, headers)
                if name.startswith("n_") and status == 200 and not name.startswith("n_structure") and not name.startswith("n_array"):
                    self.assertGreaterEqual(answer["rejected"], 1, name)

    def wrong_in(self, wrap, headers, good_per_case, kind):
        """Names whose post was not answered as it should be. `wrap` puts the value between two good records."""
        wrong = []
        for name, value in self.files.items():
            case = f"{kind}-{name}"
            good = json.dumps({"case": case}).encode()
            status, answer = self.post(name, wrap(good, value), headers)
            stored = self.good_count(case)
            expected = good_per_case(name)
            if expected is not None and stored != expected:
                wrong.append(f"{name}: {stored} of {expected} good ones stored: {answer}")
            if kind.startswith("field") and name.startswith("y_") and (status, answer["rejected"]) != (200, 0):
                wrong.append(f"{name}: refused: {answer}")
            if kind.startswith("field") and name.startswith("n_") and answer["rejected"] == 0:
                wrong.append(f"{name}: accepted: {answer}")
        return wrong

    def test_between_lines_every_good_neighbour_is_stored(self):
        def wrap(good, value):
            return good + b"\n" + value.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n" + good
        self.assertEqual(self.wrong_in(wrap, NDJSON, lambda name: 2, "line"), [])

    def test_in_a_field_between_lines_valid_is_stored_and_invalid_refused(self):
        def wrap(good, value):
            return good + b'\n{"field":' + value.replace(b"\n", b" ").replace(b"\r", b" ") + b"}\n" + good
        # These are valid inside of a field once their line break is gone, or are closed by what follows.
        closed = {"n_string_unescaped_newline.json"}
        wrong = [line for line in self.wrong_in(wrap, NDJSON, lambda name: 2, "field-line") if line.partition(":")[0] not in closed]
        self.assertEqual(wrong, [])

    def test_between_elements_the_first_neighbour_is_stored_and_the_second_where_it_can_be_told(self):
        def wrap(good, value):
            return b"[" + good + b"," + value + b"," + good + b"]"
        self.assertEqual(self.wrong_in(wrap, JSON, lambda name: 2 if name.startswith("y_") else None, "element"), [])

    def test_in_a_field_between_elements_valid_is_stored_and_invalid_refused(self):
        def wrap(good, value):
            return b"[" + good + b',{"field":' + value + b"}," + good + b"]"
        self.assertEqual(self.wrong_in(wrap, JSON, lambda name: 2 if name.startswith("y_") else None, "field-element"), [])

    def test_the_server_is_alive_and_whole_at_the_end(self):
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.assertIsNone(self.server.process.poll())
        self.assertNotIn(" error ", self.server.stderr())


if __name__ == "__main__":
    unittest.main()
