#!/usr/bin/env python3
"""What deliveries cost: a backlog of N that waits, a start with it, then delivering it to a second server as the receiver.

usage: NL_BINARY=build/release/neurallog actions_bench.py [N]        (default 100000)

Prints how long the start takes until it is ready, until the first delivery and until all that waits is known, what memory it needs, and deliveries per second and per second of the sending server's CPU.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tests/server"))
from harness import Server, until

RULE = "name: r\ndetection: {a: {message: hit}, condition: a}\nactions: [{action: hook}]\n"
BATCH = 5000


def put(server, action):
    status, _, body = server.request("PUT", "/v1/actions/hook", json.dumps(action))
    assert status in (200, 201), body


def rss_mib(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))


def delivered(server):
    return server.metric("neurallog_action_delivered_total")


def known(server):
    return delivered(server) + server.metric("neurallog_outbox_depth")


def main(count=100_000):
    receiver = Server()
    sender = Server("--actions-allow-cidr", "127.0.0.0/8")
    action = {"type": "webhook", "concurrency": 128, "config": {"url": f"http://127.0.0.1:{receiver.port}/insert/jsonline?ack=async"}}
    put(sender, {**action, "rate_limit": {"per_second": 20, "burst": 1}})
    assert sender.request("PUT", "/v1/rules/r", RULE)[0] == 201
    begin = time.monotonic()
    for first in range(0, count, BATCH):
        body = "\n".join(json.dumps({"message": "hit", "n": n, "host": f"web-{n % 50}", "level": "error", "path": "/api/v1/orders"})
                         for n in range(first, min(first + BATCH, count)))
        assert sender.request("POST", "/v1/logs", body, {"Content-Type": "application/x-ndjson"})[0] == 200
    assert until(lambda: known(sender) == count, 600), known(sender)
    print(f"{count} wait after {time.monotonic() - begin:.1f} s, {rss_mib(sender)} MiB", flush=True)
    left = sender.metric("neurallog_outbox_depth")
    sender.kill()
    begin = time.monotonic()
    sender.start()
    ready = time.monotonic() - begin
    assert until(lambda: delivered(sender) > 0, 120)
    first = time.monotonic() - begin
    assert until(lambda: known(sender) >= left - 100, 120), (known(sender), left)  # some may have gone just before
    print(f"start after kill -9: ready in {ready:.2f} s, the first delivery after {first:.2f} s, all known after {time.monotonic() - begin:.2f} s, "
          f"{rss_mib(sender)} MiB", flush=True)
    time.sleep(2)
    done, before, begin = delivered(sender), sender.metric("process_cpu_seconds_total"), time.monotonic()
    put(sender, action)
    assert until(lambda: sender.metric("neurallog_outbox_depth") == 0, 600), sender.metric("neurallog_outbox_depth")
    took, cpu = time.monotonic() - begin, sender.metric("process_cpu_seconds_total") - before
    attempts = delivered(sender) - done
    print(f"delivered {attempts:.0f} in {took:.1f} s: {attempts / took:.0f}/s, {attempts / cpu:.0f} per second of CPU, {rss_mib(sender)} MiB", flush=True)
    sender.close()
    receiver.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
