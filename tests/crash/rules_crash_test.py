#!/usr/bin/env python3
"""Kills the server with SIGKILL in the middle of windows and sequences, again and again, and checks that rules find just what they find on a
server that is left alone: the same matches, none lost and none twice. Alerts that go on faster than they are written count each match once.

usage: rules_crash_test.py [rounds] [seed]        (50 rounds; a long run, not in the suite)

One writer sends batches one by one, each until it is acknowledged, with a key that makes it one batch however often it is sent. Times of records are
minutes apart from batch to batch, so that nothing depends on how long a restart takes. Some lives are long enough for states to be written, some
end while the log is replayed, and in some a rule is changed that has nothing to do with the others.
"""
import collections
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../server"))
from harness import Server  # noqa: E402

FIRST_MS = 1748736000000  # 2025-06-01
STEP_MS = 120_000
USERS, HOSTS = 12, 5
KEEP_ALL = ("--rules-matches-max", "10000000", "--rules-match-bytes-max", "10GiB")  # what goes first is not the same in both servers

RULES = """
name: single
suppress: {key: [host], cooldown: 20m, max_per_hour: 2}
detection: {a: {kind: odd}, condition: a}
---
name: threshold
type: threshold
window: {size: 20m, group_by: [user]}
threshold: {gte: 6}
detection: {a: {kind: login, outcome: failure}, condition: a}
---
name: tumbling
type: distinct
window: {type: tumbling, size: 15m, group_by: [host]}
distinct: {field: user}
threshold: {lte: 9}
detection: {a: {kind: login}, condition: a}
---
name: session
type: metric
window: {type: session, size: 2h, gap: 5m, group_by: [user]}
metric: {field: ms, agg: sum}
threshold: {gt: 900}
detection: {a: {kind: request}, condition: a}
---
name: percentile
type: metric
window: {size: 30m, group_by: [host]}
metric: {field: ms, agg: p95}
threshold: {gt: 480}
detection: {a: {kind: request}, condition: a}
---
name: sequence
type: sequence
window: {group_by: [user]}
sequence:
  ordered: true
  within: 30m
  steps:
    - {detection: {a: {kind: login, outcome: failure}, condition: a}, min: 3}
    - {detection: {a: {kind: reset}, condition: a}, not: true}
    - {detection: {a: {kind: login, outcome: success}, condition: a}}
---
name: unfinished
type: sequence
window: {group_by: [user]}
sequence:
  ordered: true
  within: 10m
  steps:
    - {detection: {a: {kind: login, outcome: success}, condition: a}}
    - {detection: {a: {kind: logout}, condition: a}, not: true}
---
name: together
type: sequence
window: {group_by: [host]}
sequence:
  ordered: false
  within: 6m
  steps:
    - {detection: {a: {kind: reset}, condition: a}}
    - {detection: {a: {kind: odd}, condition: a}}
---
name: unanswered
type: absence
window: {group_by: [user]}
absence: {within: 12m, without: {detection: {b: {kind: logout}, condition: b}}}
detection: {a: {kind: reset}, condition: a}
---
name: silent
type: absence
window: {group_by: [user, host]}
absence: {within: 50m}
detection: {a: {kind: login}, condition: a}
---
name: change
type: change
window: {size: 10d, group_by: [host]}
change: {field: release}
detection: {a: {kind: odd}, condition: a}
---
name: new_term
type: new_term
window: {size: 2h}
new_term: {field: term, learn: 30m}
detection: {a: {kind: request}, condition: a}
---
name: spike
type: spike
window: {size: 10m, group_by: [host]}
threshold: {gte: 1.6}
spike: {min_before: 4, min: 8}
detection: {a: {kind: login}, condition: a}
---
name: percentage
type: percentage
window: {size: 20m, group_by: [host]}
threshold: {gte: 60}
percentage: {min: 8, detection: {f: {outcome: failure}, condition: f}}
detection: {a: {kind: login}, condition: a}
---
name: busy
group_by: [slot]
resolve_timeout: 20d
detection: {a: {slot: "*"}, condition: a}
---
name: busier
group_by: [place]
resolve_timeout: 20d
detection: {a: {place: "*"}, condition: a}
"""
BUSY = ("busy", "busier")  # with so many alerts that go on at a time that not all are written at once


def record_group(rule, number):
    return number % 990 if rule == "busy" else number * 7 % 989


def record(rng, number, at_ms):
    kind = rng.choices(("login", "request", "reset", "logout", "odd"), (9, 8, 1, 4, 1))[0]
    return {"timestamp": at_ms, "message": f"event {number}", "number": number, "kind": kind, "user": f"u{rng.randrange(USERS)}",
            "host": f"h{rng.randrange(HOSTS)}", "outcome": rng.choice(("failure", "failure", "success")), "ms": rng.randrange(500),
            "release": number // 4000, "term": f"t{rng.randrange(100 + number // 40)}",
            "slot": record_group("busy", number), "place": record_group("busier", number)}


def batch(seed, index):
    rng = random.Random(f"{seed}/{index}")
    begin = FIRST_MS + index * STEP_MS
    # Out of order, by less than what is too late.
    return [record(rng, index * 20 + i, begin + i * 1000 + rng.randrange(-5000, 5000)) for i in range(20)]


def last_batch(index):
    """One record for each rule, so late that all others are over."""
    at_ms = FIRST_MS + index * STEP_MS + 24 * 3_600_000
    kinds = [("login", "failure"), ("login", "success"), ("request", ""), ("reset", ""), ("odd", "")]
    return [{"timestamp": at_ms, "message": "end", "number": -1 - i, "kind": kind, "user": "end", "host": "end", "outcome": outcome, "ms": 1,
             "release": "end", "term": "end"} for i, (kind, outcome) in enumerate(kinds)]


def send(server, name, records, stop_at=None):
    """Until it is acknowledged; the server may die meanwhile."""
    body = json.dumps(records)
    headers = {"Content-Type": "application/json", "Idempotency-Key": name}
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if server.request("POST", "/v1/logs", body, headers, timeout=30)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.005)
    raise AssertionError(f"{name} was not taken")


def import_rules(server):
    status, _, body = server.request("POST", "/v1/rules:import", RULES)
    assert status == 200 and json.loads(body)["failed"] == 0, body


def matches(server):
    end = time.monotonic() + 120
    while " 0\n" not in server.request("GET", "/metrics")[2].decode().split("\nneurallog_rule_stage_lag_batches", 1)[1][:3]:
        assert time.monotonic() < end, "rules did not come to the end"
        time.sleep(0.05)
    time.sleep(2.5)  # time goes on once a second
    found, cursor = collections.Counter(), ""
    while cursor is not None:
        page = json.loads(server.request("GET", f"/v1/matches?limit=1000&cursor={cursor}")[2])
        for match in page["matches"]:
            number = match.get("record", {}).get("number")
            found[json.dumps([match["rule"], match["timestamp"], match.get("group"), match.get("value"), match.get("window"), number])] += 1
        cursor = page.get("cursor")
    return found


def check_alerts(server, found):
    """The matches that alerts have counted are those that there are."""
    of_group = collections.Counter()
    for key, count in found.items():
        rule, *_, number = json.loads(key)
        if rule in BUSY:
            of_group[rule, str(record_group(rule, number))] += count
    counted, cursor = collections.Counter(), ""
    while cursor is not None:
        page = json.loads(server.request("GET", f"/v1/alerts?limit=1000&cursor={cursor}")[2])
        for alert in page["alerts"]:
            if alert["rule"] in BUSY:
                counted[alert["rule"], *alert["group"].values()] += alert["matches"]
        cursor = page.get("cursor")
    wrong = {of: (count, counted[of]) for of, count in of_group.items() if counted[of] != count}
    assert not wrong, f"{len(wrong)} alerts have miscounted (there are, counted): {list(wrong.items())[:10]}"
    return counted.total()


def lifetime(rng):
    kind = rng.random()
    return rng.uniform(0, 0.1) if kind < 0.15 else rng.uniform(0.1, 1.5) if kind < 0.8 else rng.uniform(2, 4) if kind < 0.9 else rng.uniform(11, 13)


def disturbed(rounds, seed, server):
    """Returns how many batches were sent."""
    rng, sent, over = random.Random(seed), 0, threading.Event()

    def write():
        nonlocal sent
        while not over.is_set():
            send(server, f"batch {sent}", batch(seed, sent))
            sent += 1
            time.sleep(0.004)
    writer = threading.Thread(target=write)
    writer.start()
    for round_ in range(rounds):
        if rng.random() < 0.3:
            text = f"name: bystander\ndetection: {{a: {{kind: nothing{round_}}}, condition: a}}\n"
            assert server.request("PUT", "/v1/rules/bystander", text)[0] in (200, 201)
        time.sleep(lifetime(rng))
        server.kill()
        server.start()
        print(f"round {round_ + 1}: killed after {sent} batches", flush=True)
    over.set()
    writer.join()
    send(server, "last", last_batch(sent))
    return sent


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, Server("--rules-idle-timeout", "1s", *KEEP_ALL, data_dir=folder) as server:
        import_rules(server)
        sent = disturbed(rounds, seed, server)
        found = matches(server)
        counted = check_alerts(server, found)
    with Server(*KEEP_ALL) as server:
        import_rules(server)
        for index in range(sent):
            send(server, f"batch {index}", batch(seed, index))
        send(server, "last", last_batch(sent))
        expected = matches(server)
    lost, more = expected - found, found - expected
    by_rule = collections.Counter()
    for key, count in expected.items():
        by_rule[json.loads(key)[0]] += count
    print(json.dumps({"rounds": rounds, "seed": seed, "records": sent * 20, "matches": sum(expected.values()), "of_rules": dict(by_rule),
                      "lost": sum(lost.values()), "more": sum(more.values()), "counted_by_alerts": counted}))
    for name, keys in (("lost", lost), ("more", more)):
        for key in list(keys)[:10]:
            print(name, key)
    assert len(by_rule) >= 15 and not lost and not more


if __name__ == "__main__":
    main()
