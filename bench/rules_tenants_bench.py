#!/usr/bin/env python3
"""The memory of many tenants with many rules each.

    bench/rules_tenants_bench.py RULES.yaml [--same] [--tenants 1000] [--idle 30s] [--stay 15] [--set NEURALLOG_RULES_...=VALUE]...

Makes the tenants and imports RULES.yaml for each, with ids of its own unless --same, so that nothing can be shared; restarts the server, sends one record for each tenant, lets --stay seconds go by, in which the
allocator gives back what compiling took, and waits until rules are unloaded again (--idle is rules.idle_timeout). Prints at each point the resident memory, the part of it that is anonymous (without files that are mapped),
the rules that are compiled and in memory and what they say they take, and the CPU seconds since the point before. The binary is NL_BINARY.
"""
import argparse
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/server"))
from harness import Server  # noqa: E402


def metric(server, name):
    text = server.request("GET", "/metrics", headers=server.admin)[2].decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


def wait(condition, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)


class Points:
    def __init__(self, server):
        self.server, self.begin, self.cpu = server, time.monotonic(), 0

    def say(self, what):
        with open(f"/proc/{self.server.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        with open(f"/proc/{self.server.process.pid}/status") as file:
            mib = {name: int(kib) // 1024 for name, kib in re.findall(r"(VmHWM|VmRSS|RssAnon):\s+(\d+)", file.read())}
        print(json.dumps({"point": what, "rss_mib": mib["VmRSS"], "anonymous_mib": mib["RssAnon"], "peak_mib": mib["VmHWM"],
                          "rules": int(metric(self.server, "neurallog_rules")),
                          "rules_mib": int(metric(self.server, "neurallog_rule_compiled_bytes")) >> 20,
                          "cpu_s": round(cpu - self.cpu, 1), "wall_s": round(time.monotonic() - self.begin, 1)}), flush=True)
        self.begin, self.cpu = time.monotonic(), cpu

    def restart(self):
        self.server.stop(timeout=120)
        self.server.start()
        self.begin, self.cpu = time.monotonic(), 0


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("rules")
parser.add_argument("--tenants", type=int, default=1000)
parser.add_argument("--idle", default="30s")
parser.add_argument("--same", action="store_true")
parser.add_argument("--stay", type=int, default=15)
parser.add_argument("--set", action="append", default=[])
args = parser.parse_args()
rules = open(args.rules, "rb").read()
env = {"NEURALLOG_RULES_IDLE_TIMEOUT": args.idle, **dict(one.split("=", 1) for one in args.set)}
with Server(env=env) as server:
    server.admin = {}
    status, _, body = server.request("POST", "/v1/keys", json.dumps({"role": "admin"}))
    assert status == 201, body
    server.admin = {"Authorization": "Bearer " + json.loads(body)["key"]}
    points = Points(server)
    points.say("empty")
    keys = []
    for i in range(args.tenants):
        assert server.request("POST", "/v1/tenants", json.dumps({"name": f"t{i}"}), headers=server.admin)[0] == 201
        body = server.request("POST", "/v1/keys", json.dumps({"tenant": f"t{i}", "role": "readwrite"}), headers=server.admin)[2]
        keys.append({"Authorization": "Bearer " + json.loads(body)["key"]})
        status, _, body = server.request("POST", "/v1/rules:import", rules if args.same else rules.replace(b'{"id": "', b'{"id": "%d-' % i), headers=keys[-1])
        assert status == 200 and json.loads(body)["failed"] == 0, body[:500]
    points.say(f"{args.tenants} tenants were given rules")
    points.restart()
    points.say("restarted")
    for key in keys:
        assert server.request("POST", "/v1/logs", '[{"message":"hello","level":"info"}]', headers={**key, "Content-Type": "application/json"})[0] == 200
    wait(lambda: metric(server, "neurallog_rule_stage_lag_batches") == 0)
    points.say("each tenant had a record")
    time.sleep(args.stay)
    points.say(f"{args.stay} seconds later")
    wait(lambda: metric(server, "neurallog_rules") == 0)
    points.say("idle")
    time.sleep(15)
    points.say("15 seconds later")
