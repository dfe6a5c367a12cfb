#!/usr/bin/env python3
"""Kills the server with SIGKILL at random moments while rules match and actions deliver to a receiver that fails now and then, starts it again,
and checks at the end: each match was told at least once, always with one id, and is in exactly one notice of a group; and each delivery ended.

usage: actions_crash.py [rounds] [seed]        (not in the suite; NL_BINARY names the binary)
"""
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../server"))
from actions_test import Receiver
from harness import Server, until

RULE = "name: r\ndetection: {a: {message: hit}, condition: a}\nactions: [{action: hook}, {action: digest}]\n"


def page_through(server, target, name):
    found, cursor = [], ""
    while True:
        answer = json.loads(server.request("GET", f"{target}limit=1000&cursor={cursor}")[2])
        found += answer[name]
        cursor = answer.get("cursor")
        if not cursor:
            return found


def main(rounds=100, seed=None):
    seed = seed or random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    receiver = Receiver(lambda request: (503 if rng.random() < 0.05 else 200, {}))
    server = Server("--actions-allow-cidr", "127.0.0.0/8")
    action = {"id": "hook", "type": "webhook", "config": {"url": receiver.url}, "breaker": {"failures": 1000},
              "retry": {"profile": "custom", "attempts": 100, "base": "200ms", "cap": "2s"}}
    digest = {**action, "id": "digest", "group": {"by": ["rule"], "wait": "0s", "interval": "1s"}}
    for one in (action, digest):
        assert server.request("POST", "/v1/actions", json.dumps(one))[0] == 201
    assert server.request("PUT", "/v1/rules/r", RULE)[0] == 201
    acked, unknown, number = set(), set(), 0
    stop = threading.Event()

    def write():
        nonlocal number
        while not stop.is_set():
            batch = set(range(number, number + 20))
            number += 20
            try:
                status, _ = server.post([{"message": "hit", "n": n} for n in batch])
                (acked if status == 200 else unknown).update(batch)
            except OSError:
                unknown.update(batch)
                time.sleep(0.01)
            except ValueError:
                unknown.update(batch)

    for round_ in range(rounds):
        stop.clear()
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(rng.uniform(0.02, 0.5))
        server.kill()
        stop.set()
        writer.join()
        server.start()
        if round_ % 10 == 9:
            print(f"round {round_ + 1}: {len(acked)} acknowledged, {len(receiver.requests)} requests", flush=True)

    def tell():
        told = {}
        for request in list(receiver.requests):
            if request["status"] == 200 and "group" not in request["notice"]:
                told.setdefault(request["notice"]["match"]["record"]["n"], []).append(request["id"])
        return told

    def digests():
        """How many matches each notice of a group is about."""
        return {r["id"]: r["notice"]["matches_total"] for r in list(receiver.requests)
                if r["status"] == 200 and "group" in r["notice"]}

    until(lambda: acked <= set(tell()), 600)
    until(lambda: sum(digests().values()) >= len(tell()), 60)
    assert until(lambda: server.metric("neurallog_outbox_depth") == 0, 60)
    told = tell()
    deliveries = page_through(server, "/v1/deliveries?", "deliveries")
    letters = page_through(server, "/v1/dead-letters?", "dead_letters")
    lost = acked - set(told)
    assert not lost, f"lost: {sorted(lost)[:10]} of {len(lost)}"
    assert set(told) <= acked | unknown
    assert all(len(set(ids)) == 1 for ids in told.values()), "a match was told with two ids"
    assert {d["state"] for d in deliveries} == {"delivered"} and not letters, (len(letters), {d["state"] for d in deliveries})
    assert sum(digests().values()) == len(told), (sum(digests().values()), len(told))
    assert {d["id"] for d in deliveries} == {ids[0] for ids in told.values()} | set(digests())
    twice = sum(len(ids) - 1 for ids in told.values())
    print(f"{rounds} rounds: {len(acked)} acknowledged, {len(told)} told, {twice} of them again with the same id, none lost; {len(digests())} notices of groups of as many")
    server.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
