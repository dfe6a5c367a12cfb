#!/usr/bin/env python3
"""The memory of the process stays within memory_limit, whatever comes in; intake slows down, and nothing that was acknowledged is lost."""
import http.client
import json
import re
import threading
import time
import unittest

from harness import Server

MIB = 1 << 20
LIMIT_MIB = 256


def resident_peak_mib(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


class Memory(unittest.TestCase):
    def test_a_load_of_more_than_the_limit(self):
        with Server(f"--memory-limit={LIMIT_MIB}MiB", "--storage-block-rows=65536", "--storage-block-bytes-max=64MiB",
                    "--storage-row-buffer-bytes-max=0") as server:
            row = {"message": "m" * 200, "level": "info", "source": "memory", "metadata": {f"field_{i}": f"value {i} of many" for i in range(20)}}
            body = "\n".join(json.dumps(row) for _ in range(10_000)).encode()  # 7 MB
            acked, lock = [], threading.Lock()

            def write():
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
                for _ in range(10):
                    while True:
                        connection.request("POST", "/v1/logs", body, {"Content-Type": "application/x-ndjson"})
                        response = connection.getresponse()
                        response.read()
                        if response.status == 200:
                            break
                        self.assertIn(response.status, (429, 503))
                        time.sleep(0.05)
                    with lock:
                        acked.append(10_000)

            def read():
                for _ in range(20):
                    server.request("GET", "/select/logsql/query?query=*%20%7C%20stats%20by%20(field_3)%20count()%20n")

            threads = [threading.Thread(target=target) for target in [write] * 8 + [read] * 2]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sum(acked), 800_000)
            self.assertEqual(server.count(), 800_000)
            self.assertLess(resident_peak_mib(server), LIMIT_MIB * 1.1)
            pools = re.findall(r'neurallog_memory_bytes\{pool="(\w+)"\}', server.request("GET", "/metrics")[2].decode())
            self.assertLessEqual({"row_buffers", "memtables", "block_cache", "queries", "batches_in_flight", "directories"}, set(pools))
            self.assertEqual(server.metric("neurallog_memory_limit_bytes"), LIMIT_MIB * MIB)


if __name__ == "__main__":
    unittest.main()
