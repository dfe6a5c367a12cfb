#!/usr/bin/env python3
"""What the storage engine costs, from the socket to settled blocks. Starts the server itself; prints one JSON line.

  storage_bench.py expand loghub|web_access DATA_DIR OUT.ndjson [TIMES]
        repeats real lines (a folder with the collection of that name) as NDJSON batches with an index beside it
  storage_bench.py settle FILE.ndjson...
        sends the files and waits until all is sealed, flushed and released: CPU and bytes per log, memory, columns
  storage_bench.py needle DATA_FOLDER QUERY...
        starts the server on a stored folder and times each query, cold (page cache dropped, fresh process) and warm
  storage_bench.py recovery FILE.ndjson...
        sends the files with a log that is never shortened, kills the server and times the next start

Environment: NL_BINARY the server (default build/release/neurallog), NL_BENCH the load tool (default build/release/neurallog_bench), NL_DATA a
folder to use and keep (default a temporary one), and the server's own NEURALLOG_... options. `cold` needs root.
"""
import glob
import json
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BINARY = os.environ.get("NL_BINARY", os.path.join(ROOT, "build/release/neurallog"))
LOAD_TOOL = os.environ.get("NL_BENCH", os.path.join(ROOT, "build/release/neurallog_bench"))
BATCH = 1000
SETTLE_SECONDS_MAX = 300


class Server:
    def __init__(self, data_dir, *flags):
        self.data_dir = data_dir
        begin = time.monotonic()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir, *flags],
                                        stderr=self.log, stdout=subprocess.DEVNULL)
        self.port = None
        while self.port is None:
            self.log.seek(0)
            found = re.search(r"listening port=(\d+)", self.log.read())
            if found:
                self.port = int(found[1])
            elif self.process.poll() is not None:
                raise SystemExit("the server did not start")
            else:
                time.sleep(0.002)
        while True:
            try:
                self.get("/readyz")
                break
            except OSError:
                time.sleep(0.002)
        self.ready_seconds = time.monotonic() - begin

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path, form=None):
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(self.url(path), data=data, timeout=120) as answer:
            return answer.read().decode()

    def metric(self, name):
        found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics"), re.M)
        return float(found[1]) if found else 0.0

    def cpu_seconds(self):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as stat:
                    total += int(stat.read().split()[0])
            except FileNotFoundError:
                pass
        return total / 1e9

    def status(self, key):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(rf"{key}:\s+(\d+)", status.read())[1]) * 1024

    def written_bytes(self):
        with open(f"/proc/{self.process.pid}/io") as io:
            return int(re.search(r"write_bytes: (\d+)", io.read())[1])

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()


def allocated(folder):
    return sum(os.stat(os.path.join(root, name)).st_blocks * 512 for root, _, names in os.walk(folder) for name in names)


def data_folder():
    if "NL_DATA" in os.environ:
        return os.environ["NL_DATA"], lambda: None
    folder = tempfile.mkdtemp(prefix="nl-storage-bench-", dir=os.environ.get("TMPDIR", "/tmp"))
    return folder, lambda: shutil.rmtree(folder)


def send(server, files):
    command = [LOAD_TOOL, "ingest", "--url", server.url("/v1/logs")]
    for name in files:
        command += ["--file", name]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def wait_settled(server):
    """Until nothing is buffered and the files have not changed for eight seconds (the log is trimmed after five)."""
    deadline, same, before = time.monotonic() + SETTLE_SECONDS_MAX, 0, None
    while same < 8 and time.monotonic() < deadline:
        time.sleep(1)
        now = (server.metric("neurallog_row_buffer_bytes"), allocated(server.data_dir))
        same = same + 1 if now == before and now[0] == 0 else 0
        before = now
    return time.monotonic() < deadline


def settle(files):
    folder, remove = data_folder()
    server = Server(folder)
    cpu = server.cpu_seconds()
    sent = send(server, files)
    cpu_sent = server.cpu_seconds()
    settled = wait_settled(server)
    logs = sent["logs"]
    result = {
        "logs": logs, "logs_per_s": sent["logs_per_s"], "us_per_log": (server.cpu_seconds() - cpu) * 1e6 / logs,
        "us_per_log_while_sending": (cpu_sent - cpu) * 1e6 / logs, "settled": settled,
        "rss_peak_mb": server.status("VmHWM") / 1e6, "written_bytes_per_log": server.written_bytes() / logs,
        "store_bytes_per_log": allocated(f"{folder}/store") / logs, "wal_bytes_per_log": allocated(f"{folder}/wal") / logs,
    }
    server.stop()
    result["stopped_bytes_per_log"] = allocated(folder) / logs
    remove()
    return result


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as drop:
        drop.write("3")


def timed(server, query):
    begin = time.monotonic()
    answer = server.get("/select/logsql/query", {"query": query})
    return (time.monotonic() - begin) * 1e3, answer.count("\n")


def needle(folder, queries):
    rows = []
    for query in queries:
        drop_caches()
        server = Server(folder)
        cold, count = timed(server, query)
        warm = [timed(server, query)[0] for _ in range(9)]
        rows.append({"query": query, "rows": count, "ready_s": server.ready_seconds, "cold_ms": cold,
                     "warm_ms": statistics.median(warm), "warm_ms_max": max(warm)})
        server.stop()
    return {"queries": rows}


def recovery(files):
    folder, remove = data_folder()
    server = Server(folder, "--wal.retained-bytes-max", "64GiB") if "NL_RECOVERY_FLAGS" not in os.environ else \
        Server(folder, *os.environ["NL_RECOVERY_FLAGS"].split())
    logs = send(server, files)["logs"]
    wal_bytes = server.metric("neurallog_wal_size_bytes")
    server.stop(signal.SIGKILL)
    server = Server(folder)
    counted = server.get("/select/logsql/query", {"query": "* | stats count() n"})
    result = {"logs": logs, "wal_bytes": wal_bytes, "ready_s": server.ready_seconds, "cpu_s": server.cpu_seconds(),
              "counted": json.loads(counted)["n"]}
    server.stop()
    remove()
    return result


def lines_of(collection, folder):
    """(source, line) of every line of the collection."""
    if collection == "loghub":
        for name in sorted(glob.glob(f"{folder}/*/*.log")):
            with open(name, encoding="utf-8", errors="replace") as text:
                yield from ((os.path.basename(os.path.dirname(name)), line.rstrip("\r\n")) for line in text)
        return
    for name in sorted(glob.glob(f"{folder}/*.log.zst")):
        text = subprocess.run(["zstd", "-dc", name], capture_output=True, check=True).stdout
        yield from ((os.path.basename(name).split(".")[0], line) for line in text.decode("utf-8", "replace").splitlines())


def expand(collection, folder, out, times=200):
    lines = [(source, line) for source, line in lines_of(collection, folder) if line]
    stamp_ns, offset, seq = 1_748_736_000_000_000_000, 0, 1
    with open(out, "wb") as data, open(out + ".idx", "wb") as index:
        pending = []

        def flush():
            nonlocal offset, seq
            body = "".join(pending).encode()
            data.write(body)
            index.write(struct.pack("<QIIIIQ", offset, len(body), len(pending), 0, 0, seq))
            offset, seq = offset + len(body), seq + len(pending)
            pending.clear()

        for _ in range(int(times)):
            for source, line in lines:
                stamp_ns += 7_000_000
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp_ns // 10**9)) + ".%03dZ" % (stamp_ns // 10**6 % 1000)
                pending.append(json.dumps({"timestamp": stamp, "source": source, "message": line}, ensure_ascii=False) + "\n")
                if len(pending) == BATCH:
                    flush()
        if pending:
            flush()
    return {"logs": seq - 1, "bytes": offset}


def main():
    operations = {"expand": expand, "settle": lambda *files: settle(files), "needle": lambda folder, *queries: needle(folder, queries),
                  "recovery": lambda *files: recovery(files)}
    if len(sys.argv) < 3 or sys.argv[1] not in operations:
        raise SystemExit(__doc__)
    print(json.dumps(operations[sys.argv[1]](*sys.argv[2:])))


main()
