#!/usr/bin/env python3
"""Kills the server with SIGKILL at random moments while writers run, starts it again, and checks that every acknowledged row is there exactly
once, and that no batch which was not acknowledged is there in part.

usage: crash_test.py [rounds] [seed] [large|small]        (12 rounds in the suite; any number by hand)

large: one tenant fills the log, so that seals, flushes, checkpoints and replay are hit.
small: many tenants with few rows each and options so small that tails are carried forward, small blocks merged, closed partitions rewritten
and expired partitions dropped all the time. Without a mode half of the rounds are of each.

In half of the rounds backups are made meanwhile, so that kills hit them too. Every fifth round verifies the place of the backups and restores
the last one that was finished: it has what was acknowledged before it began, each row once and each batch whole.
"""
import http.client
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../server"))
from harness import Server, run as run_command

WRITERS = 4
DAY_MS = 86_400_000
FIRST_DAY_MS = 1748736000000  # 2025-06-01
EXPIRED_MS = 946684800000  # 2000-01-01
NOW_MS = int(time.time() * 1000)

# Small segments, buffers and blocks, so that a short run does everything all the time.
LARGE = {"wal-segment-bytes": "4MiB", "wal-retained-bytes-max": "8MiB", "storage-block-rows": "2048"}
SMALL = {"wal-segment-bytes": "1MiB", "wal-group-bytes-max": "256KiB", "wal-retained-bytes-max": "2MiB", "storage-block-rows": "256",
         "ingest-record-bytes-max": "64KiB", "storage-block-bytes-max": "64KiB", "storage-row-buffer-bytes-max": "1MiB",
         "storage-warm-after": "0", "storage-warm-idle-rate": "1000000000", "storage-retention": "3650d",
         "storage-rewrite-bytes-per-second": "1GiB"}
COUNTERS = ("neurallog_wal_carried_rows_total", "neurallog_blocks_merged_total", "neurallog_blocks_warm_total")


class Journal:
    """What was acknowledged, and what was sent without an answer, of one tenant."""

    def __init__(self, key=None):
        self.headers = {"X-API-Key": key} if key else {}
        self.lock = threading.Lock()
        self.next_seq = 1
        self.acked = []  # (first, count)
        self.unknown = []
        self.expired = set()  # first of batches that are too old to be seen

    def as_of(self, acked):
        """The same tenant, of whose batches just these must be there."""
        then = Journal()
        then.headers, then.expired, then.acked = self.headers, self.expired, acked
        must = set(acked)
        then.unknown = self.unknown + [batch for batch in self.acked if batch not in must]
        return then

    def claim(self, count):
        with self.lock:
            first = self.next_seq
            self.next_seq += count
            return first


def body_of(journal, rng, first, count, small):
    start = FIRST_DAY_MS + rng.randrange(3) * DAY_MS
    if small and rng.random() < 0.5:
        start = NOW_MS  # in a partition that is not closed: merged, not rewritten
    elif small and rng.random() < 0.2:
        start = EXPIRED_MS
        journal.expired.add(first)
    return "\n".join(
        json.dumps({"timestamp": start + (first + i) % 3_600_000, "message": f"row {first + i} of the crash test", "level": "info",
                    "source": f"writer-{first % 7}", "metadata": {"seq": first + i}})
        for i in range(count))


def write(server, journals, stop, rng, small):
    while not stop.is_set():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            while not stop.is_set():
                journal = journals[min(int(rng.expovariate(0.1)), len(journals) - 1)]
                count = rng.choice([1, 3, 10, 100] if small else [1, 10, 100, 1000])
                first = journal.claim(count)
                body = body_of(journal, rng, first, count, small)
                try:
                    connection.request("POST", "/v1/logs", body, {"Content-Type": "application/x-ndjson", **journal.headers})
                    response = connection.getresponse()
                    response.read()
                except OSError:
                    journal.unknown.append((first, count))
                    raise
                (journal.acked if response.status == 200 else journal.unknown).append((first, count))
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)


def back_up(life, stop):
    """Makes one backup after the other; remembers what had been acknowledged before the last that was finished."""
    while not stop.is_set():
        before = [list(journal.acked) for journal in life.journals]
        try:
            status, _, job = life.server.send(json.dumps({"directory": life.place}).encode(), life.admin, "/v1/backups")
            assert status == 202, job
            while job["state"] == "running":
                time.sleep(0.01)
                job = json.loads(life.server.request("GET", "/v1/backups/jobs/" + job["id"], headers=life.admin)[2])
        except (OSError, http.client.HTTPException):
            return
        if job["state"] != "done":
            life.problems.append(f"a backup failed: {job}")
            return
        life.backup = (job["backup"], before)
        life.counted["backups"] += 1


def check(server, journal):
    rows = server.query("* | fields metadata.seq", headers=journal.headers)
    seen = {}
    for row in rows:
        seq = int(row["metadata.seq"])
        seen[seq] = seen.get(seq, 0) + 1
    problems = []
    duplicates = [seq for seq, times in seen.items() if times > 1]
    if duplicates:
        problems.append(f"{len(duplicates)} rows twice, such as {sorted(duplicates)[:5]}")
    visible = [(first, count) for first, count in journal.acked if first not in journal.expired]
    missing = [seq for first, count in visible for seq in range(first, first + count) if seq not in seen]
    if missing:
        problems.append(f"{len(missing)} acknowledged rows missing, such as {missing[:5]}")
    known = set()
    for first, count in visible + journal.unknown:
        known.update(range(first, first + count))
    partial = [first for first, count in journal.unknown if 0 < sum(seq in seen for seq in range(first, first + count)) < count]
    if partial:
        problems.append(f"{len(partial)} unacknowledged batches are there in part, such as the one from {partial[0]}")
    if foreign := [seq for seq in seen if seq not in known]:
        problems.append(f"{len(foreign)} rows that nobody sent, or that have expired")
    total = server.query("* | stats count() n", headers=journal.headers)[0]["n"]
    if int(total) != len(rows):
        problems.append(f"count() says {total}, the rows are {len(rows)}")
    return problems, len(rows)


class Life:
    """A server with its data folder, and what its tenants were told."""

    def __init__(self, small):
        self.small = small
        self.server = Server(*(f"--{key}={value}" for key, value in (SMALL if small else LARGE).items()))
        self.counted = dict.fromkeys((*COUNTERS, "backups", "backups_restored"), 0)
        self.admin = {}
        self.journals = self.make_tenants(24) if small else [Journal()]
        self.place = tempfile.mkdtemp(prefix="neurallog-test-")
        self.backup = None  # its name, and what had been acknowledged before it
        self.problems = []
        self.rounds = 0

    def make_tenants(self, count):
        admin = self.admin = {"X-API-Key": self.server.post({"role": "admin"}, "/v1/keys")[1]["key"]}
        journals = []
        for number in range(count):
            assert self.server.post({"name": f"t{number}"}, "/v1/tenants", admin)[0] == 201
            journals.append(Journal(self.server.post({"tenant": f"t{number}"}, "/v1/keys", admin)[1]["key"]))
        return journals

    def round(self, rng):
        stop = threading.Event()
        arguments = (self.server, self.journals, stop)
        writers = [threading.Thread(target=write, args=(*arguments, random.Random(rng.random()), self.small)) for _ in range(WRITERS)]
        if rng.random() < 0.5:
            writers.append(threading.Thread(target=back_up, args=(self, stop)))
        for thread in writers:
            thread.start()
        time.sleep(rng.uniform(0.05, 3.0 if self.small else 1.0))
        for name in COUNTERS:
            self.counted[name] += self.server.metric(name)
        self.server.kill()
        stop.set()
        for thread in writers:
            thread.join()
        if rng.random() < 0.2:  # killed again while it recovers
            self.server.start(wait=False)
            time.sleep(rng.uniform(0.0, 0.15))
            self.server.kill()
        self.server.start()
        problems, rows = self.problems, 0
        self.problems = []
        self.rounds += 1
        if self.rounds % 5 == 0 and self.backup:
            problems += [f"backup {self.backup[0]}: {problem}" for problem in self.check_backup()]
        for number, journal in enumerate(self.journals):
            found, count = check(self.server, journal)
            problems += [f"tenant {number}: {problem}" for problem in found]
            rows += count
        return problems, rows

    def check_backup(self):
        name, acked = self.backup
        verified = run_command("backup", "verify", self.place)
        if verified.returncode != 0:
            return [verified.stdout + verified.stderr]
        folder = tempfile.mkdtemp(prefix="neurallog-test-")
        restored = run_command("backup", "restore", self.place, name, "--data-dir", folder)
        if restored.returncode != 0:
            return [restored.stdout + restored.stderr]
        try:
            with Server(*self.server.flags, data_dir=folder) as server:
                found = [check(server, journal.as_of(then))[0] for journal, then in zip(self.journals, acked)]
        finally:
            shutil.rmtree(folder)
        self.counted["backups_restored"] += 1
        return [problem for problems in found for problem in problems]

    def sum(self, name):
        return sum(count for journal in self.journals for _, count in getattr(journal, name))

    def close(self):
        self.server.close()
        shutil.rmtree(self.place, ignore_errors=True)

    def end(self):
        code = self.server.stop()
        self.close()
        if code != 0:
            print(f"stop exited {code}", flush=True)
        return code == 0


def run(rounds, rng, small):
    """Returns how many rounds failed."""
    failed, life = 0, Life(small)
    totals = dict.fromkeys(life.counted, 0)
    try:
        for number in range(rounds):
            problems, rows = life.round(rng)
            for problem in problems:
                print(f"round {number}: {problem}", flush=True)
            failed += bool(problems)
            if problems or number == rounds - 1 or number % 10 == 9:
                print(f"round {number} ({'small' if small else 'large'}): {life.sum('acked')} acknowledged, {rows} stored, "
                      f"{life.sum('unknown')} unanswered", flush=True)
            if rows > (100_000 if small else 400_000) and number < rounds - 1:  # a fresh start keeps the checks quick
                totals = {name: totals[name] + life.counted[name] for name in totals}
                failed += not life.end()
                life = Life(small)
        totals = {name: totals[name] + life.counted[name] for name in totals}
        failed += not life.end()
    finally:
        life.close()
    print(", ".join(f"{name} {int(value)}" for name, value in totals.items()), flush=True)
    return failed


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    modes = [sys.argv[3] == "small"] if len(sys.argv) > 3 else [False, True]
    print(f"{rounds} rounds, seed {seed}", flush=True)
    rng = random.Random(seed)
    failed = sum(run(rounds // len(modes), rng, small) for small in modes)
    print(f"{rounds - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


main()
