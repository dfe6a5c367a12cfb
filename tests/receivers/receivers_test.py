"""What sinks say as real receivers hear it: a mail server, Alertmanager, rsyslog. SINK_PROBE names the program that makes one attempt."""
import email
import email.policy
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = os.environ.get("SINK_PROBE", os.path.join(HERE, "../../build/dev/sink_probe"))
NODE_MODULES = os.path.join(HERE, "../../build/deps/npm/node_modules")
RSYSLOGD = shutil.which("rsyslogd", path=os.environ.get("PATH", "") + ":/usr/sbin")
NOTICE = {
    "event": "firing", "tenant": "default", "time": "2026-11-21T18:00:00Z",
    "rule": {"id": "r1", "name": "Plätze <voll>", "severity": "high", "labels": {"team": "ops"}, "meta": {"description": "No room.", "runbook": "https://run/1"}},
    "alert": {"id": "7", "state": "firing", "start": "2026-11-21T17:59:00Z", "matches": 2, "group": {"host": "a"}},
    "records": [{"message": "disk & full"}], "records_total": 2,
}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def until(condition, seconds=60):
    """Waits until `condition` is true; its last value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


def attempt(type, config, notice=NOTICE, ca_file=""):
    ended = subprocess.run([PROBE, type, json.dumps(config), json.dumps(notice), ca_file], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


class Receivers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def run_beside(self, *command, env=None, stdout=subprocess.DEVNULL):
        process = subprocess.Popen(command, env={**os.environ, **(env or {})}, cwd=self.folder, stdout=stdout, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout and process.stdout.close()))
        return process

    @unittest.skipUnless(shutil.which("node") and os.path.isdir(NODE_MODULES), "no node or no smtp-server here")
    def test_a_mail_arrives_encrypted_after_being_told_to_come_back(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=mail",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"], cwd=self.folder, check=True, capture_output=True)
        certificate = self.path("cert.pem")
        mail = self.run_beside("node", os.path.join(HERE, "mail_server.js"), "key.pem", "cert.pem", env={"NODE_PATH": NODE_MODULES}, stdout=subprocess.PIPE)
        config = {"host": "127.0.0.1", "port": int(mail.stdout.readline()), "from": "log@example.com", "to": ["a@example.com"],
                  "username": "log", "password": "secret"}
        refused = attempt("email", {**config, "password": "wrong"}, ca_file=certificate)
        self.assertEqual((refused["outcome"], refused["status"]), ("final", 535))
        later = attempt("email", config, ca_file=certificate)
        self.assertEqual((later["outcome"], later["status"], later["answer"]), ("retry", 451, "come back later"))
        self.assertEqual(attempt("email", config, ca_file=certificate)["outcome"], "delivered")
        message = json.loads(mail.stdout.readline())
        self.assertEqual((message["to"], message["tls"]), (["a@example.com"], True))
        parsed = email.message_from_string(message["text"], policy=email.policy.default)
        self.assertEqual(parsed["subject"], "Plätze <voll> (high)")
        self.assertEqual(parsed["message-id"], "<msg_p5jXN8AQM9LWM0D4loKWxJek@neurallog>")
        self.assertEqual(parsed["references"], "<alert_7@neurallog>")
        plain, html = parsed.iter_parts()
        self.assertIn("disk & full", plain.get_content())
        self.assertIn("<pre>disk &amp; full", html.get_content())
        never = attempt("email", {**config, "to": ["nobody@example.com"]}, ca_file=certificate)
        self.assertEqual((never["outcome"], never["status"]), ("final", 550))
        stranger = attempt("email", config)
        self.assertEqual(stranger["outcome"], "retry")
        self.assertIn("tls", stranger["error"])

    @unittest.skipUnless(shutil.which("prometheus-alertmanager"), "no prometheus-alertmanager here")
    def test_alertmanager_shows_the_alert_and_its_end(self):
        port = free_port()
        self.write("am.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n")
        self.run_beside("prometheus-alertmanager", "--config.file=am.yml", "--storage.path=am", f"--web.listen-address=127.0.0.1:{port}",
                        "--cluster.listen-address=")
        config = {"url": f"http://127.0.0.1:{port}", "labels": {"site": "x"}}

        def alerts():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/alerts", timeout=10) as answer:
                return json.load(answer)

        self.assertTrue(until(lambda: attempt("alertmanager", config)["outcome"] == "delivered"))
        shown = until(alerts)
        self.assertEqual([alert["labels"] for alert in shown],
                         [{"alertname": "Plätze <voll>", "severity": "high", "tenant": "default", "host": "a", "team": "ops", "site": "x"}])
        self.assertIn("disk & full", shown[0]["annotations"]["description"])
        self.assertEqual(shown[0]["annotations"]["runbook_url"], "https://run/1")
        over = {**NOTICE, "event": "resolved", "alert": {**NOTICE["alert"], "resolved": "2026-11-21T18:00:00Z"}}
        self.assertEqual(attempt("alertmanager", config, over)["outcome"], "delivered")
        self.assertTrue(until(lambda: alerts() == []))

    @unittest.skipUnless(RSYSLOGD, "no rsyslogd here")
    def test_rsyslog_writes_the_lines_with_their_parts(self):
        tcp, udp, out = free_port(), free_port(), self.path("out.log")
        self.write("rsyslog.conf", 'module(load="imtcp")\nmodule(load="imudp")\n'
                   f'input(type="imtcp" port="{tcp}" address="127.0.0.1")\ninput(type="imudp" port="{udp}" address="127.0.0.1")\n'
                   'template(name="t" type="string" string="%syslogfacility%.%syslogseverity% %hostname% %app-name% %msgid% %msg%\\n")\n'
                   f'action(type="omfile" file="{out}" template="t")\n')
        self.run_beside(RSYSLOGD, "-n", "-f", self.path("rsyslog.conf"), "-i", self.path("pid"))

        def lines():
            if not os.path.exists(out):
                return []
            with open(out, encoding="utf-8") as written:
                return [line for line in written.read().splitlines() if "neurallog" in line]

        over_tcp = {"host": "127.0.0.1", "port": tcp, "app_name": "over-tcp"}
        self.assertTrue(until(lambda: attempt("syslog", over_tcp)["outcome"] == "delivered"))
        id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
        self.assertEqual(until(lines), [f"16.3 neurallog over-tcp {id} Plätze <voll> host=a | disk & full"])
        over_udp = {"host": "127.0.0.1", "port": udp, "protocol": "udp", "app_name": "over-udp", "facility": 4}

        def arrives():
            return attempt("syslog", over_udp)["outcome"] == "delivered" and any(line.startswith(f"4.3 neurallog over-udp {id}") for line in lines())

        self.assertTrue(until(arrives), lines())


if __name__ == "__main__":
    unittest.main()
