"""clickhouse_peer.py QUERIES.json LOGS.ndjson... : the W2 queries of tools/queries.py answered by ClickHouse embedded in this process (chdb, from PyPI;
PYTHONPATH names where it is), with a text index on the message and bloom filters on the ids. Prints the CPU and the time of each shape:
the mean of all variants and three rounds, the first of them cold for the process's caches, and whether counts are as expected."""
import json
import math
import resource
import statistics
import sys
import time

from chdb import session

ROUNDS = 3
TABLE = """CREATE TABLE logs (ts DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD), level LowCardinality(String), message String CODEC(ZSTD(1)),
  source LowCardinality(String), tags Array(LowCardinality(String)), seq UInt64, host LowCardinality(String), trace_id String, user_id String,
  client_ip String, duration_ms Nullable(Float64), status Nullable(UInt16),
  INDEX words message TYPE text(tokenizer = 'splitByNonAlpha'), INDEX traces trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX users user_id TYPE bloom_filter(0.01) GRANULARITY 1, INDEX addresses client_ip TYPE bloom_filter(0.01) GRANULARITY 1)
  ENGINE = MergeTree ORDER BY (ts) SETTINGS index_granularity = 8192"""
LOAD = """INSERT INTO logs SELECT parseDateTime64BestEffort(JSONExtractString(line, 'timestamp'), 3, 'UTC'), JSONExtractString(line, 'level'),
  JSONExtractString(line, 'message'), JSONExtractString(line, 'source'), JSONExtract(line, 'tags', 'Array(String)'),
  JSONExtractUInt(line, 'metadata', 'seq'), JSONExtractString(line, 'metadata', 'host'), JSONExtractString(line, 'metadata', 'trace_id'),
  JSONExtractString(line, 'metadata', 'user_id'), JSONExtractString(line, 'metadata', 'client_ip'),
  JSONExtract(line, 'metadata', 'duration_ms', 'Nullable(Float64)'), JSONExtract(line, 'metadata', 'status', 'Nullable(UInt16)')
  FROM file('{path}', LineAsString, 'line String')"""


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    queries, *files = sys.argv[1:]
    with open(queries) as file:
        queries = json.load(file)["queries"]
    clickhouse = session.Session()
    clickhouse.query("SET max_threads = 2")
    clickhouse.query(TABLE)
    begin = cpu()
    for path in files:
        clickhouse.query(LOAD.format(path=path))
    rows = int(str(clickhouse.query("SELECT count() FROM logs")).strip())
    print(f"loaded {rows} rows, {(cpu() - begin) / rows * 1e6:.2f} us CPU each")
    clickhouse.query("OPTIMIZE TABLE logs FINAL")
    shapes = {}
    for query in queries:
        shape = shapes.setdefault(query["shape"], {"cpu": [], "time": [], "wrong": 0})
        text = query["clickhouse"] + ("" if "FORMAT" in query["clickhouse"] else " FORMAT JSONEachRow")
        for _ in range(ROUNDS):
            cpu_begin, begin = cpu(), time.monotonic()
            answer = str(clickhouse.query(text, "JSONEachRow"))
            shape["time"].append((time.monotonic() - begin) * 1e3)
            shape["cpu"].append((cpu() - cpu_begin) * 1e3)
        if query["kind"] == "count":
            counted = list(json.loads(answer.splitlines()[0]).values())[0]
            shape["wrong"] += int(counted) != query["expected"]
    for name, shape in shapes.items():
        print(f"{name:4} cpu {statistics.mean(shape['cpu']):8.2f} ms  time {statistics.mean(shape['time']):8.2f} ms  wrong {shape['wrong']}", flush=True)
    means = [statistics.mean(shape["cpu"]) for shape in shapes.values()]
    print(f"geometric mean cpu {math.exp(statistics.mean(map(math.log, means))):.2f} ms")


main()
