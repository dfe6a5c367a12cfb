#!/usr/bin/env python3
"""Queries at a fixed rate while logs come in at a fixed rate, both counted from their scheduled times.

    bench/open_loop_bench.py DATA [--queries 1000] [--logs 50000] [--seconds 30] [--connections 64] [--only-queries] [-- SERVER FLAGS]

DATA is a folder of loggen: logs-*.ndjson with their .idx, and queries.json. The queries are its variants mixed by their weights (W2), in a random
order from a fixed seed, without Q15, the export. Each variant is asked once before the run, and its answer's status is checked. NL_BINARY and
NL_BENCH name the server and the load tool (build/release by default); NL_DATA a data folder that already holds the logs.
Printed: one JSON line for the queries, one for the logs that came in meanwhile, as neurallog_bench prints them, and one with the memory.
"""
import argparse
import glob
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("NL_BINARY", os.path.join(HERE, "../build/release/neurallog"))
sys.path.insert(0, os.path.join(HERE, "../tests/server"))
from harness import Server  # noqa: E402

LOAD_TOOL = os.environ.get("NL_BENCH", os.path.join(HERE, "../build/release/neurallog_bench"))
PATH = "/select/logsql/query"
FORMS = 20_000


def load(server, folder):
    files = [part for name in sorted(glob.glob(f"{folder}/logs-*.ndjson")) for part in ("--file", name)]
    subprocess.run([LOAD_TOOL, "ingest", "--url", f"http://127.0.0.1:{server.port}/v1/logs", *files], check=True, stdout=subprocess.DEVNULL)
    deadline, quiet = time.monotonic() + 300, 0
    while quiet < 5 and time.monotonic() < deadline:
        time.sleep(1)
        quiet = quiet + 1 if server.metric("neurallog_row_buffer_bytes") == 0 else 0


def mix(folder):
    """(form, weight) of each variant: a shape's weight is shared out to its variants."""
    queries = [q for q in json.load(open(f"{folder}/queries.json"))["queries"] if q["shape"] != "Q15"]
    variants = {}
    for query in queries:
        variants[query["shape"]] = variants.get(query["shape"], 0) + 1
    return [(urllib.parse.urlencode({"query": q["logsql"]}), q["weight"] / variants[q["shape"]]) for q in queries]


def warm(server, forms):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    for form in forms:
        connection.request("POST", PATH, form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, form, text[:300])


def tool(server, operation, path, *options):
    command = [LOAD_TOOL, operation, "--url", f"http://127.0.0.1:{server.port}{path}", "--pid", str(server.process.pid), *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def report(process):
    line = json.loads(process.communicate()[0])
    print(json.dumps({key: line[key] for key in line if key not in ("url", "answer_lines", "reconnects", "written_mb")}), flush=True)


def run(server, arguments):
    forms = mix(arguments.data)
    warm(server, [form for form, _ in forms])
    chosen = random.Random(1).choices([form for form, _ in forms], [weight for _, weight in forms], k=FORMS)
    with tempfile.NamedTemporaryFile("w", suffix=".forms") as file:
        file.write("\n".join(chosen) + "\n")
        file.flush()
        running = []
        if not arguments.only_queries:
            running.append(tool(server, "ingest", "/v1/logs", "--builtin", 500, "--rate", arguments.logs, "--seconds", arguments.seconds + 2))
            time.sleep(1)
        running.append(tool(server, "query", PATH, "--forms", file.name, "--rate", arguments.queries, "--seconds", arguments.seconds, "--connections",
                            arguments.connections))
        for process in reversed(running):
            report(process)
    print(json.dumps({"rss_mb": round(server.metric("process_resident_memory_bytes") / 2**20)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    for name, default in (("queries", 1000), ("logs", 50_000), ("seconds", 30), ("connections", 64)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--only-queries", action="store_true")
    own, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    arguments = parser.parse_args(own.split())
    with Server(*flags.split(), data_dir=os.environ.get("NL_DATA")) as server:
        if "NL_DATA" not in os.environ:
            load(server, arguments.data)
        run(server, arguments)


if __name__ == "__main__":
    main()
