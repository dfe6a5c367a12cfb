#!/usr/bin/env python3
"""Kills the server with SIGKILL at random moments while writers run, starts it again, and checks that every acknowledged row is there exactly
once, and that no batch which was not acknowledged is there in part.

usage: crash_test.py [rounds] [seed]        (20 rounds in the suite; any number by hand)
"""
import http.client
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../server"))
from harness import Server

WRITERS = 4


class Journal:
    """What was acknowledged, and what was sent without an answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next_seq = 1
        self.acked = []  # (first, count)
        self.unknown = []

    def claim(self, count):
        with self.lock:
            first = self.next_seq
            self.next_seq += count
            return first


def write(server, journal, stop, rng):
    while not stop.is_set():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            while not stop.is_set():
                count = rng.choice([1, 10, 100, 1000])
                first = journal.claim(count)
                day = rng.randrange(3)
                body = "\n".join(
                    json.dumps({"timestamp": 1748736000000 + day * 86400000 + (first + i) % 86400000, "message": f"row {first + i} of the crash test",
                                "level": "info", "source": f"writer-{first % 7}", "metadata": {"seq": first + i}})
                    for i in range(count))
                try:
                    connection.request("POST", "/v1/logs", body, {"Content-Type": "application/x-ndjson"})
                    response = connection.getresponse()
                    response.read()
                except OSError:
                    journal.unknown.append((first, count))
                    raise
                (journal.acked if response.status == 200 else journal.unknown).append((first, count))
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)


def check(server, journal):
    rows = server.query("* | fields metadata.seq")
    seen = {}
    for row in rows:
        seq = int(row["metadata.seq"])
        seen[seq] = seen.get(seq, 0) + 1
    problems = []
    duplicates = [seq for seq, times in seen.items() if times > 1]
    if duplicates:
        problems.append(f"{len(duplicates)} rows twice, such as {sorted(duplicates)[:5]}")
    missing = [seq for first, count in journal.acked for seq in range(first, first + count) if seq not in seen]
    if missing:
        problems.append(f"{len(missing)} acknowledged rows missing, such as {missing[:5]}")
    known = set()
    for first, count in journal.acked + journal.unknown:
        known.update(range(first, first + count))
    partial = [first for first, count in journal.unknown if 0 < sum(seq in seen for seq in range(first, first + count)) < count]
    if partial:
        problems.append(f"{len(partial)} unacknowledged batches are there in part, such as the one from {partial[0]}")
    if foreign := [seq for seq in seen if seq not in known]:
        problems.append(f"{len(foreign)} rows that nobody sent")
    total = server.count()
    if total != len(rows):
        problems.append(f"count() says {total}, the rows are {len(rows)}")
    return problems, len(rows)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    print(f"{rounds} rounds, seed {seed}", flush=True)
    rng = random.Random(seed)
    # Small segments, buffers and blocks, so that a short run seals, flushes, checkpoints and recycles all the time.
    flags = ["--wal-segment-bytes=4MiB", "--wal-retained-bytes-max=8MiB", "--storage-block-rows=2048", "--log-level=warn"]
    failed = 0
    server = Server(*flags[:-1])
    journal = Journal()
    try:
        for number in range(rounds):
            stop = threading.Event()
            writers = [threading.Thread(target=write, args=(server, journal, stop, random.Random(rng.random()))) for _ in range(WRITERS)]
            for thread in writers:
                thread.start()
            time.sleep(rng.uniform(0.05, 1.0))
            server.kill()
            stop.set()
            for thread in writers:
                thread.join()
            if rng.random() < 0.2:  # killed again while it recovers
                server.start(wait=False)
                time.sleep(rng.uniform(0.0, 0.15))
                server.kill()
            server.start()
            problems, rows = check(server, journal)
            for problem in problems:
                print(f"round {number}: {problem}", flush=True)
            failed += bool(problems)
            if problems or number == rounds - 1 or number % 10 == 9:
                acked = sum(count for _, count in journal.acked)
                print(f"round {number}: {acked} acknowledged, {rows} stored, {sum(c for _, c in journal.unknown)} unanswered", flush=True)
            if rows > 400_000:  # a fresh start keeps the checks quick
                assert server.stop() == 0
                server.close()
                server = Server(*flags[:-1])
                journal = Journal()
        if server.stop() != 0:
            print("the last stop did not exit 0")
            failed += 1
    finally:
        server.close()
    print(f"{rounds - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


main()
