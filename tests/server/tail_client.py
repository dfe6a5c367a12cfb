"""Clients of live tails over real sockets: Server-Sent Events, NDJSON and WebSocket. Standard library only."""
import base64
import contextlib
import hashlib
import json
import os
import socket
import struct
import urllib.parse


class Stream:
    """An answer without an end. `status` and `headers` are there when the constructor returns."""

    def __init__(self, port, target, headers=None, timeout=20, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        lines = [f"GET {target} HTTP/1.1", "Host: localhost", *(f"{k}: {v}" for k, v in (headers or {}).items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.input = b""
        head = self.until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}

    def fill(self):
        """False at the end."""
        chunk = self.socket.recv(1 << 16)
        self.input += chunk
        return bool(chunk)

    def until(self, mark):
        while mark not in self.input:
            if not self.fill():
                raise EOFError(self.input[-300:])
        found, self.input = self.input.split(mark, 1)
        return found

    def exactly(self, count):
        while len(self.input) < count:
            if not self.fill():
                raise EOFError
        found, self.input = self.input[:count], self.input[count:]
        return found

    def chunk(self):
        """The next chunk of the body; empty at its end."""
        data = self.exactly(int(self.until(b"\r\n"), 16))
        self.until(b"\r\n")
        return data

    def body(self):
        """The whole body of an answer that has a length, decoded."""
        return json.loads(self.exactly(int(self.headers["content-length"])))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def target(path, **params):
    return path + "?" + urllib.parse.urlencode(params) if params else path


class Events:
    """What all clients share: next() gives (kind, cursor, value); kind is "log" or the name of a notice."""

    def next(self):
        raise NotImplementedError

    def logs(self, count):
        """The next `count` records, with their cursors; other events are left out."""
        found = []
        while len(found) < count:
            kind, cursor, value = self.next()
            if kind == "log":
                found.append((cursor, value))
        return found

    def messages(self, count):
        return [value["message"] for _, value in self.logs(count)]

    def find(self, wanted):
        """The next event of this kind; all before it are left out."""
        while True:
            kind, cursor, value = self.next()
            if kind == wanted:
                return cursor, value


class Sse(Stream, Events):
    def __init__(self, port, headers=None, path="/v1/tail", timeout=20, receive_buffer=None, **params):
        super().__init__(port, target(path, **params), headers, timeout, receive_buffer)
        self.text = b""
        self.heartbeats = 0

    def next(self):
        while True:
            while b"\n\n" not in self.text:
                chunk = self.chunk()
                if not chunk:
                    raise EOFError
                self.text += chunk
            event, self.text = self.text.split(b"\n\n", 1)
            if event == b":":
                self.heartbeats += 1
                continue
            fields = [line.split(": ", 1) for line in event.decode().split("\n")]
            get = dict(fields).get
            return get("event", "log"), get("id"), json.loads("\n".join(v for k, v in fields if k == "data"))


class Ndjson(Stream, Events):
    """/v1/tail as NDJSON: {"cursor":...,"log":{...}} a line."""

    def __init__(self, port, headers=None, path="/v1/tail", timeout=20, **params):
        super().__init__(port, target(path, **params), {"Accept": "application/x-ndjson", **(headers or {})}, timeout)
        self.text = b""

    def line(self):
        while b"\n" not in self.text:
            chunk = self.chunk()
            if not chunk:
                raise EOFError
            self.text += chunk
        line, self.text = self.text.split(b"\n", 1)
        return json.loads(line)

    def next(self):
        return envelope(self.line())


def envelope(event):
    cursor = event.pop("cursor", None)
    (kind, value), = event.items()
    return kind, cursor, value


class WebSocket(Stream, Events):
    """RFC 6455, as much of it as a test needs."""

    TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

    def __init__(self, port, headers=None, path="/v1/tail", timeout=20, **params):
        key = base64.b64encode(os.urandom(16)).decode()
        super().__init__(port, target(path, **params), {
            "Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key, "Sec-WebSocket-Extensions": "permessage-deflate", **(headers or {})}, timeout)
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.accepted = self.headers.get("sec-websocket-accept") == base64.b64encode(digest).decode()

    def send(self, opcode, payload=b"", final=True, masked=True, reserved=0):
        size = len(payload)
        head = bytes([(0x80 if final else 0) | reserved | opcode])
        mask_bit = 0x80 if masked else 0
        if size < 126:
            head += bytes([mask_bit | size])
        elif size < 65536:
            head += bytes([mask_bit | 126]) + struct.pack(">H", size)
        else:
            head += bytes([mask_bit | 127]) + struct.pack(">Q", size)
        mask = os.urandom(4) if masked else b""
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if masked else payload
        self.socket.sendall(head + mask + body)

    def frame(self):
        """(opcode, payload)"""
        first, second = self.exactly(2)
        assert second < 128, "a server does not mask"
        assert first & 0x80, "frames are whole"
        size = second
        if second == 126:
            size, = struct.unpack(">H", self.exactly(2))
        elif second == 127:
            size, = struct.unpack(">Q", self.exactly(8))
        return first & 15, self.exactly(size)

    def next(self):
        while True:
            opcode, payload = self.frame()
            if opcode == self.TEXT:
                return envelope(json.loads(payload))
            if opcode == self.PING:
                self.send(self.PONG, payload)
            if opcode == self.CLOSE:
                raise EOFError(struct.unpack(">H", payload[:2])[0])

    def close_code(self):
        """Reads until the server closes; the code that it gave."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                opcode, payload = self.frame()
                if opcode == self.CLOSE:
                    return struct.unpack(">H", payload[:2])[0]
        return None
