#!/usr/bin/env python3
"""Strings and bytes that break things, against the running server: they come back as they were, and lose no neighbour."""
import json
import os
import shutil
import unittest

from harness import Server, shared_data, zstd


@unittest.skipUnless(os.path.isdir(shared_data("json_torture")), f"{shared_data('json_torture')} is absent")
class TortureTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)

    def test_naughty_strings_as_message_tag_name_and_value(self):
        with open(shared_data("json_torture", "blns.json"), encoding="utf-8") as file:
            strings = json.load(file)
        records = [{"timestamp": "2025-06-01T00:00:00Z", "number": i, "message": text, "tags": [text, text], "metadata": {"value": text}}
                   for i, text in enumerate(strings)]
        self.assertEqual(self.server.post(records)[1]["accepted"], len(strings))
        back = sorted(self.server.search(), key=lambda row: row["number"])
        self.assertEqual(back, records)
        names = [{"timestamp": "2025-06-01T00:00:00Z", "named": i, text: i} for i, text in enumerate(strings)
                 if "." not in text and text and len(text.encode()) <= 512 and not text.startswith("_")]
        self.assertEqual(self.server.post(names)[1]["accepted"], len(names))
        self.assertEqual(sorted(self.server.search("named:*"), key=lambda row: row["named"]), names)

    def test_a_naughty_string_as_a_quoted_query_finds_itself(self):
        with open(shared_data("json_torture", "blns.json"), encoding="utf-8") as file:
            strings = [text for text in json.load(file) if text]
        self.server.post([{"number": i, "value": text} for i, text in enumerate(strings)])
        wrong = []
        for i, text in enumerate(strings):
            quoted = json.dumps(text, ensure_ascii=False)
            found = {row["number"] for row in self.server.search(f"value:={quoted}")}
            if found != {j for j, other in enumerate(strings) if other == text}:
                wrong.append((text, found))
        self.assertEqual(wrong, [])

    @unittest.skipUnless(shutil.which("zstd"), "there is no zstd command")
    def test_surrogates_and_zero_escapes(self):
        with open(shared_data("json_torture", "utf8_surrogate_10k.ndjson.zst"), "rb") as file:
            lines = [line for line in zstd(file.read(), "-d").split(b"\n") if line.strip()]
        status, _, answer = self.server.send(b"\n".join(lines), {"Content-Type": "application/x-ndjson"})
        self.assertEqual((status, answer["accepted"]), (200, len(lines)))
        self.assertEqual(self.server.count(), len(lines))

    def test_bytes_that_are_not_utf8_lose_no_neighbour_and_come_back_as_valid_text(self):
        with open(shared_data("json_torture", "UTF-8-test.txt"), "rb") as file:
            texts = [line.replace(b"\\", b"/").replace(b'"', b"'").replace(b"\0", b"") for line in file.read().splitlines() if line]
        body = b"\n".join(b'{"message":"%s"}\n{"good":%d}' % (text, i) for i, text in enumerate(texts))
        status, _, answer = self.server.send(body, {"Content-Type": "application/x-ndjson"})
        self.assertEqual(status, 200)
        self.assertEqual(self.server.count("good:*"), len(texts))
        self.assertEqual(answer["accepted"] + answer["rejected"], 2 * len(texts))
        body = self.server.request("GET", "/v1/logs?limit=0")[2]
        self.assertEqual(len([json.loads(line.decode("utf-8")) for line in body.splitlines()]), answer["accepted"])


if __name__ == "__main__":
    unittest.main()
