#!/usr/bin/env python3
"""A receiver with all the faults of its kind: 50 ms slow, 10 % answers of 500, 5 % of 429 with Retry-After, 5 % of resets, 1 % of hangs, 2 % that it
refuses for good, and it is down for DOWN seconds (60) in the middle. Checks at the end that each of N actions (3,000) was delivered or is in the
dead letters, exactly as the receiver's own log says; then mends the receiver, replays, and checks that all are delivered.

usage: receiver_faults.py [N] [DOWN]        (not in the suite; NL_BINARY names the binary)
"""
import hashlib
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../server"))
from actions_crash import page_through
from harness import Server, until
from receiver import FaultyReceiver

RULE = "name: r\ndetection: {a: {message: hit}, condition: a}\nactions: [{action: hook}]\n"
FAULTS = (("refused", 2), ("hang", 1), ("reset", 5), ("later", 5), ("failed", 10), ("slow", 77))


def kind_of(id, times):
    """In hundredths of attempts; what is refused is so in each."""
    percent = lambda text: int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 100
    kinds = [name for name, share in FAULTS for _ in range(share)]
    return "refused" if percent(id) < 2 else kinds[2 + percent(f"{id} {times}") % 98]


def fault(id, times):
    return {"refused": 422, "failed": 500, "later": ("later", 1), "slow": ("slow", 0.05)}.get(kind_of(id, times), kind_of(id, times))


def ids(server, target, name):
    return {one["id"] for one in page_through(server, target, name)}


def outcome(server):
    return ids(server, "/v1/deliveries?state=delivered&", "deliveries"), ids(server, "/v1/dead-letters?", "dead_letters")


def main(count=3000, down=60):
    receiver = FaultyReceiver(fault)
    server = Server("--actions-allow-cidr", "127.0.0.0/8")
    action = {"id": "hook", "type": "webhook", "concurrency": 64, "config": {"url": receiver.url, "timeout": "2s"}}
    assert server.request("POST", "/v1/actions", json.dumps(action))[0] == 201
    assert server.request("PUT", "/v1/rules/r", RULE)[0] == 201
    sent = threading.Event()

    def send():
        pause = (down + 30) / (count / 10)
        for first in range(0, count, 10):
            assert server.post([{"message": "hit", "n": first + i} for i in range(10)])[0] == 200
            time.sleep(pause)
        sent.set()

    threading.Thread(target=send, daemon=True).start()
    time.sleep(10)
    receiver.close()
    print(f"down after {len(receiver.seen)} deliveries", flush=True)
    time.sleep(down)
    back = FaultyReceiver(fault, port=receiver.port)
    assert sent.wait(300)
    assert until(lambda: server.metric("neurallog_outbox_depth") == 0, 300), server.metric("neurallog_outbox_depth")
    delivered, dead = outcome(server)
    took = receiver.took() | back.took()
    print(f"{len(delivered)} delivered, {len(dead)} dead, {len(took)} in the receiver's log", flush=True)
    # A receiver that goes down while it answers may have taken what its sender does not know of.
    unknown = took - delivered
    assert len(delivered) + len(dead) == count and not delivered & dead
    assert delivered <= took and unknown <= dead and len(unknown) <= 64, (len(delivered - took), len(unknown))
    assert {id for id in back.seen if kind_of(id, 1) == "refused"} <= dead
    back.fault = lambda id, times: 200
    status, _, body = server.request("POST", "/v1/dead-letters:replay", "{}")
    assert (status, json.loads(body)) == (200, {"replayed": len(dead)}), body
    assert until(lambda: server.metric("neurallog_outbox_depth") == 0, 300)
    delivered, dead = outcome(server)
    assert (len(delivered), dead) == (count, set()) and delivered == took | back.took()
    print(f"after the replay all {count} are delivered, as the receiver's log says")
    server.close()
    back.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
