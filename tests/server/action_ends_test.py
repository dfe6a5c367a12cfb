"""Where actions end: a receiver with faults, the tenant's own logs, programs, and the inside, which is refused."""
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest

from harness import Server, until
from receiver import FaultyReceiver

NOTICE = {
    "event": "firing", "tenant": "default", "time": "2026-11-21T18:00:00Z",
    "rule": {"id": "r1", "name": "Plätze <voll>", "severity": "high", "labels": {"team": "ops"}, "meta": {"description": "No room.", "runbook": "https://run/1"}},
    "alert": {"id": "7", "state": "firing", "start": "2026-11-21T17:59:00Z", "matches": 2, "group": {"host": "a"}},
    "records": [{"message": "disk & full"}], "records_total": 2,
}


class EndsCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, *flags):
        self.server = Server("--actions-allow-cidr", "127.0.0.0/8", *flags)
        self.addCleanup(self.server.close)

    def ask(self, method, target, body=None):
        status, _, answer = self.server.request(method, target, json.dumps(body) if isinstance(body, dict) else body)
        self.assertLess(status, 300, answer)
        return json.loads(answer) if answer else None

    def action(self, type, config, **members):
        return self.ask("POST", "/v1/actions", {"name": type, "type": type, "config": config, **members})["id"]

    def tell(self, action, notice=NOTICE):
        return self.ask("POST", f"/v1/actions/{action}:test", {"notice": notice})


class Faults(EndsCase):
    def listed(self, target, member):
        """The ids of all, page by page."""
        found, cursor = [], ""
        while cursor is not None:
            answer = self.ask("GET", f"{target}{'&' if '?' in target else '?'}limit=1000&cursor={cursor}")
            found += answer[member]
            cursor = answer.get("cursor")
        return {one["id"] for one in found}

    def delivered(self):
        return self.listed("/v1/deliveries?state=delivered", "deliveries")

    def dead(self):
        return self.listed("/v1/dead-letters", "dead_letters")

    def tell_of(self, action, word):
        self.ask("PUT", "/v1/rules/" + word, f"name: {word}\nseverity: high\ndetection: {{a: {{message|startswith: {word}}}, condition: a}}\n"
                 f"actions: [{{action: {action}}}]\n")

    def test_a_receiver_that_is_down_gets_everything_when_it_is_back_or_when_it_is_replayed(self):
        receiver = FaultyReceiver()
        receiver.close()
        self.start()
        custom = {"profile": "custom", "base": "100ms", "cap": "500ms"}
        patient = self.action("webhook", {"url": receiver.url}, id="patient", retry={**custom, "attempts": 100}, breaker={"failures": 1000})
        hasty = self.action("webhook", {"url": receiver.url}, id="hasty", retry={**custom, "attempts": 3}, breaker={"failures": 1000})
        self.tell_of(patient, "wait")
        self.tell_of(hasty, "now")
        self.server.post([{"message": f"{word} {i}"} for word in ("wait", "now") for i in range(50)])
        self.assertTrue(until(lambda: len(self.dead()) == 50, 30), self.ask("GET", "/v1/deliveries"))
        self.assertEqual(self.delivered(), set())
        dead = self.dead()
        back = FaultyReceiver(port=receiver.port)
        self.addCleanup(back.close)
        self.assertTrue(until(lambda: len(self.delivered()) == 50, 30), self.ask("GET", "/v1/deliveries"))
        self.assertEqual(self.delivered(), back.took())
        self.assertEqual(self.ask("POST", "/v1/dead-letters:replay", {"reason": "exhausted"}), {"replayed": 50})
        self.assertTrue(until(lambda: len(self.delivered()) == 100, 30), self.ask("GET", "/v1/deliveries"))
        self.assertEqual(self.delivered(), back.took())
        self.assertLessEqual(dead, back.took())
        self.assertEqual(self.dead(), set())

    def test_every_delivery_ends_as_the_receivers_own_log_says(self):
        """A tenth fails once, some are told when to come back, some connections break, some hang, some are slow, some are refused for good."""
        def fault(id, times):
            number = hashlib.sha256(id.encode()).digest()[0]
            if number < 16:
                return 422
            if times > 1 or number >= 128:
                return 200
            return (500, ("later", 1), "reset", ("slow", 0.05), 503, "reset", 200, 200)[number % 8] if number > 18 else "hang"

        receiver = FaultyReceiver(fault)
        self.addCleanup(receiver.close)
        self.start()
        action = self.action("webhook", {"url": receiver.url, "timeout": "2s"}, breaker={"failures": 1000, "open_for": "1s"})
        self.tell_of(action, "fire")
        self.assertEqual(self.server.post([{"message": f"fire {i}"} for i in range(200)])[0], 200)

        def ended():
            delivered, dead = self.delivered(), self.dead()
            return (delivered, dead) if len(delivered) + len(dead) == 200 else None

        result = until(ended, 60)
        self.assertTrue(result, self.ask("GET", "/v1/deliveries"))
        delivered, dead = result
        self.assertEqual(delivered, receiver.took())
        self.assertEqual(dead, {id for id in receiver.seen if hashlib.sha256(id.encode()).digest()[0] < 16})
        self.assertEqual(len(receiver.seen), 200)


class MutualTls(EndsCase):
    def test_a_receiver_that_wants_a_certificate_is_shown_one_and_trusted_by_its_own(self):
        def pair(name):
            files = [os.path.join(self.folder, name + end) for end in (".pem", ".key")]
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                            "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
                           check=True, capture_output=True)
            return files

        def text(file):
            with open(file, encoding="ascii") as opened:
                return opened.read()

        server, client = pair("receiver"), pair("sender")
        receiver = FaultyReceiver()
        self.addCleanup(receiver.close)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*server)
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(client[0])
        receiver.server.socket = tls.wrap_socket(receiver.server.socket, server_side=True)
        url = receiver.url.replace("http:", "https:")
        self.start("--actions-https-only", "true")
        self.assertEqual(self.server.request("POST", "/v1/actions", json.dumps({"id": "x", "type": "webhook", "config": {"url": receiver.url}}))[0], 403)
        trusting = {"url": url, "ca_certificate": text(server[0])}
        self.assertFalse(self.tell(self.action("webhook", {"url": url}))["delivered"])
        self.assertFalse(self.tell(self.action("webhook", trusting, id="unknown"))["delivered"])
        whole = {**trusting, "client_certificate": text(client[0]), "client_key": text(client[1])}
        shown = self.tell(self.action("webhook", whole, id="known"))
        self.assertTrue(shown["delivered"], shown)
        self.assertEqual(self.ask("GET", "/v1/actions/known")["config"]["client_key"], "***")


class Inside(EndsCase):
    def test_a_stream_writes_into_the_tenants_logs_and_a_loop_ends(self):
        self.start()
        action = self.action("stream", {"message": "seen: {{rule.name}}", "fields": {"team": "ops"}})
        self.ask("PUT", "/v1/rules/loop", "name: loop\nseverity: high\ndetection: {a: {message|contains: loop}, condition: a}\n"
                 f"actions: [{{action: {action}}}]\n")
        self.assertEqual(self.server.post([{"message": "loop begins"}])[0], 200)
        self.assertTrue(until(lambda: self.server.count("team:ops") == 3, 20))
        self.assertTrue(until(lambda: len(self.ask("GET", "/v1/dead-letters")["dead_letters"]) == 1))
        rows = self.server.query('team:ops | sort by (neurallog.hops)')
        self.assertEqual([(row["neurallog.hops"], row["_msg"], row["level"]) for row in rows],
                         [(str(hops), "seen: loop", "error") for hops in (1, 2, 3)])

    def test_programs_run_only_if_the_server_lists_them(self):
        out = os.path.join(self.folder, "out")
        program = os.path.join(self.folder, "hook")
        with open(program, "w") as script:
            script.write(f'#!/bin/sh\ncat > {out}\necho "$1"\n')
        os.chmod(program, 0o755)
        self.start("--actions-exec-programs", program)
        self.assertEqual(self.server.request("POST", "/v1/actions", json.dumps({"name": "x", "type": "exec", "config": {"program": "/bin/sh"}}))[0], 403)
        ran = self.tell(self.action("exec", {"program": program, "args": ["{{rule.name}}; id"]}))
        self.assertEqual((ran["delivered"], ran["answer"]), (True, "Plätze <voll>; id\n"), ran)
        with open(out, encoding="utf-8") as written:
            self.assertEqual(json.load(written), NOTICE)

    def test_receivers_of_the_inside_are_refused_without_the_allow_list(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        receiver = FaultyReceiver()
        self.addCleanup(receiver.close)
        status, _, answer = self.server.request("POST", "/v1/actions", json.dumps({"name": "x", "type": "webhook", "config": {"url": receiver.url}}))
        self.assertEqual(status, 403, answer)
        named = self.action("webhook", {"url": receiver.url.replace("127.0.0.1", "localhost")})
        ended = self.tell(named)
        self.assertEqual(ended["outcome"], "final", ended)
        self.assertIn("not of the open internet", ended["error"])
        self.assertEqual(receiver.log, [])


if __name__ == "__main__":
    unittest.main()
