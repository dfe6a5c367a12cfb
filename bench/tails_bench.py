#!/usr/bin/env python3
"""What live tails cost ingestion: VIEWERS viewers with FILTERS different filters while logs come in at RATE a second.

    bench/tails_bench.py [--viewers 1000] [--filters 200] [--rate 50000] [--seconds 10] [--rounds 3]

Rounds without and with viewers alternate on one server. Printed: CPU seconds per second of the threads that take logs in (nl-http,
nl-committer, nl-sealer, ...), of nl-tail, and of the process, and how many events came, were dropped and should have come. Every viewer's
events are counted: it must have got, or been told to have lost, each record that its filter matches.
"""
import argparse
import http.client
import json
import os
import re
import selectors
import socket
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/server"))
from harness import Server  # noqa: E402

BATCH = 1000
SOURCES, CODES = 20, 10  # a filter is a source and a code: SOURCES * CODES of them at most


def body(number):
    logs = [{"level": ("info", "info", "info", "warn", "error")[i % 5], "source": f"service-{i % SOURCES}",
             "message": f"request {number * BATCH + i} of user {i * 7919 % 100003} took {i % 977} ms: code c{i // SOURCES % CODES} at /api/v1/items/{i}",
             "metadata": {"host": f"node-{i % 13}", "trace": f"{number * BATCH + i:032x}"}} for i in range(BATCH)]
    return json.dumps(logs).encode()


def cpu_by_thread(pid):
    """CPU seconds by thread name."""
    total, tick = {}, os.sysconf("SC_CLK_TCK")
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            text = open(f"/proc/{pid}/task/{task}/stat").read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        fields = text[text.rindex(")") + 2:].split()
        total[name] = total.get(name, 0) + (int(fields[11]) + int(fields[12])) / tick
    return total


class Viewers(threading.Thread):
    """All viewers in one thread; counts events without looking at them."""

    def __init__(self, port, viewers, filters):
        super().__init__(daemon=True)
        self.selector, self.events, self.dropped, self.rest, self.stop = selectors.DefaultSelector(), [0] * viewers, [0] * viewers, [b""] * viewers, False
        self.queries = []
        for i in range(viewers):
            number = i % filters
            query = f"source:=service-{number % SOURCES} c{number // SOURCES % CODES}"
            self.queries.append(query)
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(f"GET /v1/tail?{urllib.parse.urlencode({'query': query})} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            s.setblocking(False)
            self.selector.register(s, selectors.EVENT_READ, i)

    def run(self):
        while not self.stop:
            for key, _ in self.selector.select(0.2):
                try:
                    data = key.fileobj.recv(1 << 18)
                except BlockingIOError:
                    continue
                i = key.data
                text = self.rest[i] + data
                cut = text.rfind(b"\n\n")
                whole, self.rest[i] = (text[:cut + 2], text[cut + 2:]) if cut >= 0 else (b"", text)
                self.events[i] += whole.count(b"\nid: ") - whole.count(b"event: live\n")
                for count in re.findall(rb'"count":(\d+)', whole):
                    self.dropped[i] += int(count)

    def close(self):
        self.stop = True
        self.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def send(port, bodies, rate, seconds):
    """Sends for some seconds; the number of logs."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    begin, sent = time.monotonic(), 0
    while sent < rate * seconds:
        ahead = sent / rate - (time.monotonic() - begin)
        if ahead > 0:
            time.sleep(ahead)
        connection.request("POST", "/v1/logs", bodies[sent // BATCH % len(bodies)])
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
        sent += BATCH
    return sent, time.monotonic() - begin


def measure(server, bodies, arguments, viewers):
    threads = None
    if viewers:
        threads = Viewers(server.port, viewers, arguments.filters)
        threads.start()
        while server.metric("neurallog_tail_viewers") < viewers:
            time.sleep(0.1)
        time.sleep(1)
    before = cpu_by_thread(server.process.pid)
    sent, seconds = send(server.port, bodies, arguments.rate, arguments.seconds)
    time.sleep(1)
    after = cpu_by_thread(server.process.pid)
    used = {name: (after[name] - before.get(name, 0)) / seconds for name in after}
    result = {"viewers": viewers, "logs_per_second": round(sent / seconds), "cpu_process": round(sum(used.values()), 3),
              "cpu_tail": round(used.get("nl-tail", 0), 3),
              "cpu_committer": round(used.get("nl-committer", 0), 3), "cpu_http": round(used.get("nl-http", 0), 3),
              "cpu_other": round(sum(v for k, v in used.items() if k not in ("nl-tail", "nl-committer", "nl-http")), 3)}
    if threads:
        expected = sent // (SOURCES * CODES)
        deadline = time.monotonic() + 10
        while sum(threads.events) + sum(threads.dropped) < expected * viewers and time.monotonic() < deadline:
            time.sleep(0.1)
        threads.close()
        result["events"], result["dropped"], result["expected"] = sum(threads.events), sum(threads.dropped), expected * viewers
        result["exact"] = all(e + d == expected for e, d in zip(threads.events, threads.dropped))
        while server.metric("neurallog_tail_viewers") > 0:
            time.sleep(0.1)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("viewers", 1000), ("filters", 200), ("rate", 50000), ("seconds", 10), ("rounds", 3)):
        parser.add_argument("--" + name, type=int, default=default)
    arguments = parser.parse_args()
    bodies = [body(number) for number in range(50)]
    with Server() as server:
        measure(server, bodies, argparse.Namespace(rate=arguments.rate, seconds=2, filters=1), 0)
        for _ in range(arguments.rounds):
            for viewers in (0, arguments.viewers):
                print(json.dumps(measure(server, bodies, arguments, viewers)), flush=True)


if __name__ == "__main__":
    main()
