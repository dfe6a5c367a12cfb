"""Live tails: what is acknowledged is pushed to who looks, once and in order; slow, dead and too many viewers."""
import threading
import time
import unittest

from harness import ProblemAssertions, Server, until
from tail_client import Ndjson, Sse, Stream, WebSocket, target


def records(first, count, **fields):
    return [{"message": f"m{i}", **fields} for i in range(first, first + count)]


def names(first, count):
    return [f"m{i}" for i in range(first, first + count)]


class Tail(unittest.TestCase, ProblemAssertions):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def tail(self, client=Sse, **params):
        opened = client(self.server.port, **params)
        self.addCleanup(opened.close)
        self.assertEqual(opened.status, 101 if client is WebSocket else 200)
        opened.live = opened.find("live")
        return opened

    def test_events_are_what_is_posted_in_its_form_with_a_cursor_each(self):
        for client in (Sse, Ndjson, WebSocket):
            with self.subTest(client.__name__):
                tail = self.tail(client, query="source:=shape")
                self.server.post([{"message": "a", "source": "shape", "metadata": {"n": 1.50, "deep": {"x": [1, "y"]}}},
                                  {"message": "b", "source": "other"}, {"message": "c", "source": "shape"}])
                events = tail.logs(2)
                self.assertEqual([value["message"] for _, value in events], ["a", "c"])
                self.assertEqual(events[0][1]["metadata"], {"n": 1.5, "deep": {"x": [1, "y"]}})
                first, last = (cursor.split("-") for cursor, _ in events)
                self.assertEqual((first[0], first[1], last[0], last[1]), (last[0], "0", first[0], "2"))

    def test_server_sent_events_have_the_headers_that_browsers_and_proxies_need(self):
        tail = self.tail()
        self.assertEqual(tail.headers["content-type"], "text/event-stream")
        self.assertEqual(tail.headers["cache-control"], "no-store")

    def test_order_is_that_of_the_log_also_when_times_run_backwards(self):
        tail = self.tail(query="source:=order")
        sent = [{"message": f"m{i}", "source": "order", "timestamp": f"2025-01-01T00:00:{59 - i % 60:02}Z"} for i in range(200)]
        for at in range(0, 200, 20):
            self.server.post(sent[at:at + 20])
        self.assertEqual(tail.messages(200), [one["message"] for one in sent])

    def test_pipes_work_row_by_row(self):
        tail = self.tail(query="source:=pipes | filter level:error | fields message, level")
        self.server.post([{"message": "no", "source": "pipes", "level": "info"}, {"message": "yes", "source": "pipes", "level": "error"}])
        (cursor, value), = tail.logs(1)
        self.assertEqual(value, {"message": "yes", "level": "error"})
        self.assertTrue(cursor.endswith("-1"))

    def test_a_pipe_that_needs_all_rows_is_refused_by_name(self):
        for pipe in ("stats count() n", "sort by (_time)", "limit 5", "uniq by (source)", "top 3 by (source)"):
            for path in ("/v1/tail", "/select/logsql/tail"):
                answer = self.server.request("GET", target(path, query="* | " + pipe))
                self.assert_problem(answer, 400, '"' + pipe.split()[0] + '"')

    def test_what_is_wrong_with_a_request_is_said(self):
        self.assert_problem(self.server.request("GET", "/v1/tail?query=level:in("), 400, "1:")
        self.assert_problem(self.server.request("GET", "/v1/tail?cursor=x"), 400, "cursor x")
        self.assert_problem(self.server.request("GET", "/v1/tail?start=soon"), 400, "start=soon")
        self.assert_problem(self.server.request("GET", "/select/logsql/tail"), 400, "query")
        self.assert_problem(self.server.request("GET", target("/select/logsql/tail", query="*", refresh_interval="often")), 400, "refresh_interval")
        status, headers, body = self.server.request("HEAD", "/v1/tail")
        self.assertEqual((status, headers["content-type"], body), (200, "text/event-stream", b""))

    def test_the_form_of_victorialogs_is_plain_records(self):
        self.server.post(records(0, 2, source="vl"))
        tail = Ndjson(self.server.port, path="/select/logsql/tail", query="source:=vl", refresh_interval="1s", offset="1s")
        self.addCleanup(tail.close)
        self.assertEqual([tail.line()["_msg"] for _ in range(2)], names(0, 2), "the last five seconds come first")
        self.server.post(records(2, 2, source="vl", code=5))
        lines = [tail.line() for _ in range(2)]
        self.assertEqual([line["_msg"] for line in lines], names(2, 2))
        self.assertEqual(lines[0]["code"], "5")
        self.assertIn("_time", lines[0])

    def test_a_tail_can_begin_some_time_ago_and_goes_on_without_gap_or_duplicate(self):
        stop = threading.Event()
        sent = []

        def send():
            while not stop.is_set():
                self.server.post(records(len(sent), 10, source="since"))
                sent.extend(range(10))

        writer = threading.Thread(target=send)
        writer.start()
        until(lambda: len(sent) > 100)
        tail = Sse(self.server.port, query="source:=since", start="1h")
        self.addCleanup(tail.close)
        time.sleep(0.3)
        stop.set()
        writer.join()
        seen = tail.messages(len(sent))
        self.assertEqual(sorted(seen, key=lambda name: int(name[1:])), names(0, len(sent)))

    def test_equal_queries_of_different_text_are_one_and_each_viewer_gets_all(self):
        tails = [self.tail(query=text) for text in ("source:=same level:error", "source:=same   level:error", 'source:="same" level:"error"') * 3]
        self.server.post(records(0, 50, source="same", level="error"))
        for tail in tails:
            self.assertEqual(tail.messages(50), names(0, 50))

    def test_viewers_are_counted_and_forgotten_when_they_leave(self):
        before = self.server.metric("neurallog_tail_viewers")
        with Sse(self.server.port) as tail:
            tail.find("live")
            self.assertEqual(self.server.metric("neurallog_tail_viewers"), before + 1)
        self.assertTrue(until(lambda: self.server.metric("neurallog_tail_viewers") <= before))


class Bounds(unittest.TestCase, ProblemAssertions):
    def test_a_slow_viewer_is_told_exactly_how_many_events_went(self):
        with Server("--tail-viewer-events-max=100", "--tail-viewer-bytes-max=64KiB") as server:
            with Sse(server.port, query="source:=slow", receive_buffer=4096) as tail:
                tail.find("live")
                total = 0
                for _ in range(40):
                    server.post(records(total, 500, source="slow", pad="x" * 1000))
                    total += 500
                server.post(records(total, 1, source="slow", last=True))
                seen, dropped = [], 0
                while True:
                    kind, _, value = tail.next()
                    if kind == "dropped":
                        dropped += value["count"]
                        self.assertEqual(value["total"], dropped)
                        continue
                    seen.append(int(value["message"][1:]))
                    if value.get("last"):
                        break
                self.assertGreater(dropped, 0)
                self.assertEqual(len(seen) + dropped, total + 1)
                self.assertEqual(seen, sorted(set(seen)))
                self.assertEqual(server.metric("neurallog_tail_dropped_total"), dropped)

    def test_viewers_are_bounded_per_tenant_and_in_all(self):
        with Server("--tail-viewers-per-tenant-max=2") as server:
            with Sse(server.port) as a, Sse(server.port) as b:
                a.find("live"), b.find("live")
                self.assert_problem(server.request("GET", "/v1/tail"), 429, "tenant default", "2 live tails", "tail.viewers_per_tenant_max")
            self.assertTrue(until(lambda: server.metric("neurallog_tail_viewers") == 0))
            with Sse(server.port) as again:
                again.find("live")
        with Server("--tail-viewers-max=1") as server:
            with Sse(server.port) as a:
                a.find("live")
                self.assert_problem(server.request("GET", "/v1/tail"), 429, "tail.viewers_max")

    def test_an_idle_tail_shows_that_it_lives_and_a_client_that_is_gone_is_found(self):
        with Server("--tail-heartbeat=1s") as server:
            with Sse(server.port, query="nothing") as tail, Stream(server.port, target("/select/logsql/tail", query="nothing")) as lines, WebSocket(server.port, query="nothing") as socket:
                tail.find("live"), socket.find("live")
                self.assertEqual(lines.chunk(), b" ")
                self.assertEqual(socket.frame(), (WebSocket.PING, b""))
                server.post([{"message": "nothing"}])
                tail.logs(1)
                self.assertGreaterEqual(tail.heartbeats, 1)
            self.assertTrue(until(lambda: server.metric("neurallog_tail_viewers") == 0))

    def test_a_stopping_server_ends_streams_politely_and_at_once(self):
        with Server() as server:
            with Sse(server.port) as sse, WebSocket(server.port) as socket:
                sse.find("live"), socket.find("live")
                server.post(records(0, 3))
                begin = time.monotonic()
                self.assertEqual(server.stop(), 0)
                self.assertLess(time.monotonic() - begin, 20, "nobody waits for a stream to end")
                self.assertEqual(sse.messages(3), names(0, 3))
                cursor, value = sse.find("end")
                self.assertEqual(value, {"reason": "the server stops"})
                self.assertTrue(cursor)
                self.assertEqual(sse.chunk(), b"")
                self.assertEqual(socket.messages(3), names(0, 3))
                self.assertEqual(socket.close_code(), 1001)

    def test_a_tail_shows_its_own_tenant_and_ends_with_its_key(self):
        with Server() as server:
            def create(path, **body):
                status, answer = server.post(body, path, self.admin)
                self.assertIn(status, (200, 201), answer)
                return answer
            self.admin = {}
            self.admin = {"Authorization": "Bearer " + create("/v1/keys", role="admin")["key"]}
            keys = {}
            for tenant in ("red", "blue"):
                create("/v1/tenants", name=tenant)
                keys[tenant] = create("/v1/keys", tenant=tenant, role="readwrite")
            auth = {tenant: {"Authorization": "Bearer " + key["key"]} for tenant, key in keys.items()}
            self.assert_problem(server.request("GET", "/v1/tail"), 401, "key")
            with Sse(server.port, auth["red"]) as red:
                red.find("live")
                server.post(records(0, 1), headers=auth["blue"])
                server.post(records(1, 1), headers=auth["red"])
                self.assertEqual(red.messages(1), names(1, 1))
                status, _, _ = server.request("DELETE", "/v1/keys/" + keys["red"]["id"], headers=self.admin)
                self.assertLess(status, 300)
                self.assertEqual(red.find("end")[1], {"reason": "the key is not valid any more"})


class Resume(unittest.TestCase):
    def test_a_viewer_that_comes_back_misses_nothing_and_sees_nothing_twice(self):
        with Server() as server:
            stop, sent = threading.Event(), []

            def send():
                while not stop.is_set():
                    server.post(records(len(sent), 7, source="resume"))
                    sent.extend(range(7))

            writer = threading.Thread(target=send)
            writer.start()
            seen, cursor = [], None
            for turn in range(12):
                client = (Sse, Ndjson, WebSocket)[turn % 3]
                by_header = {"Last-Event-ID": cursor} if cursor and turn % 2 else None
                params = {"cursor": cursor} if cursor and not by_header else {}
                with client(server.port, by_header, query="source:=resume", **params) as tail:
                    if cursor is None:
                        cursor, _ = tail.find("live")
                        first = None
                    for cursor, value in tail.logs(1 + 37 * turn):
                        seen.append(int(value["message"][1:]))
                time.sleep(0.05)
            stop.set()
            writer.join()
            with Sse(server.port, query="source:=resume", cursor=cursor) as tail:
                seen += [int(name[1:]) for name in tail.messages(len(sent) - seen[-1] - 1)]
            self.assertEqual(seen, list(range(seen[0], len(sent))))

    def test_a_cursor_outlives_a_kill_of_the_server(self):
        with Server() as server:
            with Sse(server.port) as tail:
                tail.find("live")
                server.post(records(0, 10))
                cursor = tail.logs(4)[-1][0]
            server.post(records(10, 10))
            server.kill()
            server.start()
            server.post(records(20, 10))
            with Sse(server.port, cursor=cursor) as tail:
                self.assertEqual(tail.messages(26), names(4, 26))
                server.post(records(30, 1))
                self.assertEqual(tail.messages(1), names(30, 1))

    def test_a_cursor_of_a_polite_end_goes_on_at_the_next_start(self):
        with Server() as server:
            with Sse(server.port) as tail:
                tail.find("live")
                server.post(records(0, 10))
                server.stop()
                tail.messages(10)
                cursor, _ = tail.find("end")
            server.start()
            server.post(records(10, 5))
            with Sse(server.port, cursor=cursor) as tail:
                self.assertEqual(tail.messages(5), names(10, 5))


class WebSocketProtocol(unittest.TestCase, ProblemAssertions):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def open(self):
        socket = WebSocket(self.server.port)
        self.addCleanup(socket.close)
        self.assertEqual(socket.status, 101)
        self.assertTrue(socket.accepted)
        self.assertNotIn("sec-websocket-extensions", socket.headers)
        socket.find("live")
        return socket

    def test_pings_are_answered_and_messages_ignored(self):
        socket = self.open()
        socket.send(WebSocket.TEXT, b"hello")
        socket.send(WebSocket.TEXT, b"in ", final=False)
        socket.send(WebSocket.PING, b"inside")
        socket.send(0, b"pieces")
        socket.send(2, b"\x00" * 60000)
        socket.send(WebSocket.PING, b"x" * 125)
        self.assertEqual(socket.frame(), (WebSocket.PONG, b"inside"))
        self.assertEqual(socket.frame(), (WebSocket.PONG, b"x" * 125))

    def test_a_close_is_answered_with_its_code(self):
        for payload, code in ((b"", 1000), (b"\x03\xe8", 1000), (b"\x0b\xb8bye", 3000), (b"\x03\xed", 1002), (b"\x03", 1002)):
            socket = self.open()
            socket.send(WebSocket.CLOSE, payload)
            self.assertEqual(socket.close_code(), code)

    def test_what_the_protocol_forbids_ends_the_connection(self):
        for send, code in ((dict(opcode=1, payload=b"x", masked=False), 1002), (dict(opcode=1, payload=b"x", reserved=0x40), 1002),
                           (dict(opcode=3, payload=b"x"), 1002), (dict(opcode=11), 1002), (dict(opcode=9, payload=b"x" * 126), 1002),
                           (dict(opcode=9, final=False), 1002), (dict(opcode=0, payload=b"x"), 1002), (dict(opcode=2, payload=b"x" * 70000), 1009)):
            socket = self.open()
            socket.send(**send)
            self.assertEqual(socket.close_code(), code, send)

    def test_a_message_in_pieces_is_bounded_as_a_whole(self):
        socket = self.open()
        socket.send(2, b"x" * 60000, final=False)
        socket.send(0, b"x" * 60000, final=False)
        self.assertEqual(socket.close_code(), 1009)

    def test_a_handshake_that_is_none_is_refused(self):
        good = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        for change, text in (({"Sec-WebSocket-Version": "8"}, "Version"), ({"Sec-WebSocket-Key": "short"}, "Key"), ({"Connection": "close"}, "Connection")):
            self.assert_problem(self.server.request("GET", "/v1/tail", headers={**good, **change}), 400, text)

    def test_frames_that_come_with_the_handshake_are_read(self):
        request = ("GET /v1/tail HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
        answer = self.server.raw(request + b"\x88\x80\x00\x00\x00\x00")
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", answer)
        self.assertTrue(answer.endswith(b"\x88\x02\x03\xe8"))


if __name__ == "__main__":
    unittest.main()
