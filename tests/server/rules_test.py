"""Rules at work: what is imported sees what is posted, and matches are there once, also after kill -9."""
import json
import random
import time
import unittest

from harness import Server, until

RULE = """name: {name}
severity: high
detection:
  sel: {{message|contains: {word}}}
  condition: sel
meta: {{author: A. Person, license: DRL-1.1, tags: [attack.t1110]}}
"""
WINDOW = """name: many
type: threshold
detection: {a: {message: login failed}, condition: a}
window: {size: 1h, group_by: [user]}
threshold: {gte: 5}
"""
SIGMA = """title: Suspicious shell
id: 9f3a1f36-1f0e-4c5b-8b8a-0a1b2c3d4e5f
status: test
level: critical
author: B. Person
logsource: {product: linux}
detection:
    keywords: [xmrig]
    condition: keywords
"""


class Rules:
    """A server and what the tests say to it."""

    def __init__(self, *flags):
        self.server = Server(*flags)

    def put(self, name, word, **more):
        text = RULE.format(name=name, word=word)
        status, headers, body = self.server.request("PUT", "/v1/rules/" + name, text, more.get("headers"))
        assert status in (200, 201), body
        return json.loads(body), headers

    def get(self, target):
        status, _, body = self.server.request("GET", target)
        assert status == 200, (status, body)
        return json.loads(body)

    def matches(self, **params):
        """All matches, page by page."""
        found, cursor = [], ""
        while True:
            query = "&".join(f"{k}={v}" for k, v in {**params, "limit": 1000, "cursor": cursor}.items())
            page = self.get("/v1/matches?" + query)
            found += page["matches"]
            cursor = page.get("cursor")
            if not cursor:
                return found

    def seqs(self, **params):
        return sorted(match["record"]["seq"] for match in self.matches(**params))


class RulesTest(unittest.TestCase):
    def setUp(self):
        self.rules = Rules()
        self.server = self.rules.server
        self.addCleanup(self.server.close)

    def test_records_that_are_acknowledged_after_a_rule_match_it(self):
        self.server.post([{"message": "needle before", "seq": 0}])
        self.rules.put("one", "needle")
        self.server.post([{"message": "a needle", "seq": 1}, {"message": "hay", "seq": 2}])
        until(lambda: self.rules.matches())
        (match,) = self.rules.matches()
        self.assertEqual((match["rule_id"], match["severity"], match["author"], match["license"], match["tags"]),
                         ("one", "high", "A. Person", "DRL-1.1", ["attack.t1110"]))
        self.assertEqual((match["record"]["message"], match["record"]["seq"], match["version"]), ("a needle", 1, 1))
        self.assertEqual(self.rules.get("/v1/matches/" + match["match_id"]), match)
        self.rules.put("one", "other")
        why = self.rules.get(f"/v1/matches/{match['match_id']}?why=1")["why"]
        self.assertEqual(why, {"matched": True, "log_source": True, "selections": [
            {"name": "sel", "holds": True, "items": [{"item": "message|contains", "holds": True, "values": ["needle"]}]}]})
        self.assertEqual(self.rules.get("/v1/rules/one/metrics")["matched"], 1)

    def test_a_match_of_many_records_shows_them(self):
        steps = [{"detection": {"a": {"event": event}, "condition": "a"}} for event in ("login", "sudo")]
        rule = {"id": "seq", "name": "seq", "type": "sequence", "window": {"group_by": ["user"]}, "sequence": {"within": "10m", "steps": steps}}
        self.assertEqual(self.server.request("PUT", "/v1/rules/seq", json.dumps(rule))[0], 201)
        for event in ("login", "sudo"):
            self.server.post([{"event": event, "user": "ann"}, {"event": event, "user": "bob \"b\""}, {"event": "other", "user": "ann"}])
        until(lambda: len(self.rules.matches()) == 2)
        for match in self.rules.matches():
            why = self.rules.get(f"/v1/matches/{match['match_id']}?why=1")["why"]
            self.assertEqual([(record["steps"], record["record"]["event"]) for record in why["records"]], [([1], "login"), ([2], "sudo")])
            self.assertEqual({record["record"]["user"] for record in why["records"]}, {match["group"]["user"]})
            self.assertNotIn("is_cut", why)

    def test_a_change_holds_for_what_comes_later(self):
        self.rules.put("one", "needle")
        self.server.post([{"message": "needle", "seq": 1}])
        self.rules.put("one", "thread")
        self.server.post([{"message": "needle", "seq": 2}, {"message": "thread", "seq": 3}])
        self.assertEqual(self.server.request("POST", "/v1/rules/one:disable")[0], 200)
        self.server.post([{"message": "thread", "seq": 4}])
        self.assertEqual(self.server.request("DELETE", "/v1/rules/one")[0], 204)
        self.server.post([{"message": "thread", "seq": 5}])
        until(lambda: len(self.rules.matches()) == 2)
        self.assertEqual(sorted((m["record"]["seq"], m["version"]) for m in self.rules.matches()), [(1, 1), (3, 2)])

    def test_sigma_is_imported_and_reported_rule_by_rule(self):
        text = SIGMA + "---\ntitle: broken\nlogsource: {}\ndetection:\n    a: {x|nothing: 1}\n    condition: a\n---\n" + SIGMA.replace(
            "9f3a", "0000").replace("[xmrig]", "{Image|expand: '%tools%'}").replace("Suspicious", "Waiting")
        status, _, report = self.server.send(text, target="/v1/rules:import?format=sigma")
        self.assertEqual((status, report["compiled"], report["needs_lists"], report["failed"]), (200, 1, 1, 1))
        broken = report["rules"][1]
        self.assertEqual((broken["line"], broken["errors"][0]["line"]), (11, 14))
        self.assertEqual(self.server.request("PUT", "/v1/lists/tools", '{"values":["nmap"]}')[0], 200)
        self.assertEqual([rule["state"] for rule in self.rules.get("/v1/rules")["rules"]], ["ready", "ready"])
        self.server.post([{"logsource": {"product": "linux"}, "message": "xmrig runs", "seq": 1}, {"message": "xmrig", "seq": 2},
                          {"logsource": {"product": "linux"}, "Image": "nmap", "seq": 3}])
        until(lambda: len(self.rules.matches()) == 2)
        self.assertEqual(self.rules.seqs(severity="critical"), [1, 3])

    def test_a_rule_whose_own_tests_fail_is_refused(self):
        tests = "tests: [{name: five, events: [%s], expect: {matches: 1}}]\n" % ", ".join(["{user: ann, message: login failed}"] * 5)
        good, bad = WINDOW + tests, WINDOW.replace("gte: 5", "gte: 6") + tests
        status, _, body = self.server.request("PUT", "/v1/rules/many", bad)
        self.assertEqual((status, 'test "five" expected 1 matches, found 0' in json.loads(body)["detail"]), (400, True), body)
        self.assertEqual(self.server.request("GET", "/v1/rules/many")[0], 404)
        self.assertEqual(self.server.request("PUT", "/v1/rules/many", good)[0], 201)
        follow = "name: follow\ntype: sequence\nsequence: {within: 1m, steps: [{rule: word}, {rule: word}]}\n"
        follow += "tests: [{events: [{message: x}, {message: x}], expect: {matches: %d}}]\n"
        word = "name: word\ndetection: {a: {message: x}, condition: a}\n"
        report = self.server.send("\n---\n".join([word, follow % 2, bad]), target="/v1/rules:import")[2]
        self.assertEqual([(rule["name"], rule["state"]) for rule in report["rules"]], [("word", "ready"), ("follow", "failed"), ("many", "failed")])
        self.assertEqual([(error["line"], error["message"].split(" expected")[1]) for error in report["rules"][1]["errors"]], [(8, " 2 matches, found 1")])
        self.assertEqual(sorted(rule["id"] for rule in self.rules.get("/v1/rules")["rules"] if rule["name"] != "many"), [report["rules"][0]["id"]])
        report = self.server.send(follow % 1, target="/v1/rules:import")[2]
        self.assertEqual((report["compiled"], report["failed"]), (1, 0), report)

    def test_a_condition_in_logsql_finds_what_a_search_finds(self):
        random.seed(3)
        queries = ["level:error", "level:in(error,warn) took:>50", '"disk full" or tags:west', "!level:info", "host:~'web-[12]' -timeout", "note:\"\"", "took:range(10,20] level:e*"]
        for i, query in enumerate(queries):
            document = json.dumps({"name": f"q{i}", "query": query})
            self.assertEqual(self.server.request("PUT", f"/v1/rules/q{i}", document)[0], 201)
        records = [{"message": random.choice(["disk full", "timeout", "disk is full", "x"]), "level": random.choice(["error", "warn", "info", "errors"]),
                    "took": random.randrange(100), "host": f"web-{random.randrange(4)}", "tags": random.choice([["west", "eu"], ["north"], []]),
                    **({"note": random.choice(["", "n"])} if i % 2 else {}), "seq": i} for i in range(400)]
        self.server.post(records)
        self.server.post([{"level": "error", "message": "last", "seq": 400}])
        until(lambda: 400 in self.rules.seqs(rule="q0"))
        for i, query in enumerate(queries):
            expected = sorted(row["seq"] for row in self.server.search(query))
            self.assertEqual(self.rules.seqs(rule=f"q{i}"), expected, query)
            self.assertTrue(expected, query)
        status, _, body = self.server.request("POST", "/v1/rules/q0/explain", '{"level":"error"}')
        self.assertEqual((status, json.loads(body)["records"][0]["matched"]), (200, True))

    def test_matches_of_a_restarted_server_are_the_same(self):
        self.rules.put("one", "needle")
        self.server.post([{"message": "needle", "seq": i} for i in range(500)])
        until(lambda: len(self.rules.matches()) == 500)
        before = self.rules.matches()
        self.server.restart()
        self.server.post([{"message": "needle", "seq": 500}])
        until(lambda: len(self.rules.matches()) == 501)
        self.assertEqual([m for m in self.rules.matches() if m["record"]["seq"] < 500], before)
        self.assertEqual(self.rules.seqs(), list(range(501)))


    def test_what_lookups_know_is_added_to_matches_and_alerts(self):
        table = {"values": {"checkout": "payments", "cart": {"team": "shop", "tier": "1"}}}
        self.assertEqual(self.server.request("PUT", "/v1/lookups/owners", json.dumps(table))[0], 200)
        extra = "owner: core\ngroup_by: [source]\nenrich: [{lookup: owners, key: source, as: owner_of}, {lookup: none, key: source}]\n"
        status, _, body = self.server.request("PUT", "/v1/rules/one", RULE.format(name="one", word="needle") + extra)
        self.assertEqual(status, 201, body)
        sources = ["checkout", "cart", "web"]
        self.server.post([{"message": "needle", "source": source} for source in sources])
        self.assertTrue(until(lambda: len(self.rules.matches()) == 3))
        known = {"checkout": {"owner_of": "payments"}, "cart": {"owner_of.team": "shop", "owner_of.tier": "1"}, "web": {}}
        self.assertEqual({m["record"]["source"]: m.get("enriched", {}) for m in self.rules.matches()}, known)
        self.assertTrue(until(lambda: len(self.rules.get("/v1/alerts")["alerts"]) == 3))
        self.assertEqual({a["group"]["source"]: a["labels"] for a in self.rules.get("/v1/alerts")["alerts"]},
                         {source: {"owner": "core", **known[source]} for source in sources})
        self.server.kill()
        self.server.start()
        table["values"]["web"] = "front"
        self.assertEqual(self.server.request("PUT", "/v1/lookups/owners", json.dumps(table))[0], 200)
        self.server.post([{"message": "needle", "source": "web"}])
        self.assertTrue(until(lambda: len(self.rules.matches()) == 4))
        self.assertEqual([m["enriched"] for m in self.rules.matches() if m["record"]["source"] == "web" and "enriched" in m],
                         [{"owner_of": "front"}])


class CrashTest(unittest.TestCase):
    def test_a_killed_server_has_each_match_once(self):
        """Rules are changed meanwhile: each row is seen by the rules of its time and no others."""
        random.seed(1)
        rules = Rules()
        server = rules.server
        self.addCleanup(server.close)
        expected, seq = [], 0
        for round_ in range(6):
            version = rules.put("one", f"needle{round_}")[0]["version"]
            for _ in range(random.randrange(5, 40)):
                records = [{"message": f"needle{random.randrange(6)}", "seq": seq + i} for i in range(200)]
                self.assertEqual(server.post(records)[0], 200)
                expected += [(r["seq"], version) for r in records if r["message"] == f"needle{round_}"]
                seq += len(records)
            server.kill()
            server.start()
        self.assertTrue(until(lambda: len(rules.matches()) >= len(expected), 20))
        time.sleep(0.3)
        matches = rules.matches()
        self.assertEqual(sorted((m["record"]["seq"], m["version"]) for m in matches), expected)
        self.assertEqual(len({m["match_id"] for m in matches}), len(matches))


    def test_windows_go_on_over_kills(self):
        """Each user fires once, at the fifth record, wherever the server was killed in between."""
        random.seed(2)
        rules = Rules()
        server = rules.server
        self.addCleanup(server.close)
        self.assertEqual(server.request("PUT", "/v1/rules/many", WINDOW)[0], 201)
        counts, fifth = {}, []
        for round_ in range(8):
            for _ in range(random.randrange(1, 12)):
                records = [{"message": "login failed", "user": f"u{random.randrange(40)}"} for _ in range(5)]
                for i, record in enumerate(records):
                    counts[record["user"]] = counts.get(record["user"], 0) + 1
                    record["count"] = counts[record["user"]]
                    if record["count"] == 5:
                        fifth.append(record["user"])
                self.assertEqual(server.post(records)[0], 200)
            if random.random() < 0.5:
                time.sleep(random.random() * 1.5)
            server.kill()
            server.start()
        self.assertGreater(len(fifth), 10)
        self.assertTrue(until(lambda: len(rules.matches()) >= len(fifth), 20))
        time.sleep(0.3)
        matches = rules.matches()
        self.assertEqual(sorted(m["group"]["user"] for m in matches), sorted(fifth))
        self.assertEqual({(m["value"], m["record"]["count"]) for m in matches}, {(5, 5)})


if __name__ == "__main__":
    unittest.main()
