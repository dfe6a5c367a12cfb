"""Alerts of rules: they fire, wait, are looked after and end, each once, also after kill -9."""
import json
import os
import random
import sys
import time
import unittest

from harness import Server, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from openapi import Document

RULE = "name: {name}\nseverity: high\ndetection: {{a: {{message: {name}}}, condition: a}}\nsuppress: {{key: [host], cooldown: 1ms}}\n"


class AlertsCase(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.document = Document(self.server.request("GET", "/v1/openapi.json")[2])

    def ask(self, method, target, body=None):
        """The answer, which must be as it is described."""
        status, headers, answer = self.server.request(method, target, body)
        self.assertEqual(self.document.problems(method, target, status, headers.get("content-type", ""), answer), [])
        return status, json.loads(answer)

    def put(self, name, more="", text=None):
        status, rule = self.ask("PUT", "/v1/rules/" + name, (text or RULE.format(name=name)) + more)
        self.assertIn(status, (200, 201), rule)
        return rule

    def get(self, target):
        status, answer = self.ask("GET", target)
        self.assertEqual(status, 200, answer)
        return answer

    def alerts(self, **params):
        """All alerts, page by page."""
        found, cursor = [], ""
        while True:
            query = "&".join(f"{k}={v}" for k, v in {"limit": 1000, **params, "cursor": cursor}.items())
            page = self.get("/v1/alerts?" + query)
            found += page["alerts"]
            cursor = page.get("cursor")
            if not cursor:
                return found

    def order(self, alert, verb, body=None):
        return self.ask("POST", f"/v1/alerts/{alert['alert_id']}:{verb}", body)

    def wait_for(self, count, **params):
        self.assertTrue(until(lambda: len(self.alerts(**params)) == count, 20), self.alerts())
        return self.alerts(**params)


class AlertsTest(AlertsCase):
    def test_an_alert_fires_counts_is_acknowledged_and_ends(self):
        rule = self.put("disk", "labels: {team: core}\nresolve_timeout: 3s\n")
        self.assertEqual((rule["labels"], rule["resolve_timeout"]), ({"team": "core"}, "3s"))
        self.server.post([{"message": "disk", "host": "a"}])
        (alert,) = self.wait_for(1)
        self.assertEqual((alert["state"], alert["rule_id"], alert["rule"], alert["severity"], alert["labels"], alert["group"]),
                         ("firing", "disk", "disk", "high", {"team": "core"}, {"host": "a"}))
        self.assertEqual(self.server.metric('neurallog_alerts{state="firing"}'), 1)
        status, acknowledged = self.order(alert, "ack", '{"note":"on it"}')
        self.assertEqual((status, acknowledged["state"], acknowledged["acknowledged"]["note"]), (200, "acknowledged", "on it"))
        time.sleep(0.01)
        self.server.post([{"message": "disk", "host": "a", "seq": 2}])
        until(lambda: self.get("/v1/alerts/" + alert["alert_id"])["matches"] == 2)
        seen = self.get("/v1/alerts/" + alert["alert_id"])
        self.assertEqual([m["match_id"] for m in seen["last_matches"]], seen["match_ids"])
        self.assertEqual(seen["last_matches"][-1]["record"]["seq"], 2)
        (ended,) = self.wait_for(1, state="resolved")
        self.assertEqual((ended["alert_id"], ended["end"], ended["matches"]), (alert["alert_id"], "no_match", 2))
        self.assertEqual(self.server.metric('neurallog_alert_transitions_total{to="resolved"}'), 1)
        self.assertEqual(self.order(alert, "ack")[0], 409)

    def test_a_threshold_fires_as_long_as_it_holds(self):
        self.put("many", text="name: many\ntype: threshold\ndetection: {a: {message: login}, condition: a}\n"
                 "window: {size: 4s, group_by: [user]}\nthreshold: {gte: 3}\n")
        for _ in range(8):
            self.server.post([{"message": "login", "user": "ann"}] * 3)
            time.sleep(1)
        (alert,) = self.alerts()
        self.assertEqual((alert["state"], alert["matches"]), ("firing", 1))
        (ended,) = self.wait_for(1, state="resolved")
        self.assertEqual(ended["end"], "cleared")

    def test_users_resolve_and_rules_that_go_do_too(self):
        self.put("one")
        self.put("two", "for: 1h\n")
        self.put("three")
        self.server.post([{"message": name, "host": "a"} for name in ("one", "two", "three")])
        self.wait_for(3)
        by_rule = {alert["rule_id"]: alert for alert in self.alerts()}
        self.assertEqual(by_rule["two"]["state"], "pending")
        self.assertEqual(self.order(by_rule["two"], "ack")[0], 409)
        self.assertEqual(self.order(by_rule["one"], "unack")[0], 409)
        status, resolved = self.order(by_rule["one"], "resolve", '{"note":"gone"}')
        self.assertEqual((status, resolved["state"], resolved["end"], resolved["resolved_by"]["note"]),
                         (200, "resolved", "user", "gone"))
        self.server.request("POST", "/v1/rules/three:disable")
        self.assertEqual([a["end"] for a in self.alerts(rule="three")], ["rule_gone"])
        for name in ("one", "two", "three"):
            self.assertEqual(self.server.request("DELETE", "/v1/rules/" + name)[0], 204)
        self.assertEqual(sorted((a["rule_id"], a["state"]) for a in self.alerts()), [("one", "resolved"), ("three", "resolved")])

    def test_lists_are_filtered_and_paged(self):
        self.put("one")
        self.put("low", text="name: low\nseverity: low\ndetection: {a: {message: low}, condition: a}\n")
        self.server.post([{"message": "one", "host": f"h{i}"} for i in range(25)] + [{"message": "low"}])
        self.wait_for(26)
        self.assertEqual(len(self.alerts(limit=4)), 26)
        self.assertEqual(len({a["alert_id"] for a in self.alerts(limit=4)}), 26)
        self.assertEqual(len(self.alerts(severity="high", state="pending,firing", limit=7)), 25)
        self.order(self.alerts(rule="low")[0], "resolve")
        self.assertEqual(len(self.alerts(state="firing,acknowledged")), 25)
        self.assertEqual(len(self.alerts(since="2100-01-01")), 25)
        self.assertEqual(len(self.alerts(since="1h")), 26)


class CrashTest(AlertsCase):
    def test_a_killed_server_has_each_alert_once_with_each_match(self):
        """Some are pending, some fire and some are acknowledged while the server is killed."""
        random.seed(3)
        self.put("fires", "resolve_timeout: 1h\n")
        self.put("waits", "for: 6s\nresolve_timeout: 1h\n")
        counts, acknowledged = {}, set()
        begin = time.time()
        for round_ in range(6):
            for _ in range(random.randrange(3, 12)):
                records, at = [], time.time_ns()
                for i in range(40):
                    name, host = random.choice(("fires", "waits")), f"h{random.randrange(12)}"
                    counts[name, host] = counts.get((name, host), 0) + 1
                    # Suppression looks at times: they are two milliseconds apart.
                    records.append({"message": name, "host": host, "timestamp": at + i * 2_000_000})
                self.assertEqual(self.server.post(records)[0], 200)
                time.sleep(0.1)
            firing = self.alerts(rule="fires", state="firing")
            for alert in random.sample(firing, min(2, len(firing))):
                self.assertEqual(self.order(alert, "ack", json.dumps({"note": str(round_)}))[0], 200)
                acknowledged.add(alert["alert_id"])
            self.server.kill()
            self.server.start()
        self.assertTrue(until(lambda: sum(a["matches"] for a in self.alerts()) >= sum(counts.values()), 20))
        self.assertTrue(until(lambda: not self.alerts(state="pending"), 20))
        self.assertGreater(time.time() - begin, 6)
        alerts = self.alerts()
        self.assertEqual({(a["rule_id"], a["group"]["host"]): a["matches"] for a in alerts}, counts)
        self.assertEqual(len(alerts), len(counts))
        self.assertEqual({a["alert_id"] for a in alerts if a["state"] == "acknowledged"}, acknowledged)
        self.assertEqual({a["state"] for a in alerts if a["rule_id"] == "waits"}, {"firing"})
        self.assertEqual(len({a["fingerprint"] for a in alerts}), len(alerts))

    def test_timers_go_on_over_a_kill(self):
        self.put("fires", "resolve_timeout: 3s\n")
        self.put("waits", "for: 3s\nresolve_timeout: 1h\n")
        self.server.post([{"message": "fires", "host": "a"}, {"message": "waits", "host": "a"}])
        self.wait_for(2)
        self.server.kill()
        self.server.start()
        (fired,) = self.wait_for(1, rule="waits", state="firing")
        (ended,) = self.wait_for(1, rule="fires", state="resolved")
        self.assertEqual((fired["matches"], ended["matches"], len(self.alerts())), (1, 1, 2))


if __name__ == "__main__":
    unittest.main()
