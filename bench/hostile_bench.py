#!/usr/bin/env python3
"""What small queries and the memory feel of hostile ones: huge sorts, groups by trace id, joins, regular expressions.

    bench/hostile_bench.py [--hostile 200] [--seconds 15] [--logs 1000000] [--same-tenant] [--verbose] [-- SERVER FLAGS]

Loads made-up logs with a trace id of their own into a server with the default memory limit, measures small queries for some seconds, and again while
HOSTILE hostile queries are asked at once, and again when they are answered. The small queries belong to another tenant unless --same-tenant. Printed as JSON: p50, p95 and the slowest of
the small queries in both times, what became of the hostile ones by status and by reason, how long they took, and the memory before and at its peak.
Exit code 1 when a hostile query got neither an answer nor a reason, or the memory went past its limit by more than a tenth.
"""
import argparse
import collections
import json
import os
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/server"))
from harness import Server, until  # noqa: E402
from hostile_queries import Memory, ask, attack, fill, summary, unclear  # noqa: E402

SMALL = ["level:error source:=service-3 | limit 10", "source:=service-7 | stats count() n", "number:=77 | limit 1", "* | limit 5"]


def small_queries(server, headers, seconds):
    """Latencies in ms of one query each 20 ms over eight connections, each counted from the time at which it was due."""
    taken, statuses, begin = [], collections.Counter(), time.monotonic()

    def every_eighth(first):
        for i in range(first, int(seconds * 50), 8):
            due = begin + i * 0.02
            time.sleep(max(0, due - time.monotonic()))
            statuses[ask(server, SMALL[i % len(SMALL)], headers)[0]] += 1
            taken.append((time.monotonic() - due) * 1e3)

    threads = [threading.Thread(target=every_eighth, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.sort()
    return {"queries": len(taken), "statuses": dict(statuses), "p50_ms": round(statistics.median(taken), 1),
            "p95_ms": round(taken[int(len(taken) * 0.95)], 1), "max_ms": round(taken[-1], 1)}


def make_tenants(server):
    """The headers of two tenants that may read and write."""
    server.post({"name": "hostile"}, "/v1/tenants"), server.post({"name": "small"}, "/v1/tenants")
    admin = {"Authorization": "Bearer " + server.post({"role": "admin"}, "/v1/keys")[1]["key"]}
    keys = [server.post({"role": "readwrite", "tenant": name}, "/v1/keys", admin)[1] for name in ("hostile", "small")]
    return [{"Authorization": "Bearer " + key["key"]} for key in keys]


def in_own_process(function, *arguments):
    """So that the threads of the attack do not slow the clock of the others."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, json.dumps(function(*arguments)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as result:
        text = result.read()
    os.wait()
    return json.loads(text)


def measure(server, arguments):
    hostile, small = make_tenants(server)
    if arguments.same_tenant:
        small = hostile
    fill(server, arguments.logs, hostile)
    if small is not hostile:
        fill(server, arguments.logs // 10, small)
    until(lambda: server.metric("neurallog_row_buffer_bytes") == 0, 30)
    print(json.dumps({"small_alone": in_own_process(small_queries, server, small, arguments.seconds)}), flush=True)
    memory = Memory(server.process.pid)
    memory.start()
    threads, outcomes = attack(server, arguments.hostile, hostile, arguments.seconds)
    print(json.dumps({"small_under_attack": in_own_process(small_queries, server, small, arguments.seconds)}), flush=True)
    for thread in threads:
        thread.join()
    memory.stop = True
    limit_mb = server.metric("neurallog_memory_limit_bytes") / 2**20
    print(json.dumps({"hostile": summary(outcomes), "rss_mb": {"before": round(memory.before), "peak": round(memory.peak), "limit": round(limit_mb)}}))
    if arguments.verbose:
        for query, status, size, reason, took in sorted(outcomes, key=lambda each: -each[-1]):
            print(f"{took:7.2f} s  {status}  {size:>12}  {query}  {reason}")
    return not unclear(outcomes) and memory.peak <= limit_mb * 1.1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("hostile", 200), ("seconds", 15), ("logs", 1_000_000)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--same-tenant", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="a line for each hostile query")
    own, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    arguments = parser.parse_args(own.split())
    with Server(*flags.split()) as server:
        sys.exit(0 if measure(server, arguments) else 1)


if __name__ == "__main__":
    main()
