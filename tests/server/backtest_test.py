"""Backtests: stored records shown to rules as if they came anew give the matches that the rule stage gave."""
import json
import random
import time
import unittest

from harness import Server, until

RULES = """name: word
detection: {a: {message|contains: needle}, condition: a}
suppress: {key: [user], cooldown: 20s}
---
name: every needle
detection: {a: {message|contains: needle, note|exists: true}, condition: a}
---
name: many
type: threshold
detection: {a: {message|contains: hay}, condition: a}
window: {size: 30s, group_by: [user]}
threshold: {gte: 6}
---
name: hay then needle
type: sequence
window: {group_by: [user]}
sequence:
  within: 10s
  steps: [{detection: {a: {message|contains: hay}, condition: a}}, {rule: every needle}]
"""


class BacktestTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)

    def get(self, target):
        status, _, body = self.server.request("GET", target)
        assert status == 200, (status, body)
        return json.loads(body)

    def start(self, **request):
        status, headers, body = self.server.request("POST", "/v1/rules:backtest", json.dumps(request))
        self.assertEqual(status, 202, body)
        self.assertEqual(headers["location"], "/v1/backtests/" + json.loads(body)["id"])
        return headers["location"]

    def run_to_end(self, **request):
        place = self.start(**request)
        until(lambda: self.get(place)["state"] not in ("queued", "running"))
        return self.get(place)

    def post_history(self):
        """Records of ten minutes that end now, in the order of time and in several blocks."""
        random.seed(7)
        now = time.time()
        records = [{"timestamp": int((now - 600 + i * 0.5) * 1e9), "message": random.choice(["hay", "more hay", "a needle", "x"]),
                    "user": f"u{random.randrange(8)}", "seq": i, **({"note": ""} if i % 3 == 0 else {})} for i in range(1200)]
        for begin in range(0, len(records), 100):
            self.assertEqual(self.server.post(records[begin:begin + 100])[0], 200)
            if begin % 400 == 300:
                self.server.restart()
        return records

    def live(self):
        matches = self.get("/v1/matches?limit=1000")["matches"]
        return sorted(self.essence(match) for match in matches)

    def essence(self, match):
        return json.dumps([match["rule"], match["timestamp"], match.get("group"), match.get("value"), match.get("window"), match.get("record")], sort_keys=True)

    def test_a_backtest_finds_what_the_rules_found_live(self):
        status, _, report = self.server.send(RULES, target="/v1/rules:import")
        self.assertEqual((status, report["compiled"]), (200, 4), report)
        self.post_history()
        self.server.post([{"message": "the last needle", "note": "end", "user": "last"}])
        until(lambda: any('"last"' in match for match in self.live()))
        live = self.live()
        ids = [rule["id"] for rule in self.get("/v1/rules")["rules"]]
        job = self.run_to_end(ids=ids, start="1h", samples=1000)
        found = sorted(self.essence(match) for rule in job["rules"] for match in rule["samples"])
        self.assertGreater(len(live), 50)
        self.assertEqual(found, live)
        self.assertEqual((job["state"], job["progress"], job["rows_read"], job["matches"]), ("done", 1, 1201, len(live)))
        self.assertEqual(self.server.metric('neurallog_backtests_total{end="done"}'), 1)
        self.assertEqual(self.server.metric("neurallog_backtest_rows_total"), 1201)
        self.assertGreater(self.server.metric("neurallog_backtest_seconds_total"), 0)
        self.assertEqual(self.server.metric("neurallog_backtests_running"), 0)
        for rule in job["rules"]:
            self.assertEqual(sum(bucket["matches"] for bucket in rule["buckets"]), rule["matches"])
            self.assertGreater(rule["matches"], 0, rule["name"])
        self.assertGreater(next(rule for rule in job["rules"] if rule["name"] == "word")["suppressed"], 0)
        # The same rules as documents: what they refer to is found among the stored ones.
        document = RULES.split("---\n")[3]
        alone = self.run_to_end(rules=document, start="1h", samples=1)
        stored = next(rule for rule in job["rules"] if rule["name"] == "hay then needle")
        self.assertEqual([(rule["name"], rule["matches"], len(rule["samples"])) for rule in alone["rules"]], [("hay then needle", stored["matches"], 1)])
        self.assertEqual(alone["rules"][0]["buckets"], stored["buckets"])
        self.assertEqual([listed["id"] for listed in self.get("/v1/backtests")["backtests"]], [alone["id"], job["id"]])

    def test_the_range_and_the_step_are_those_that_are_asked_for(self):
        base = 1_750_000_000
        self.server.post([{"timestamp": base + i * 60, "message": "needle"} for i in range(180)])
        rule = {"name": "n", "detection": {"a": {"message": "needle"}, "condition": "a"}}
        job = self.run_to_end(rules=[rule], start="2025-06-15T15:30:00Z", end="2025-06-15T16:59:59Z", step="30m")
        self.assertEqual((job["rows_read"], job["matches"], len(job["rules"][0]["samples"])), (90, 90, 10))
        self.assertEqual([(bucket["start"], bucket["matches"]) for bucket in job["rules"][0]["buckets"]],
                         [("2025-06-15T15:30:00Z", 30), ("2025-06-15T16:00:00Z", 30), ("2025-06-15T16:30:00Z", 30)])

    def test_rules_of_queries_read_what_these_find(self):
        self.post_history()
        queries = ["hay !more user:u1", "needle user:in(u2,u3)"]
        rules = [{"name": "many", "type": "threshold", "query": queries[0], "window": {"size": "1m"}, "threshold": {"gte": 2}}, {"name": "one", "query": queries[1]}]
        job = self.run_to_end(rules=rules, start="1h")
        counts = [self.server.count(query) for query in queries]
        self.assertEqual((job["rows_read"], job["rules"][1]["matches"]), (sum(counts), counts[1]))
        self.assertLess(job["rows_read"], 600)
        rules[0] = {**rules[0], "detection": {"a": {"message": "hay", "user": "u1"}, "condition": "a"}}
        del rules[0]["query"]
        same = self.run_to_end(rules=rules, start="1h")
        self.assertEqual((same["rows_read"], [rule["matches"] for rule in same["rules"]]), (1200, [rule["matches"] for rule in job["rules"]]))

    def test_a_disabled_rule_is_tried_and_a_filter_holds(self):
        rule = "name: quiet\nid: quiet\nenabled: false\ndetection: {a: {message|contains: needle}, condition: a}\n"
        cut = "title: cut\nfilter: {rules: [quiet], a: {user: bot}, condition: a}\n"
        self.assertEqual(self.server.send(rule + "---\n" + cut, target="/v1/rules:import")[2]["compiled"], 2)
        self.server.post([{"message": "needle", "user": "ann"}, {"message": "needle", "user": "bot"}])
        job = self.run_to_end(ids=["quiet"])
        self.assertEqual([sample["record"]["user"] for sample in job["rules"][0]["samples"]], ["ann"])

    def test_what_is_wrong_is_said(self):
        def refused(status, text, **request):
            answer = self.server.request("POST", "/v1/rules:backtest", json.dumps(request))
            self.assertEqual((answer[0], text in answer[2].decode()), (status, True), answer[2])

        refused(400, "no rule is given")
        refused(404, "nobody", ids=["nobody"])
        refused(400, "unknown modifier", rules="name: x\ndetection: {a: {b|bad: 1}, condition: a}")
        refused(400, "unknown member", ids=["x"], what=1)
        good = "name: x\ndetection: {a: {b: 1}, condition: a}"
        refused(400, "start is not before end", rules=good, start="2025-01-02", end="2025-01-01")
        refused(400, "take a larger step", rules=good, start="10d", step="1s")
        refused(400, "there is no rule", rules="name: s\ntype: sequence\nsequence: {within: 1m, steps: [{rule: nobody}, {rule: none}]}")
        self.assertEqual(self.server.request("GET", "/v1/backtests/7")[0], 404)

    def test_a_deleted_backtest_ends(self):
        records = [{"message": "needle" * 20, "i": i} for i in range(5000)]
        for _ in range(10):
            self.server.post(records)
        rule = "name: n\ndetection: {a: {message|contains: needle}, condition: a}\n"
        places = [self.start(rules=rule) for _ in range(3)]
        for place in places:
            self.assertEqual(self.server.request("DELETE", place)[0], 204)
            self.assertEqual(self.server.request("GET", place)[0], 404)
        self.assertEqual(self.run_to_end(rules=rule)["matches"], 50_000)


if __name__ == "__main__":
    unittest.main()
