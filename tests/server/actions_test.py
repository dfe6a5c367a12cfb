"""From a log to whoever is told of it: actions of rules, their deliveries and dead letters, also after kill -9."""
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import unittest

from harness import BINARY, Server, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from openapi import Document

RULE = "name: {name}\nseverity: high\ndetection: {{a: {{message: {name}}}, condition: a}}\n"


class Receiver:
    """Takes webhooks; `answer(request)` gives (status, headers), and may take its time."""

    def __init__(self, answer=lambda request: (200, {})):
        self.requests, self.answer = [], answer
        outer, lock = self, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = {"id": self.headers["webhook-id"], "notice": json.loads(body), "time": time.monotonic()}
                status, headers = outer.answer(request)
                request["status"] = status
                with lock:
                    outer.requests.append(request)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                """A server that was killed breaks its connections."""

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class ActionsCase(unittest.TestCase):
    FLAGS = ()

    def setUp(self):
        self.server = Server(*self.FLAGS)
        self.addCleanup(self.server.close)
        self.document = Document(self.server.request("GET", "/v1/openapi.json")[2])

    def ask(self, method, target, body=None, headers=None):
        """The answer, which must be as it is described."""
        body = json.dumps(body) if isinstance(body, dict) else body
        status, headers, answer = self.server.request(method, target, body, headers)
        self.assertEqual(self.document.problems(method, target, status, headers.get("content-type", ""), answer), [])
        return status, json.loads(answer) if answer else None

    def action(self, **members):
        status, action = self.ask("POST", "/v1/actions", {"type": "test", **members})
        self.assertEqual(status, 201, action)
        return action

    def rule(self, name, actions, more=""):
        status, rule = self.ask("PUT", "/v1/rules/" + name, RULE.format(name=name) + more + f"actions: {actions}\n")
        self.assertIn(status, (200, 201), rule)
        return rule

    def get(self, target):
        status, answer = self.ask("GET", target)
        self.assertEqual(status, 200, answer)
        return answer

    def deliveries(self, **params):
        """All of them, page by page."""
        found, cursor = [], ""
        while True:
            query = "&".join(f"{k}={v}" for k, v in {"limit": 1000, **params, "cursor": cursor}.items())
            page = self.get("/v1/deliveries?" + query)
            found += page["deliveries"]
            cursor = page.get("cursor")
            if not cursor:
                return found

    def wait_for(self, count, **params):
        self.assertTrue(until(lambda: len(self.deliveries(**params)) == count, 20), self.deliveries())
        return self.deliveries(**params)


class JourneyTest(ActionsCase):
    def test_a_match_becomes_a_delivery(self):
        self.assertEqual(self.action(name="Ops")["id"], "ops")
        rule = self.rule("disk", "[{action: ops}]")
        self.assertEqual(rule["actions"], [{"action": "ops", "on": "match", "send_resolved": False}])
        self.server.post([{"message": "disk", "host": "a"}, {"message": "other"}])
        (delivery,) = self.wait_for(1, state="delivered")
        self.assertEqual((delivery["action"], delivery["rule"], delivery["event"], delivery["attempts"]), ("ops", "disk", "match", 1))
        whole = self.get("/v1/deliveries/" + delivery["id"])
        notice = whole["notice"]
        self.assertEqual((notice["event"], notice["tenant"], notice["rule"]["id"], notice["rule"]["severity"]),
                         ("match", "default", "disk", "high"))
        self.assertEqual(notice["match"]["match_id"], delivery["match_id"])
        self.assertEqual([r["host"] for r in notice["records"]], ["a"])
        (attempt,) = self.get(f"/v1/deliveries/{delivery['id']}/attempts")["attempts"]
        self.assertEqual(attempt["outcome"], "delivered")
        self.assertEqual(self.server.metric('neurallog_action_attempts_total{type="test",outcome="delivered"}'), 1)
        self.assertEqual(self.server.metric("neurallog_outbox_depth"), 0)

    def test_an_alert_is_told_when_it_fires_and_when_it_is_resolved(self):
        self.action(id="ops")
        self.rule("disk", "[{action: ops, send_resolved: true}, {action: ops, on: alert, when: {severity_gte: critical}}]",
                  "resolve_timeout: 1s\nsuppress: {key: [host], cooldown: 1ms}\nmeta: {runbook: http://wiki/disk}\nlabels: {team: core}\n")
        self.server.post([{"message": "disk", "host": "a"}])
        resolved, firing = self.wait_for(2, state="delivered")
        self.assertEqual([firing["event"], resolved["event"]], ["firing", "resolved"])
        self.assertEqual(firing["alert_id"], resolved["alert_id"])
        notice = self.get("/v1/deliveries/" + firing["id"])["notice"]
        self.assertEqual((notice["alert"]["state"], notice["alert"]["group"], notice["rule"]["labels"], notice["rule"]["meta"]["runbook"]),
                         ("firing", {"host": "a"}, {"team": "core"}, "http://wiki/disk"))
        self.assertEqual([r["message"] for r in notice["records"]], ["disk"])
        self.assertEqual(self.get("/v1/deliveries/" + resolved["id"])["notice"]["alert"]["state"], "resolved")

    def test_a_finding_for_an_action_that_is_not_there_is_a_dead_letter(self):
        self.rule("disk", "[{action: later}]")
        self.server.post([{"message": "disk"}])
        (dead,) = self.wait_for(1, state="dead")
        self.assertEqual(dead["reason"], "no_action")
        (letter,) = self.get("/v1/dead-letters")["dead_letters"]
        self.assertEqual(letter["id"], dead["id"])
        target = f"/v1/dead-letters/{dead['id']}"
        self.assertEqual(self.get(target)["notice"]["rule"]["id"], "disk")
        self.assertEqual(self.ask("POST", target + ":replay")[0], 409)
        self.action(id="later")
        self.assertEqual(self.ask("POST", target + ":replay"), (200, {"replayed": 1}))
        self.wait_for(1, state="delivered")
        self.assertEqual(self.get("/v1/dead-letters")["dead_letters"], [])
        self.assertEqual(self.ask("GET", target)[0], 404)

    def test_an_action_that_its_user_has_disabled_is_told_nothing(self):
        self.action(id="ops")
        self.rule("disk", "[{action: ops}]")
        status, action = self.ask("POST", "/v1/actions/ops:disable")
        self.assertEqual((status, action["state"]), (200, "disabled"))
        self.server.post([{"message": "disk"}])
        self.assertTrue(until(lambda: self.server.metric("neurallog_action_skipped_total") == 1))
        self.ask("POST", "/v1/actions/ops:enable")
        self.server.post([{"message": "disk"}])
        self.wait_for(1, state="delivered")

    def test_nothing_is_lost_or_twice_there_after_kill_9(self):
        self.action(id="ops")
        self.rule("disk", "[{action: ops}]")
        for i in range(5):
            self.assertEqual(self.server.post([{"message": "disk", "n": 100 * i + n} for n in range(100)])[0], 200)
            self.server.kill()
            self.server.start()
        self.wait_for(500, state="delivered")
        self.assertEqual(len({d["match_id"] for d in self.deliveries()}), 500)
        self.assertTrue(until(lambda: self.server.metric("neurallog_outbox_depth") == 0))

    def test_actions_have_versions_and_guard_them(self):
        self.assertEqual(self.action(id="ops")["version"], 1)
        self.assertEqual(self.ask("POST", "/v1/actions", {"id": "ops", "type": "test"})[0], 409)
        status, action = self.ask("PUT", "/v1/actions/ops", {"type": "test", "retry": {"profile": "durable"}}, {"If-Match": '"1"'})
        self.assertEqual((status, action["version"], action["retry"]["profile"]), (200, 2, "durable"))
        self.assertEqual(self.ask("PUT", "/v1/actions/ops", {"type": "test"}, {"If-Match": '"1"'})[0], 409)
        self.server.restart()
        self.assertEqual(self.get("/v1/actions/ops"), action)
        self.assertEqual([a["id"] for a in self.get("/v1/actions")["actions"]], ["ops"])
        self.assertEqual(self.ask("DELETE", "/v1/actions/ops")[0], 204)
        self.assertEqual(self.ask("GET", "/v1/actions/ops")[0], 404)

    def test_an_action_is_tried_and_shown_with_a_sample(self):
        self.action(id="ops")
        status, answer = self.ask("POST", "/v1/actions/ops:test")
        self.assertEqual((status, answer["delivered"]), (200, True))
        status, answer = self.ask("POST", "/v1/actions/ops:preview", {"notice": {"event": "mine"}})
        self.assertEqual((status, answer["preview"]), (200, '{"event":"mine"}'))
        self.assertEqual(self.ask("POST", "/v1/actions/none:test")[0], 404)
        draft = {"type": "webhook", "config": {"url": "https://example.com/x", "template": "{\"is\": \"{{rule.name}}\"}"}}
        status, answer = self.ask("POST", "/v1/actions:preview", {"action": draft, "notice": {"rule": {"name": "A \"b\""}}})
        self.assertEqual((status, answer), (200, {"endpoint": "https://example.com:443", "preview": '{"is": "A \\"b\\""}'}))
        self.assertEqual(self.ask("POST", "/v1/actions:preview", {"action": draft})[1]["preview"], '{"is": "Sample rule"}')
        for bad in ({}, {"action": {"type": "webhook"}}, {"action": {**draft, "config": {**draft["config"], "template": "{{#a}}"}}}):
            self.assertEqual(self.ask("POST", "/v1/actions:preview", bad)[0], 400, bad)
        self.assertEqual([a["id"] for a in self.get("/v1/actions")["actions"]], ["ops"])
        self.assertEqual(self.deliveries(), [])

    def test_bad_actions_are_refused(self):
        for body in ("[]", "{}", "no", {"id": "a", "type": "carrier-pigeon"}, {"id": "a/b", "type": "test"}, {"type": "test"},
                     {"id": "a", "type": "test", "config": {"x": 1}}, {"id": "a", "type": "test", "retry": {"profile": "x"}},
                     {"id": "a", "type": "test", "breaker": {"failures": 0}}, {"id": "a", "type": "test", "rate_limit": {"per_second": -1}},
                     {"id": "a", "type": "test", "concurrency": 1000}, {"id": "a", "type": "test", "ordering": "x"},
                     {"id": "a", "type": "test", "colour": "x"}):
            self.assertEqual(self.ask("POST", "/v1/actions", body)[0], 400, body)
        for actions in ("ops", "[ops]", "[{}]", "[{action: a b}]", "[{action: a, when: {severity_gte: x}}]", "[{action: a, on: x}]",
                        "[{action: a, on: match, send_resolved: true}]", "[{action: a, to: b}]"):
            status, answer = self.ask("PUT", "/v1/rules/r", RULE.format(name="r") + f"actions: {actions}\n")
            self.assertEqual(status, 400, actions)
            self.assertTrue(answer["errors"], actions)
        self.assertEqual(self.ask("GET", "/v1/deliveries?state=lost")[0], 400)
        self.assertEqual(self.ask("GET", "/v1/deliveries/1")[0], 400)
        self.assertEqual(self.ask("GET", "/v1/dead-letters?reason=x")[0], 400)


class ReceiverTest(ActionsCase):
    FLAGS = ("--actions-allow-cidr", "127.0.0.0/8")

    def receiver(self, *answer):
        receiver = Receiver(*answer)
        self.addCleanup(receiver.close)
        return receiver

    def webhook(self, receiver, **members):
        return self.action(**{"id": "hook", "type": "webhook", "config": {"url": receiver.url}, **members})

    def test_a_webhook_says_what_was_found(self):
        receiver = self.receiver()
        self.webhook(receiver)
        self.rule("disk", "[{action: hook}]")
        self.server.post([{"message": "disk", "host": "a"}])
        (delivery,) = self.wait_for(1, state="delivered")
        (request,) = receiver.requests
        self.assertEqual((request["id"], request["notice"]["records"][0]["host"]), (delivery["id"], "a"))

    def test_a_receiver_that_fails_now_and_then_gets_everything_with_the_same_ids(self):
        seen = set()

        def answer(request):
            first = request["id"] not in seen
            seen.add(request["id"])
            return (503, {}) if first and len(seen) % 10 == 0 else (200, {})

        receiver = self.receiver(answer)
        self.webhook(receiver, concurrency=8)
        self.rule("disk", "[{action: hook}]")
        self.server.post([{"message": "disk", "n": n} for n in range(200)])
        self.wait_for(200, state="delivered")
        told = [r for r in receiver.requests if r["status"] == 200]
        self.assertEqual({r["id"] for r in told}, {d["id"] for d in self.deliveries()})
        self.assertEqual(len(told), 200)
        self.assertGreater(len(receiver.requests), 200)

    def test_a_receiver_that_asks_to_be_left_alone_is(self):
        times = []

        def answer(request):
            times.append(request["time"])
            return (429, {"Retry-After": "2"}) if len(times) == 1 else (200, {})

        self.webhook(self.receiver(answer))
        self.rule("disk", "[{action: hook}]")
        self.server.post([{"message": "disk"}])
        (delivery,) = self.wait_for(1, state="delivered")
        self.assertEqual(delivery["attempts"], 2)
        self.assertGreaterEqual(times[1] - times[0], 1.9)

    def test_what_is_refused_is_replayed_when_the_receiver_is_mended(self):
        mended = threading.Event()
        receiver = self.receiver(lambda request: (200, {}) if mended.is_set() else (400, {}))
        self.webhook(receiver)
        self.rule("disk", "[{action: hook}]")
        self.server.post([{"message": "disk", "n": n} for n in range(3)])
        dead = self.wait_for(3, state="dead")
        self.assertEqual({(d["reason"], d["status"]) for d in dead}, {("refused", 400)})
        self.server.restart()
        letters = self.get("/v1/dead-letters?reason=refused&action=hook")["dead_letters"]
        self.assertEqual({d["id"] for d in letters}, {d["id"] for d in dead})
        mended.set()
        url = f"http://127.0.0.1:{self.server.port}"
        run = lambda *arguments: subprocess.run([BINARY, "actions", *arguments, "--server", url], capture_output=True, text=True, check=True).stdout
        self.assertEqual(len(run("dead-letters", "-o", "json").splitlines()), 3)
        self.assertEqual(run("replay", "--new-id", dead[0]["id"]), "1 dead letters are back in the outbox\n")
        (renewed,) = self.wait_for(1, state="delivered")
        self.assertNotIn(renewed["id"], {d["id"] for d in dead})
        dead[0] = renewed
        self.assertEqual(run("replay", "--action", "hook", "--since", "1h"), "2 dead letters are back in the outbox\n")
        self.wait_for(3, state="delivered")
        self.assertEqual(sorted(r["id"] for r in receiver.requests if r["status"] == 200), sorted(d["id"] for d in dead))
        self.assertEqual(len(run("deliveries", "--state", "delivered", "-o", "json").splitlines()), 3)
        self.assertIn('"delivered":true', run("test", "hook"))
        self.assertEqual(self.server.metric("neurallog_dead_letters"), 0)

    def test_a_receiver_that_is_gone_disables_its_action_and_its_tenant_is_told(self):
        self.webhook(self.receiver(lambda request: (410, {})))
        self.rule("disk", "[{action: hook}]")
        told = self.receiver()
        self.action(id="people", type="webhook", config={"url": told.url})
        self.ask("PUT", "/v1/rules/disabled", "name: an action is disabled\nseverity: high\n"
                 "detection: {a: {source: neurallog.actions, event: action_disabled}, condition: a}\nactions: [{action: people}]\n")
        self.server.post([{"message": "disk"}])
        self.wait_for(1, state="dead", action="hook")
        self.assertTrue(until(lambda: self.get("/v1/actions/hook")["state"] == "disabled"))
        self.assertTrue(self.get("/v1/actions/hook")["reason"])
        self.server.post([{"message": "disk"}])
        self.assertEqual({d["reason"] for d in self.wait_for(2, state="dead")}, {"gone", "disabled"})
        self.assertTrue(until(lambda: len(told.requests) == 1, 20), self.deliveries())
        (record,) = told.requests[0]["notice"]["records"]
        self.assertEqual((record["action.id"], record["message"], record["level"]),
                         ("hook", "action hook is disabled: its receiver says that it is gone", "error"))
        (notice,) = self.deliveries(action=":log")
        self.assertEqual((notice["state"], notice["event"]), ("delivered", "action_disabled"))

    def test_what_was_not_delivered_when_the_process_died_is_delivered_after_it(self):
        opened = threading.Event()

        def answer(request):
            opened.wait(30)
            return 200, {}

        receiver = self.receiver(answer)
        self.webhook(receiver, concurrency=4)
        self.rule("disk", "[{action: hook}]")
        self.server.post([{"message": "disk", "n": n} for n in range(50)])
        self.wait_for(50)
        self.server.kill()
        opened.set()
        self.server.start()
        delivered = self.wait_for(50, state="delivered")
        self.assertEqual({r["id"] for r in receiver.requests}, {d["id"] for d in delivered})
        self.assertEqual({r["notice"]["match"]["record"]["n"] for r in receiver.requests}, set(range(50)))

    def test_secrets_are_shown_to_nobody_and_rotated(self):
        config = {"url": self.receiver().url, "secret": "whsec_" + "QUFB" * 8}
        action = self.webhook(self.receiver(), config=config)
        self.assertEqual(action["config"]["secret"], "***")
        action["config"]["url"] += "?x=1"
        status, changed = self.ask("PUT", "/v1/actions/hook", {"type": "webhook", "config": action["config"]})
        self.assertEqual((status, changed["config"]["secret"]), (200, "***"))
        status, rotated = self.ask("POST", "/v1/actions/hook:rotate-secret", {"secret": "whsec_" + "QkJC" * 8})
        self.assertEqual((status, rotated["config"]["secret_previous"]), (200, "***"))
        self.assertEqual(self.ask("POST", "/v1/actions/hook:rotate-secret", {"member": "url", "secret": "x"})[0], 400)
        self.server.restart()
        self.assertEqual(self.ask("POST", "/v1/actions/hook:test")[1]["delivered"], True)
        for folder, _, names in os.walk(self.server.data_dir):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"QkJCQkJC", file.read(), name)


if __name__ == "__main__":
    unittest.main()
