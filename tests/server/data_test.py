#!/usr/bin/env python3
"""Real logs go in whole and come back equal, record by record and field by field."""
import collections
import datetime
import decimal
import glob
import json
import os
import re
import shutil
import subprocess
import unittest

from harness import Server, shared_data

POST_BYTES = 24 << 20


def read(path):
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
    with open(path, "rb") as file:
        return file.read()


class Number(str):
    """A number with a fraction or an exponent, as it was written."""


def parse(line):
    return json.loads(line, parse_float=Number)


def comparable(value):
    """Something that can be hashed and is equal only to the same value of the same type."""
    if isinstance(value, dict):
        return "object", frozenset((name, comparable(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return "array", tuple(map(comparable, value))
    if isinstance(value, (bool, Number)):
        return type(value).__name__, str(value)
    return value


def instant(value):
    """Nanoseconds since 1970 of what a record calls its time: RFC 3339, or an epoch number whose size tells its unit."""
    if isinstance(value, (int, Number)):
        number = decimal.Decimal(value)
        unit = next(unit for limit, unit in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (10**30, 1)) if abs(number) < limit)
        return int(number * unit)
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?(Z|z|[+-]\d\d:?\d\d)?", value)
    zone = (match[4] or "Z").upper().replace("Z", "+00:00")
    zone = zone if ":" in zone else zone[:3] + ":" + zone[3:]
    seconds = int(datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").timestamp())
    return seconds * 10**9 + int((match[3] or ".0")[1:10].ljust(9, "0"))


def flatten(record):
    """Dotted names to comparable values; the time as an instant. Of `timestamp`, `_time` and `@timestamp` the first one is the time."""
    flat = {}

    def walk(prefix, members):
        for name, value in members.items():
            if type(value) is dict and value:
                walk(prefix + name + ".", value)
            else:
                flat[prefix + name] = value if type(value) in (str, int) else comparable(value)
    walk("", record)
    times = [value for value in (record.get("timestamp"), record.get("_time"), record.get("@timestamp")) if value not in (None, "")]
    flat.pop("_time", None)
    flat.pop("timestamp", None)
    if times:
        flat["timestamp"] = instant(times[0])
    if "_msg" in flat:
        flat["message"] = flat.pop("_msg")
    return flat


@unittest.skipUnless(os.path.isdir(shared_data()) and shutil.which("zstd"), f"{shared_data()} or the zstd command is absent")
class DataTest(unittest.TestCase):
    def setUp(self):
        self.server = Server("--http-threads=2", "--wal-segment-bytes=64MiB")
        self.addCleanup(self.server.close)

    def post(self, lines):
        """Everything, in as few requests as the limit allows."""
        accepted, begin = 0, 0
        while begin < len(lines):
            end, size = begin, 0
            while end < len(lines) and size < POST_BYTES:
                size += len(lines[end]) + 1
                end += 1
            status, _, answer = self.server.send(b"\n".join(lines[begin:end]), {"Content-Type": "application/x-ndjson"})
            self.assertEqual((status, answer["rejected"], answer["errors"]), (200, 0, []))
            accepted += answer["accepted"]
            begin = end
        self.assertEqual(accepted, len(lines))

    def assert_come_back(self, lines):
        self.post(lines)
        self.assert_there(lines)

    def assert_come_back_after_kill_too(self, lines):
        self.assert_come_back(lines)
        self.server.kill()
        self.server.start()
        self.assert_there(lines)

    def assert_there(self, lines):
        status, _, body = self.server.request("GET", "/v1/logs?limit=0&timeout=30s", timeout=120)
        self.assertEqual(status, 200)
        received = body.splitlines()
        self.assertEqual(len(received), len(lines))
        # By everything but the time, which a record without one gets by its arrival.
        own = collections.defaultdict(list)
        for line in lines:
            flat = flatten(parse(line))
            time = flat.pop("timestamp", None)
            own[hash(frozenset(flat.items()))].append((time, line))
        strangers = []
        for line in received:
            flat = flatten(parse(line))
            time = flat.pop("timestamp")
            waiting = own[hash(frozenset(flat.items()))]
            place = next((i for i, (sent, _) in enumerate(waiting) if sent is None or sent == time), None)
            if place is None:
                strangers.append({**flat, "timestamp": time})
            else:
                waiting.pop(place)
        missing = [line for waiting in own.values() for _, line in waiting]
        if missing or strangers:
            self.fail(f"{len(missing)} of {len(lines)} records did not come back equal. {self.differences(missing, strangers)}")

    @staticmethod
    def differences(missing, strangers):
        """The first missing record beside the stranger that is most like it."""
        if not missing or not strangers:
            return f"first missing: {missing[:1]}; first stranger: {strangers[:1]}"
        sent = flatten(parse(missing[0]))
        nearest = min(strangers, key=lambda flat: len(sent.items() ^ flat.items()))
        names = [name for name in {**sent, **nearest} if sent.get(name) != nearest.get(name)]
        return "; ".join(f"{name}: sent {str(sent.get(name))[:300]}, received {str(nearest.get(name))[:300]}" for name in names[:8])

    def lines_of(self, path):
        return [line for line in read(path).split(b"\n") if line.strip()]

    def test_mongodb_logs(self):
        for name in ("mongod_standalone", "replica_rs1", "replica_rs2", "replica_rs3"):
            with self.subTest(name):
                self.assert_come_back(self.lines_of(shared_data("mongodb_json", name + ".ndjson.zst")))
                self.fresh()

    def test_nested_nginx_status(self):
        self.assert_come_back_after_kill_too(self.lines_of(shared_data("web_access", "nginxplus_status_nested.ndjson.zst")))

    def test_access_logs_as_messages(self):
        lines = []
        for name in ("apache_access_10k", "shop_access"):
            lines += [self.message_of(line) for line in self.lines_of(shared_data("web_access", name + ".log.zst"))]
        self.assert_come_back(lines)

    def test_security_events(self):
        for name in ("ec2_proxy_s3_exfiltration", "empire_launcher_vbs",
                     "securityauditing_log4shell_cve2021_44228_java_serialized_object",
                     "syslog_auoms_auditd_log4shell_cve2021_44228_jndi_reference", "syslog_sysmon_log4shell_cve2021_44228_jndi_reference"):
            with self.subTest(name):
                self.assert_come_back(self.lines_of(shared_data("security_json", name + ".ndjson.zst")))
                self.fresh()

    def test_logs_of_sixteen_systems(self):
        paths = sorted(glob.glob(shared_data("loghub", "*", "*_2k.log")))
        self.assertEqual(len(paths), 16)
        counts, lines = {}, []
        for path in paths:
            system = os.path.basename(os.path.dirname(path))
            own = [self.message_of(line, {"system": system}) for line in self.lines_of(path)]
            counts[system] = str(len(own))
            lines += own
        self.assert_come_back_after_kill_too(lines)
        found = self.server.query("* | stats by (metadata.system) count() n")
        self.assertEqual({row["metadata.system"]: row["n"] for row in found}, counts)

    def test_a_record_of_more_than_a_thousand_leaves(self):
        wide = {"message": "wide", "timestamp": "2025-06-01T00:00:00Z", "top": 1,
                "metadata": {f"group{i}": {f"leaf{j}": i * j for j in range(50)} for i in range(30)}}
        self.assertEqual(self.server.post(wide), (200, {"accepted": 1, "rejected": 0, "errors": []}))
        self.assertEqual(self.server.search(), [wide])

    def fresh(self):
        self.server.close()
        self.server = Server("--http-threads=2", "--wal-segment-bytes=64MiB")
        self.addCleanup(self.server.close)

    @staticmethod
    def message_of(line, metadata=None):
        record = {"message": line.rstrip(b"\r").decode("utf-8", "replace")}
        return json.dumps({**record, "metadata": metadata} if metadata else record).encode()


if __name__ == "__main__":
    unittest.main()
