"""A receiver of webhooks with the faults that receivers have, which keeps a log of its own: (id, what it answered)."""
import http.server
import socket
import struct
import threading


class FaultyReceiver:
    """`faults` is a function from (id, how often it was seen) to one of: a status, ("slow", seconds), ("later", seconds), "hang", "reset"."""

    def __init__(self, fault=lambda id, times: 200, port=0):
        self.fault, self.log, self.seen = fault, [], {}
        self.lock, self.over = threading.Lock(), threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(self, self.headers["webhook-id"])

            def answer(self, status, headers=()):
                self.send_response(status)
                for name, value in (("Content-Length", "0"), *headers):
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, handler, id):
        with self.lock:
            times = self.seen[id] = self.seen.get(id, 0) + 1
        fault = self.fault(id, times)
        kind, *rest = fault if isinstance(fault, tuple) else (fault,)
        if kind == "slow":
            self.over.wait(rest[0])
            kind = 200
        with self.lock:
            self.log.append((id, kind))
        if kind == "later":
            handler.answer(429, [("Retry-After", str(rest[0]))])
        elif kind == "hang":
            self.over.wait(60)
            handler.close_connection = True
        elif kind == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
        else:
            handler.answer(kind)

    def took(self):
        """The ids it has said yes to."""
        with self.lock:
            return {id for id, kind in self.log if kind == 200}

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
