#!/usr/bin/env python3
"""Many tenants of very different size on one server: CPU per log, peak memory, loss, and the start after a kill.

usage: tenants_bench.py --file LOGS.ndjson [--binary build/release/neurallog] [--tenants 10000] [--logs 10000000] [--batch 100]
                        [--connections 4] [--kill] [--keep DIR] [-- server flags, such as --memory-limit=2GiB]

LOGS.ndjson has one record per line (loggen --format ndjson); it is sent again and again. Each batch goes to a tenant drawn by Zipf's law
(s = 1, seeded). Tenants and keys are made through the API. At the end each tenant's rows are counted through the API and compared with what
was acknowledged. CPU is the server's (user and system) from the first batch until it has been quiet for a while; RSS is VmHWM.
"""
import argparse
import bisect
import http.client
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, binary, data_dir, flags):
        self.command = [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir, *flags]

    def start(self):
        """Returns the seconds until it was ready."""
        begin = time.monotonic()
        self.log = tempfile.TemporaryFile("ab+")
        self.process = subprocess.Popen(self.command, stderr=self.log)
        while True:
            text = self.stderr()
            match = re.search(r"listening port=(\d+)", text)
            if match:
                break
            if self.process.poll() is not None:
                raise RuntimeError(text)
            time.sleep(0.01)
        self.port = int(match[1])
        while self.request("GET", "/readyz")[0] != 200:
            time.sleep(0.01)
        return time.monotonic() - begin

    def stderr(self):
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode("utf-8", "replace")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def request(self, method, target, body=None, headers=None, connection=None):
        connection = connection or self.connect()
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024

    def metrics(self):
        text = self.request("GET", "/metrics")[1].decode()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[:1] not in ("", "#"))}


def batches_of(path, size):
    with open(path, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    return [b"".join(lines[i:i + size]) for i in range(0, len(lines) - size + 1, size)]


def in_parallel(count, work):
    """Calls work(i, connection number) for all i, from eight threads."""
    numbers = iter(range(count))
    lock = threading.Lock()

    def run(thread):
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            work(number, thread)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def make_tenants(server, count):
    admin = {"X-API-Key": json.loads(server.request("POST", "/v1/keys", '{"role":"admin"}')[1])["key"]}
    keys = [None] * count
    connections = [server.connect() for _ in range(8)]

    def make(number, thread):
        name = f"t{number:05d}"
        status, body = server.request("POST", "/v1/tenants", json.dumps({"name": name}), admin, connections[thread])
        assert status == 201, body
        status, body = server.request("POST", "/v1/keys", json.dumps({"tenant": name}), admin, connections[thread])
        assert status == 201, body
        keys[number] = json.loads(body)["key"]
    in_parallel(count, make)
    return keys


class Load:
    def __init__(self, server, keys, batches, batch, logs):
        self.server, self.keys, self.batch = server, keys, batch
        self.bodies = itertools.cycle(batches)
        self.left = logs // batch
        self.weights = list(itertools.accumulate(1 / (i + 1) for i in range(len(keys))))
        self.random = random.Random(1)
        self.lock = threading.Lock()
        self.acked = [0] * len(keys)
        self.refused = 0

    def next(self):
        with self.lock:
            if self.left == 0:
                return None, None
            self.left -= 1
            return bisect.bisect(self.weights, self.random.random() * self.weights[-1]), next(self.bodies)

    def run(self):
        connection = self.server.connect()
        while True:
            tenant, body = self.next()
            if tenant is None:
                return
            while True:
                headers = {"X-API-Key": self.keys[tenant], "Content-Type": "application/x-ndjson"}
                status, _ = self.server.request("POST", "/v1/logs", body, headers, connection)
                if status == 200:
                    break
                assert status in (429, 503), status
                with self.lock:
                    self.refused += 1
                time.sleep(0.05)
            with self.lock:
                self.acked[tenant] += self.batch


def count_loss(server, keys, acked):
    connections = [server.connect() for _ in range(8)]
    wrong = []

    def count(number, thread):
        status, body = server.request("GET", "/select/logsql/query?query=*%20%7C%20stats%20count()%20n", None,
                                      {"X-API-Key": keys[number]}, connections[thread])
        assert status == 200, body
        found = int(json.loads(body)["n"])
        if found != acked[number]:
            wrong.append((number, acked[number], found))
    in_parallel(len(keys), count)
    return wrong


def settle(server):
    """Waits until ten seconds have used less than half a second of CPU."""
    while True:
        before = server.cpu_seconds()
        time.sleep(10)
        if server.cpu_seconds() - before < 0.5:
            return


def main():
    flags = sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else []
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", required=True)
    parser.add_argument("--binary", default="build/release/neurallog")
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--logs", type=int, default=10_000_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args(sys.argv[1:sys.argv.index("--")] if "--" in sys.argv else None)

    data_dir = options.keep or tempfile.mkdtemp(prefix="neurallog-tenants-")
    server = Process(options.binary, data_dir, flags)
    server.start()
    begin = time.monotonic()
    keys = make_tenants(server, options.tenants)
    print(f"{options.tenants} tenants made in {time.monotonic() - begin:.1f} s", flush=True)
    load = Load(server, keys, batches_of(options.file, options.batch), options.batch, options.logs)
    cpu, begin = server.cpu_seconds(), time.monotonic()
    threads = [threading.Thread(target=load.run) for _ in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, sent = time.monotonic() - begin, sum(load.acked)
    print(f"{sent} logs in {seconds:.1f} s, {sent / seconds:,.0f}/s, {load.refused} requests refused and sent again; "
          f"CPU {1e6 * (server.cpu_seconds() - cpu) / sent:.2f} us per log; RSS peak {server.peak_mib():.0f} MiB", flush=True)
    metrics = server.metrics()
    for name in sorted(metrics):
        if re.match(r"neurallog_(memory_bytes|wal_size|wal_written|wal_carried|blocks_|storage_disk)", name):
            print(f"  {name} {metrics[name]:,.0f}")
    if options.kill:
        wal = sum(os.path.getsize(os.path.join(data_dir, "wal", name)) for name in os.listdir(os.path.join(data_dir, "wal")))
        server.process.kill()
        server.process.wait()
        print(f"killed with {wal / 2**20:.0f} MiB of log files; ready again in {server.start():.2f} s", flush=True)
        print("  " + re.search(r".*log replayed.*", server.stderr())[0])
    else:
        settle(server)
        print(f"settled: CPU {1e6 * (server.cpu_seconds() - cpu) / sent:.2f} us per log; RSS peak {server.peak_mib():.0f} MiB", flush=True)
        metrics = server.metrics()
        for name in sorted(metrics):
            if re.match(r"neurallog_(blocks_|storage_disk)", name):
                print(f"  {name} {metrics[name]:,.0f}")
    wrong = count_loss(server, keys, load.acked)
    print(f"{sum(count > 0 for count in load.acked)} tenants with rows; {len(wrong)} with a wrong count {wrong[:5]}; "
          f"RSS peak {server.peak_mib():.0f} MiB", flush=True)
    server.process.terminate()
    print(f"stopped with exit code {server.process.wait(120)}")
    if not options.keep:
        subprocess.run(["rm", "-rf", data_dir], check=True)
    sys.exit(1 if wrong else 0)


main()
