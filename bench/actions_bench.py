#!/usr/bin/env python3
"""What deliveries cost, to a second server as the receiver.

    actions_bench.py restart [N]                a backlog of N (100,000) that waits, a start with it, then its delivery
    actions_bench.py latency [RATE] [LOGS]      RATE matches per second (1,000) while LOGS other logs per second (50,000) come in
    actions_bench.py isolation [RATE] [ROUNDS]  RATE matches per second (200) for each of two actions, ROUNDS (5) times while the receiver of a
                                                third one is well and as often while it hangs, in turn

`restart` prints how long the start takes until it is ready, until the first delivery and until all that waits is known, what memory it needs, and
deliveries per second and per second of the sending server's CPU. The others print percentiles of the time from the match to when the receiver has
stored the notice, by the clock that both servers share; `isolation` the 99th of each second, and their median. NL_BINARY and NL_BENCH name the server and the load tool (build/release by default).
"""
import datetime
import json
import os
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("NL_BINARY", os.path.join(HERE, "../build/release/neurallog"))
sys.path.insert(0, os.path.join(HERE, "../tests/server"))
from harness import Server, until  # noqa: E402

LOAD_TOOL = os.environ.get("NL_BENCH", os.path.join(HERE, "../build/release/neurallog_bench"))
RULE = "name: {name}\ndetection: {{a: {{message: {word}}}, condition: a}}\nactions: [{{action: {name}}}]\n"
BATCH = 5000
TICK = 0.01  # seconds between requests with matches
ROUND = 10   # seconds that are measured at a time


def put(server, action, id="hook"):
    status, _, body = server.request("PUT", "/v1/actions/" + id, json.dumps(action))
    assert status in (200, 201), body


def rule(server, name, word):
    assert server.request("PUT", "/v1/rules/" + name, RULE.format(name=name, word=word))[0] == 201


def webhook(port, **members):
    return {"type": "webhook", "concurrency": 128, "config": {"url": f"http://127.0.0.1:{port}/insert/jsonline?ack=async"}, **members}


def rss_mib(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))


def delivered(server):
    return server.metric("neurallog_action_delivered_total")


def known(server):
    return delivered(server) + server.metric("neurallog_outbox_depth")


def restart(count=100_000):
    receiver = Server()
    sender = Server("--actions-allow-cidr", "127.0.0.0/8")
    action = webhook(receiver.port)
    put(sender, {**action, "rate_limit": {"per_second": 20, "burst": 1}})
    rule(sender, "hook", "hit")
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


def tell(server, words, rate, seconds):
    """`rate` records with each of these messages per second."""
    body = "\n".join(json.dumps({"message": word, "host": "web-1", "path": "/api/v1/orders"}) for word in words for _ in range(round(rate * TICK)))
    begin = time.monotonic()
    for tick in range(round(seconds / TICK)):
        time.sleep(max(0, begin + tick * TICK - time.monotonic()))
        assert server.request("POST", "/v1/logs", body, {"Content-Type": "application/x-ndjson"})[0] == 200


def seconds_of(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (fraction or "0"))


def delays(receiver, rules, since):
    """When each notice of these rules was made, and how many seconds later it arrived."""
    rows = receiver.query(f"_time:>={since} rule.id:in({','.join(rules)}) | fields _time, time", limit=10_000_000)
    return [(seconds_of(row["time"]), seconds_of(row["_time"]) - seconds_of(row["time"])) for row in rows]


def p99_by_second(found):
    begin = min(made for made, _ in found)
    seconds = {}
    for made, delay in found:
        seconds.setdefault(int(made - begin), []).append(1000 * delay)
    return [round(sorted(all_)[int(0.99 * len(all_))], 2) for _, all_ in sorted(seconds.items())]


def percentiles(found):
    found = sorted(delay for _, delay in found)
    at = lambda share: 1000 * found[min(len(found) - 1, int(share * len(found)))]
    return {"count": len(found), **{f"p{name}_ms": round(at(share), 2) for name, share in (("50", 0.5), ("99", 0.99), ("99.9", 0.999))},
            "max_ms": round(1000 * found[-1], 2)}


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def idle(sender, receiver):
    assert until(lambda: sender.metric("neurallog_outbox_depth") == 0, 120)
    time.sleep(1.5)  # what has arrived is searchable after a second


def latency(rate=1000, logs=50_000):
    receiver, sender = Server(), Server("--actions-allow-cidr", "127.0.0.0/8")
    put(sender, webhook(receiver.port))
    rule(sender, "hook", "hit")
    load = subprocess.Popen([LOAD_TOOL, "ingest", "--url", f"http://127.0.0.1:{sender.port}/v1/logs", "--builtin", "500", "--rate", str(logs),
                             "--seconds", str(2 * ROUND + 4)], stdout=subprocess.PIPE, text=True)
    time.sleep(2)
    since = now()
    before = sender.metric("process_cpu_seconds_total")
    tell(sender, ["hit"], rate, 2 * ROUND)
    cpu = sender.metric("process_cpu_seconds_total") - before
    came = json.loads(load.communicate()[0])
    idle(sender, receiver)
    print(json.dumps({**percentiles(delays(receiver, ["hook"], since)), "sender_cpu_cores": round(cpu / (2 * ROUND), 2),
                      "logs_per_s": came.get("logs_per_s"), "load": {k: v for k, v in came.items() if "p99" in k or k == "statuses"}}))
    sender.close()
    receiver.close()


def isolation(rate=200, rounds=5):
    receiver, sender = Server(), Server("--actions-allow-cidr", "127.0.0.0/8")
    hanging = socket.create_server(("127.0.0.1", 0), backlog=4096)  # accepts and says nothing
    names = ["a", "b", "third"]
    for name in names:
        put(sender, webhook(receiver.port), name)
        rule(sender, name, "hit" + name)
    tell(sender, ["hit" + name for name in names], rate, 3)
    found = {"well": [], "hangs": []}
    for round_ in range(2 * rounds):
        kind = "hangs" if round_ % 2 else "well"
        put(sender, webhook(hanging.getsockname()[1] if kind == "hangs" else receiver.port, breaker={"failures": 1000}), "third")
        idle(sender, receiver)
        since = now()
        tell(sender, ["hit" + name for name in names], rate, ROUND)
        put(sender, webhook(receiver.port), "third")
        idle(sender, receiver)
        got = delays(receiver, ["a", "b"], since)
        assert len(got) == 2 * rate * ROUND, len(got)
        found[kind] += p99_by_second(got)
        print(kind, json.dumps(percentiles(got)), flush=True)
    for kind, all_ in found.items():
        print(f"{kind}: p99 of a second: median {statistics.median(all_):.2f} ms of {len(all_)}")
    sender.close()
    receiver.close()


if __name__ == "__main__":
    modes = {"restart": restart, "latency": latency, "isolation": isolation}
    modes[sys.argv[1]](*map(int, sys.argv[2:]))
