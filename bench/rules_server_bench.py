#!/usr/bin/env python3
"""What rules cost a server, and how soon a match is there.

    bench/rules_server_bench.py cost LOGS.ndjson RULES.yaml... [--rounds 3] [--bench PATH]
    bench/rules_server_bench.py sigma DATA [--rounds 3] [--bench PATH]
    bench/rules_server_bench.py latency RULES.yaml [--rate 100000] [--seconds 10] [--bench PATH]
    bench/rules_server_bench.py changes RULES.yaml [--changes 20]

cost: sends LOGS.ndjson (with its .idx, as loggen writes it) to a server without rules and to one with each file of rules, in turn, round after round; prints
CPU microseconds per log of the whole process and of its thread nl-rules, and the difference to the server without rules. A warm-up pass lets the
server learn what the stream is like. The binary is NL_BINARY; --bench is neurallog_bench of the same build.
sigma: the same with SigmaHQ's active rules (DATA/sigma/sigma-rules.tar.xz) and the recorded attacks of DATA/security_json, in requests of 200 events;
also events per second of CPU time.
latency: from before the sending of a request to the time in the match, of probes that are sent one by one while logs come in at RATE a second.
changes: milliseconds of a PUT that changes one of these rules, alone and fifty at once, and how many compilations these are.
"""
import argparse
import concurrent.futures
import datetime
import glob
import http.client
import json
import os
import re
import statistics
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/server"))
from harness import BINARY, Server  # noqa: E402


def cpu_ns(pid):
    """CPU nanoseconds of the process, and of nl-rules."""
    total = rules = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        ns = int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
        total += ns
        if open(f"/proc/{pid}/task/{task}/comm").read().strip() == "nl-rules":
            rules += ns
    return total, rules


def metric(server, name):
    text = server.request("GET", "/metrics")[2].decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


def settle(server):
    """Waits until rules have seen everything."""
    while metric(server, "neurallog_rule_stage_lag_batches") > 0:
        time.sleep(0.02)


def start(rules):
    server = Server()
    if rules:
        status, _, body = server.request("POST", "/v1/rules:import", open(rules, "rb").read())
        report = json.loads(body)
        assert status == 200 and report["failed"] == 0, (status, {k: v for k, v in report.items() if k != "rules"})
    return server


def active_rules(archive, to):
    """SigmaHQ's rules that are not deprecated or unsupported, as a tar."""
    with tarfile.open(archive) as rules, tarfile.open(to, "w") as active:
        for member in rules:
            if member.isfile() and member.name.endswith(".yml") and re.search(r"(^|/)rules(-(?!unsupported|deprecated)[a-z-]+)?/", member.name):
                active.addfile(member, rules.extractfile(member))


def events(folder, to, per_request=200):
    """All events of the folder as one file, with the index that neurallog_bench reads."""
    with open(to, "wb") as file, open(to + ".idx", "wb") as index:
        offset = first = 0
        for packed in sorted(glob.glob(os.path.join(folder, "*.ndjson.zst"))):
            lines = subprocess.run(["zstd", "-dc", packed], check=True, capture_output=True).stdout.splitlines(keepends=True)
            for i in range(0, len(lines), per_request):
                batch = b"".join(lines[i:i + per_request])
                file.write(batch)
                index.write(struct.pack("<QIIIIQ", offset, len(batch), len(lines[i:i + per_request]), 0, 0, first))
                offset, first = offset + len(batch), first + per_request


def sigma(args):
    with tempfile.TemporaryDirectory() as folder:
        args.logs, args.rules = os.path.join(folder, "events.ndjson"), [os.path.join(folder, "sigma.tar")]
        events(os.path.join(args.files[0], "security_json"), args.logs)
        active_rules(os.path.join(args.files[0], "sigma/sigma-rules.tar.xz"), args.rules[0])
        cost(args)


def send(server, args, *more):
    command = [args.bench, "ingest", "--url", f"http://127.0.0.1:{server.port}/v1/logs", *more]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def cost(args):
    servers = {None: start(None), **{rules: start(rules) for rules in args.rules}}
    figures = {rules: [] for rules in servers}
    for round_ in range(args.rounds + 1):
        for rules, server in servers.items():
            settle(server)
            before = cpu_ns(server.process.pid)
            logs = send(server, args, "--file", args.logs)["logs"]
            settle(server)
            after = cpu_ns(server.process.pid)
            if round_ > 0:
                figures[rules].append([(a - b) / 1000 / logs for a, b in zip(after, before)])
    for server in servers.values():
        server.close()
    base = statistics.median(total for total, _ in figures[None])
    for rules, rounds in figures.items():
        total, own = (statistics.median(column) for column in zip(*rounds))
        print(json.dumps({"rules": os.path.basename(rules or "none"), "us_per_log": round(total, 3), "logs_per_core_second": round(1e6 / total), "added_us_per_log": round(total - base, 3),
                          "nl_rules_us_per_log": round(own, 3), "rounds": args.rounds}))


def wall_ns(text):
    """Of an RFC 3339 time with up to nine digits of a second."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    whole = datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc)
    return int(whole.timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0)


def latency(args):
    server = start(args.rules[0])
    probe = "name: probe\ndetection: {a: {message|startswith: 'probe of latency'}, condition: a}\n"
    assert server.request("PUT", "/v1/rules/probe", probe)[0] == 201
    load = subprocess.Popen([args.bench, "ingest", "--url", f"http://127.0.0.1:{server.port}/v1/logs", "--builtin", "1000", "--rate", str(args.rate),
                             "--seconds", str(args.seconds + 4)], stdout=subprocess.PIPE, text=True)
    time.sleep(2)
    sent, connection, end = 0, http.client.HTTPConnection("127.0.0.1", server.port), time.monotonic() + args.seconds
    while time.monotonic() < end:
        body = json.dumps([{"message": f"probe of latency {sent}", "sent_ns": str(time.time_ns())}])
        connection.request("POST", "/v1/logs", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        sent += 1
        time.sleep(0.005)
    load_result = json.loads(load.communicate()[0].splitlines()[-1])
    settle(server)
    time.sleep(0.5)
    found, cursor = [], ""
    while True:
        page = json.loads(server.request("GET", f"/v1/matches?rule=probe&limit=1000&cursor={cursor}")[2])
        found += [wall_ns(match["matched"]) - int(match["record"]["sent_ns"]) for match in page["matches"] if match["rule_id"] == "probe"]
        cursor = page.get("cursor")
        if not cursor:
            break
    found.sort()
    server.close()
    print(json.dumps({"rules": os.path.basename(args.rules[0]), "probes": sent, "matches": len(found), "load_logs_per_s": round(load_result["logs_per_s"]),
                      **{f"p{p}_ms": round(found[min(len(found) - 1, len(found) * p // 100)] / 1e6, 2) for p in (50, 90, 99)},
                      "max_ms": round(found[-1] / 1e6, 2)}))


def changes(args):
    server = start(args.rules[0])

    def put(i):
        begin = time.monotonic()
        text = f"name: changed\ndetection: {{a: {{message|contains: 'word {i} of a change'}}, condition: a}}\n"
        assert server.request("PUT", f"/v1/rules/changed{i % 50}", text)[0] in (200, 201)
        return (time.monotonic() - begin) * 1000

    def compiled():
        return [metric(server, f"neurallog_rule_{name}") for name in ("compilations_total", "compile_seconds_total")]
    put(0)
    before = compiled()
    alone = [put(i) for i in range(args.changes)]
    middle = compiled()
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        list(pool.map(put, range(args.changes, args.changes + 50)))
    burst = time.monotonic() - begin
    after = compiled()
    server.close()
    print(json.dumps({"rules": os.path.basename(args.rules[0]), "put_ms": round(statistics.median(alone), 1), "put_max_ms": round(max(alone), 1),
                      "compile_ms": round((middle[1] - before[1]) / (middle[0] - before[0]) * 1000, 1),
                      "burst_of_50_ms": round(burst * 1000, 1), "burst_compilations": int(after[0] - middle[0])}))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=("cost", "sigma", "latency", "changes"))
parser.add_argument("files", nargs="+")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--rate", type=int, default=100_000)
parser.add_argument("--seconds", type=int, default=10)
parser.add_argument("--changes", type=int, default=20)
parser.add_argument("--bench", default=os.path.join(os.path.dirname(BINARY), "neurallog_bench"))
args = parser.parse_args()
args.logs, args.rules = (args.files[0], args.files[1:]) if args.what == "cost" else (None, args.files)
{"cost": cost, "sigma": sigma, "latency": latency, "changes": changes}[args.what](args)
