"""What nobody wants to be told: groups, silences, maintenance windows, inhibitions and time intervals, also after kill -9."""
import time
import unittest

from actions_test import ActionsCase
from harness import until


class NoiseCase(ActionsCase):
    def put(self, path, **members):
        status, answer = self.ask("POST", path, members)
        self.assertEqual(status, 201, answer)
        return answer

    def alert_rule(self, name="disk", more=""):
        self.rule(name, "[{action: ops, on: alert, send_resolved: true}]", "suppress: {key: [host], cooldown: 1ms}\n" + more)

    def fire(self, *hosts, message="disk"):
        self.server.post([{"message": message, "host": host} for host in hosts])
        self.assertTrue(until(lambda: set(hosts) <= {a["group"].get("host") for a in self.get("/v1/alerts?state=firing")["alerts"]}))

    def notices(self, **params):
        """What was told, oldest first."""
        found = self.deliveries(state="delivered", **params)
        return [self.get("/v1/deliveries/" + d["id"])["notice"] for d in reversed(found)]

    def hosts(self):
        """Of every notice its event and hosts."""
        return [(n["event"], sorted(i["alert"]["group"]["host"] for i in n.get("alerts", [n]))) for n in self.notices()]


class GroupTest(NoiseCase):
    def test_alerts_of_a_group_are_one_notice(self):
        group = {"by": ["rule"], "wait": "1s", "interval": "1s", "repeat": "1h"}
        action = self.action(id="ops", group=group)
        self.assertEqual(action["group"], {**group, "max_items": 100})
        self.alert_rule(more="resolve_timeout: 3s\n")
        self.fire("a", "b", "c")
        self.assertTrue(until(lambda: ("firing", ["a", "b", "c"]) in self.hosts(), 20), self.hosts())
        notice = self.notices()[0]
        self.assertEqual((notice["group"], notice["summary"], notice["firing"], notice["resolved"]), ({"rule": "disk"}, "3 firing", 3, 0))
        self.assertEqual(sorted(r["host"] for r in notice["records"]), ["a", "b", "c"])
        self.assertTrue(until(lambda: ("resolved", ["a", "b", "c"]) in self.hosts(), 20), self.hosts())
        self.assertEqual(len(self.notices()), 2)
        first, last = self.deliveries()
        self.assertEqual(first["group_id"], last["group_id"])

    def test_matches_of_a_group_are_one_notice_also_after_kill_9(self):
        self.action(id="ops", group={"by": ["service"], "wait": "4s", "max_items": 2})
        self.rule("disk", "[{action: ops}]")
        self.server.post([{"message": "disk", "service": "a", "n": n} for n in range(5)] + [{"message": "disk", "service": "b"}])
        self.assertTrue(until(lambda: self.server.metric("neurallog_notice_groups") == 2))
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.metric("neurallog_notice_groups"), 2)
        self.wait_for(2, state="delivered")
        by_service = {n["group"]["service"]: n for n in self.notices()}
        self.assertEqual({s: n["matches_total"] for s, n in by_service.items()}, {"a": 5, "b": 1})
        self.assertEqual([r["n"] for r in by_service["a"]["records"]], [0, 1])


class MuteTest(NoiseCase):
    def test_a_silence_holds_back_what_it_matches_until_it_is_ended(self):
        self.action(id="ops")
        self.alert_rule()
        silence = self.put("/v1/silences", matchers=["host=~a|b", "alertname=disk"], duration="1h", created_by="me", comment="work")
        self.assertEqual((silence["state"], silence["matchers"]), ("active", ['host=~"a|b"', 'alertname="disk"']))
        self.fire("a", "b", "c")
        self.assertTrue(until(lambda: self.hosts() == [("firing", ["c"])]), self.hosts())
        alert = next(a for a in self.get("/v1/alerts")["alerts"] if a["group"]["host"] == "a")
        self.assertEqual(alert["muted_by"], ["silence " + silence["id"]])
        (gone,) = (a for a in self.get("/v1/alerts")["alerts"] if a["group"]["host"] == "b")
        self.assertEqual(self.ask("POST", f"/v1/alerts/{gone['alert_id']}:resolve", {})[0], 200)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.get("/v1/silences?state=active")["silences"], [silence])
        self.assertEqual(self.ask("DELETE", "/v1/silences/" + silence["id"])[0], 204)
        self.assertEqual(self.get("/v1/silences/" + silence["id"])["state"], "expired")
        self.assertTrue(until(lambda: len(self.hosts()) == 2, 20), self.hosts())
        self.assertEqual(self.hosts(), [("firing", ["c"]), ("firing", ["a"])])

    def test_an_alert_is_inhibited_by_one_of_the_same_host(self):
        self.action(id="ops")
        self.rule("down", "[]", "suppress: {key: [host], cooldown: 1ms}\nfor: 1ms\n")
        self.alert_rule()
        inhibition = self.put("/v1/inhibitions", source_matchers=["rule=down"], target_matchers=["rule=disk"], equal=["host"])
        self.fire("a", message="down")
        self.fire("a", "b")
        self.assertTrue(until(lambda: self.hosts() == [("firing", ["b"])]), self.hosts())
        muted = {a["group"]["host"]: a.get("muted_by") for a in self.get("/v1/alerts?rule=disk")["alerts"]}
        self.assertEqual(muted, {"a": ["inhibition " + inhibition["id"]], "b": None})
        self.assertEqual(self.ask("DELETE", "/v1/inhibitions/" + inhibition["id"])[0], 204)
        self.assertTrue(until(lambda: ("firing", ["a"]) in self.hosts(), 20), self.hosts())

    def test_a_maintenance_window_and_a_mute_time_hold_back_all(self):
        now = {"time_intervals": [{"years": [time.strftime("%Y:2099", time.gmtime())], "location": "Europe/Berlin"}]}
        self.put("/v1/time-intervals", id="always", **now)
        self.action(id="ops", mute_time_intervals=["always"])
        self.action(id="other")
        self.rule("disk", "[{action: ops}, {action: other}]")
        self.server.post([{"message": "disk"}])
        self.wait_for(1, action="other", state="delivered")
        self.assertTrue(until(lambda: self.server.metric("neurallog_notices_muted_total") == 1))
        window = self.put("/v1/maintenance-windows", comment="upgrade", **now)
        self.assertEqual(window["state"], "active")
        self.server.post([{"message": "disk"}])
        self.assertTrue(until(lambda: self.server.metric("neurallog_notices_muted_total") == 3))
        self.assertEqual(self.ask("DELETE", "/v1/time-intervals/always")[0], 409)
        self.assertEqual(self.ask("DELETE", "/v1/maintenance-windows/" + window["id"])[0], 204)
        self.server.post([{"message": "disk"}])
        self.wait_for(2, action="other", state="delivered")
        self.assertEqual(self.deliveries(action="ops"), [])

    def test_what_is_wrong_is_named(self):
        for path, body, problem in (
                ("/v1/silences", {"matchers": ["host"], "duration": "1h"}, "matchers: host: expected a label, =, !=, =~ or !~, and a value"),
                ("/v1/silences", {"duration": "1h"}, "matchers: expected one at least"),
                ("/v1/inhibitions", {"source_matchers": ["a=b"], "equal": "x"}, "equal: expected up to 32 names of labels"),
                ("/v1/time-intervals", {"id": "x", "time_intervals": [{"location": "Mars"}]},
                 "time_intervals: location: there is no time zone Mars: expected one of the IANA database, such as Europe/Berlin"),
                ("/v1/maintenance-windows", {"time_intervals": []}, "time_intervals: expected 1 to 32 of them"),
                ("/v1/actions", {"id": "ops", "type": "test", "group": {"wait": "1s"}},
                 'group: by is missing: names of labels; ["..."] for each alert by itself'),
                ("/v1/actions", {"id": "ops", "type": "test", "group": {"by": [], "wait": "soon"}}, "group: wait: expected a duration of 0s to 30d")):
            status, answer = self.ask("POST", path, body)
            self.assertEqual((status, answer["detail"]), (400, problem), path)
        self.assertEqual(self.ask("GET", "/v1/silences/none")[0], 404)
        self.assertEqual(self.ask("DELETE", "/v1/inhibitions/none")[0], 404)


if __name__ == "__main__":
    unittest.main()
