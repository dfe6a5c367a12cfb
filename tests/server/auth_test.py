#!/usr/bin/env python3
"""Who may do what: keys, roles and tenants, and that one tenant never sees another's rows."""
import base64
import http.client
import json
import os
import shutil
import tempfile
import threading
import time
import unittest

from harness import ProblemAssertions, Server, run


def bearer(key):
    return {"Authorization": "Bearer " + key}


def basic(user, key):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()}


class Offline:
    """The command line on a data folder that no server has open."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *arguments):
        return run(*arguments, "--data-dir", self.folder)

    def tenant(self, name):
        finished = self.run("tenant", "create", name)
        assert finished.returncode == 0, finished.stderr

    def key(self, *arguments):
        finished = self.run("key", "create", *arguments)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.strip()


class FolderTest(ProblemAssertions, unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="neurallog-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.offline = Offline(self.folder)

    def serve(self, *flags, **options):
        server = Server(*flags, data_dir=self.folder, **options)
        self.addCleanup(server.close)
        return server

    def bytes_of_folder(self):
        for root, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(root, name), "rb") as file:
                    yield os.path.join(root, name), file.read()


class CommandLineTest(FolderTest):
    def test_tenants_and_keys_are_made_listed_and_deleted_offline(self):
        self.offline.tenant("acme")
        self.assertEqual(self.offline.run("tenant", "create", "acme").returncode, 1)
        names = [line.split("\t")[0] for line in self.offline.run("tenant", "list").stdout.splitlines()]
        self.assertEqual(sorted(names), ["acme", "default"])
        key = self.offline.key("--tenant", "acme", "--role", "read", "--name", "dashboards")
        self.assertRegex(key, r"^nlk_[0-9a-f]{48}$")
        listed = self.offline.run("key", "list").stdout
        self.assertNotIn(key, listed)
        key_id, role, tenant, _, name = listed.strip().split("\t")
        self.assertEqual((role, tenant, name), ("read", "acme", "dashboards"))
        self.assertEqual(self.offline.run("key", "revoke", key_id).returncode, 0)
        self.assertEqual(self.offline.run("key", "revoke", key_id).returncode, 1)
        self.assertEqual(self.offline.run("key", "list").stdout, "")
        self.assertEqual(self.offline.run("tenant", "delete", "acme").returncode, 0)
        self.assertEqual(self.offline.run("tenant", "delete", "acme").returncode, 1)

    def test_bad_names_roles_and_tenants_are_refused_and_named(self):
        for arguments, text in ((("tenant", "create", "a/b"), "a/b"), (("key", "create", "--tenant", "nobody"), "nobody"),
                                (("key", "create", "--tenant", "default", "--role", "king"), "king"),
                                (("key", "create", "--role", "admin", "--tenant", "default"), "default"),
                                (("key", "revoke", "nokey"), "nokey"), (("tenant", "delete", "nobody"), "nobody")):
            finished = self.offline.run(*arguments)
            self.assertEqual(finished.returncode, 1, arguments)
            self.assertIn(text, finished.stderr)

    def test_a_folder_that_a_server_uses_is_left_alone(self):
        self.serve()
        finished = self.offline.run("tenant", "create", "acme")
        self.assertEqual(finished.returncode, 1)
        self.assertIn("--server", finished.stderr)

    def test_through_the_server_with_an_admin_key(self):
        admin = self.offline.key("--role", "admin")
        server = self.serve()
        target = ("--server", f"http://127.0.0.1:{server.port}", "--admin-key", admin)
        self.assertEqual(run("tenant", "create", "acme", *target).returncode, 0)
        names = [tenant["name"] for tenant in json.loads(run("tenant", "list", *target).stdout)["tenants"]]
        self.assertEqual(sorted(names), ["acme", "default"])
        made = json.loads(run("key", "create", "--tenant", "acme", *target).stdout)
        self.assertEqual(server.post({"a": 1}, headers=bearer(made["key"]))[0], 200)
        listed = run("key", "list", *target).stdout
        self.assertNotIn(made["key"], listed)
        self.assertEqual({key["id"] for key in json.loads(listed)["keys"] if key["role"] != "admin"}, {made["id"]})
        self.assertEqual(run("key", "revoke", made["id"], *target).returncode, 0)
        self.assertEqual(server.post({"a": 1}, headers=bearer(made["key"]))[0], 401)
        self.assertEqual(run("tenant", "delete", "acme", *target).returncode, 0)
        wrong = run("tenant", "list", "--server", target[1], "--admin-key", "nlk_wrong")
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("401", wrong.stderr)
        by_env = run("tenant", "list", "--server", target[1], env={"NEURALLOG_ADMIN_KEY": admin})
        self.assertEqual(by_env.returncode, 0)

    def test_healthcheck_exits_0_only_when_the_server_is_ready(self):
        server = self.serve()
        address = f"http://127.0.0.1:{server.port}"
        self.assertEqual(run("healthcheck", "--server", address).returncode, 0)
        server.stop()
        self.assertEqual(run("healthcheck", "--server", address).returncode, 1)


class RoleTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.server.post({"name": "acme"}, "/v1/tenants")
        self.keys = {"admin": self.server.post({"role": "admin"}, "/v1/keys")[1]["key"]}
        for role in ("readwrite", "write", "read"):
            self.keys[role] = self.server.post({"role": role, "tenant": "acme"}, "/v1/keys", bearer(self.keys["admin"]))[1]["key"]

    def status(self, role, method, target, body=None):
        return self.server.request(method, target, body, bearer(self.keys[role]))[0]

    def test_each_role_may_do_its_own_and_nothing_else(self):
        reads = (("GET", "/v1/logs", None), ("GET", "/v1/logs/search", None), ("POST", "/v1/logs/search", b""), ("GET", "/select/logsql/query?query=*", None),
                 ("POST", "/select/logsql/query?query=*", b""), ("POST", "/v1/logs?query=*", b""))
        writes = (("POST", "/v1/logs", b'{"a":1}'), ("POST", "/insert/jsonline", b'{"a":1}'))
        admin = (("GET", "/v1/tenants", None), ("GET", "/v1/keys", None), ("POST", "/v1/tenants", b'{"name":"a b"}'), ("POST", "/v1/keys", b'{"role":"x"}'),
                 ("DELETE", "/v1/tenants/nobody", None), ("DELETE", "/v1/keys/nokey", None))
        for role in self.keys:
            for request in reads:
                expected = 200 if role in ("readwrite", "read") else 403
                self.assertEqual(self.status(role, *request), expected, (role, request))
            for request in writes:
                expected = 200 if role in ("readwrite", "write") else 403
                self.assertEqual(self.status(role, *request), expected, (role, request))
            for request in admin:
                self.assertEqual(self.status(role, *request) != 403, role == "admin", (role, request))

    def test_a_form_that_searches_needs_the_right_to_read(self):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for role, expected in (("write", 403), ("read", 200)):
            status = self.server.request("POST", "/v1/logs", "query=*", {**bearer(self.keys[role]), **form})[0]
            self.assertEqual(status, expected, role)

    def test_large_bodies_are_checked_like_small_ones(self):
        body = b'{"a":"' + b"x" * 100_000 + b'"}'
        self.assertEqual(self.status("read", "POST", "/v1/logs", body), 403)
        self.assertEqual(self.status("admin", "POST", "/v1/logs", body), 403)
        self.assertEqual(self.status("write", "POST", "/v1/logs", body), 200)

    def test_bearer_basic_and_x_api_key_all_work(self):
        key = self.keys["readwrite"]
        for headers in (bearer(key), {"Authorization": "bearer " + key}, basic("acme", key), basic("", key), basic("anyone", key), {"X-API-Key": key}):
            self.assertEqual(self.server.post({"a": 1}, headers=headers)[0], 200, headers)
        self.assertEqual(self.server.post({"a": 1}, headers=basic("default", key))[0], 403)
        for headers in (basic(key, ""), {"Authorization": key}, bearer(key + "0"), bearer(key[:-1]), bearer(key.upper()), {"X-API-Key": ""}):
            self.assertEqual(self.server.post({"a": 1}, headers=headers)[0], 401, headers)

    def test_probes_and_metrics_need_no_key(self):
        for target in ("/healthz", "/health", "/readyz", "/metrics", "/"):
            self.assertEqual(self.server.request("GET", target)[0], 200, target)

    def test_a_revoked_key_is_refused_at_once_and_after_a_restart(self):
        headers = bearer(self.keys["admin"])
        status, _, body = self.server.request("GET", "/v1/keys", headers=headers)
        ids = {key["role"]: key["id"] for key in json.loads(body)["keys"]}
        self.assertEqual(self.status("read", "GET", "/v1/logs"), 200)
        self.assertEqual(self.server.request("DELETE", "/v1/keys/" + ids["read"], headers=headers)[0], 204)
        self.assertEqual(self.status("read", "GET", "/v1/logs"), 401)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.status("read", "GET", "/v1/logs"), 401)
        self.assertEqual(self.status("readwrite", "GET", "/v1/logs"), 200)

    def test_an_open_connection_is_refused_after_its_key_is_revoked(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        self.addCleanup(connection.close)
        statuses = []
        for _ in range(2):
            connection.request("GET", "/v1/logs", headers=bearer(self.keys["read"]))
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
            listed = json.loads(self.server.request("GET", "/v1/keys", headers=bearer(self.keys["admin"]))[2])["keys"]
            for key in listed:
                if key["role"] == "read":
                    self.server.request("DELETE", "/v1/keys/" + key["id"], headers=bearer(self.keys["admin"]))
        self.assertEqual(statuses, [200, 401])

    def test_the_text_of_a_key_is_nowhere_in_the_data_folder(self):
        made = json.loads(self.server.request("POST", "/v1/keys", b'{"tenant":"acme"}', bearer(self.keys["admin"]))[2])["key"]
        self.assertEqual(self.server.post({"a": 1}, headers=bearer(made))[0], 200)
        self.assertEqual(self.server.request("GET", "/v1/logs", headers=bearer(made + "x"))[0], 401)
        self.server.stop()
        texts = [*self.keys.values(), made]
        needles = [text.encode() for text in texts] + [bytes.fromhex(text[4:]) for text in texts]
        for path, content in self.bytes_of_folder():
            for needle in needles:
                self.assertNotIn(needle, content, path)


class TenantTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve("--storage-block-rows=64")
        for tenant in ("acme", "globex"):
            self.server.post({"name": tenant}, "/v1/tenants")
        self.admin = self.server.post({"role": "admin"}, "/v1/keys")[1]["key"]
        self.keys = {tenant: self.server.post({"tenant": tenant}, "/v1/keys", bearer(self.admin))[1]["key"] for tenant in ("acme", "globex", "default")}

    def messages(self, server, key):
        return sorted(row["message"] for row in server.search(headers=bearer(key)))

    def assert_apart(self, server):
        for tenant, key in self.keys.items():
            self.assertEqual(self.messages(server, key), sorted(f"secret of {tenant} {i}" for i in range(200)))
            for query in ("*", "secret", "message:*", "message:~'secret.*'", "* or acme or globex", "!nothing"):
                self.assertEqual(server.count(query, headers=bearer(key)), 200, query)
            others = [other for other in self.keys if other != tenant]
            for other in others:
                self.assertEqual(server.count(other, headers=bearer(key)), 0)

    def test_tenants_never_see_each_others_rows_unsealed_sealed_or_replayed(self):
        server = self.server
        for i in range(200):
            for tenant, key in self.keys.items():
                if i % 50 == 0:
                    rows = [{"timestamp": f"2025-06-0{1 + i // 50}T00:00:00Z", "message": f"secret of {tenant} {i + j}"} for j in range(50)]
                    self.assertEqual(server.post(rows, headers=bearer(key))[0], 200)
        self.assert_apart(server)
        server.kill()
        server.start()
        self.assert_apart(server)
        self.assertEqual(server.restart(), 0)
        self.assert_apart(server)

    def test_rows_of_a_deleted_tenant_stay_away_when_its_name_is_used_again(self):
        server, admin = self.server, bearer(self.admin)
        for _ in range(2):
            rows = [{"timestamp": "2025-06-01T00:00:00Z", "message": f"row {i}"} for i in range(150)]
            self.assertEqual(server.post(rows, headers=bearer(self.keys["acme"]))[0], 200)
            self.assertEqual(server.post(rows[:1], headers=bearer(self.keys["globex"]))[0], 200)
            self.assertEqual(server.request("DELETE", "/v1/tenants/acme", headers=admin)[0], 202)
            self.assertEqual(server.request("GET", "/v1/logs", headers=bearer(self.keys["acme"]))[0], 401)
            self.assertEqual(server.request("POST", "/v1/tenants", b'{"name":"acme"}', admin)[0], 201)
            self.assertEqual(server.request("GET", "/v1/logs", headers=bearer(self.keys["acme"]))[0], 401)
            self.keys["acme"] = json.loads(server.request("POST", "/v1/keys", b'{"tenant":"acme"}', admin)[2])["key"]
            self.assertEqual(server.count("*", headers=bearer(self.keys["acme"])), 0)
            server.kill()
            server.start()
            self.assertEqual(server.count("*", headers=bearer(self.keys["acme"])), 0)
        self.assertEqual(server.restart(), 0)
        self.assertEqual(server.count("*", headers=bearer(self.keys["acme"])), 0)
        self.assertEqual(server.count("*", headers=bearer(self.keys["globex"])), 2)

    def test_a_tenant_that_is_deleted_while_it_writes_leaves_nothing_behind(self):
        server, admin = self.server, bearer(self.admin)
        statuses = []

        def write():
            for _ in range(2000):
                statuses.append(server.post([{"timestamp": "2025-06-01T00:00:00Z", "n": 1}] * 20, headers=bearer(self.keys["acme"]))[0])
                if statuses[-1] != 200:
                    return
        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        time.sleep(0.4)
        self.assertEqual(server.request("DELETE", "/v1/tenants/acme", headers=admin)[0], 202)
        for writer in writers:
            writer.join()
        self.assertEqual(set(statuses) - {200}, {401})
        self.assertEqual(server.request("POST", "/v1/tenants", b'{"name":"acme"}', admin)[0], 201)
        key = json.loads(server.request("POST", "/v1/keys", b'{"tenant":"acme"}', admin)[2])["key"]
        for end in (lambda: None, server.kill, server.stop):
            if end():
                self.fail("the server did not stop cleanly")
            if server.process.poll() is not None:
                server.start()
            self.assertEqual(server.count("*", headers=bearer(key)), 0)
        self.assertEqual(server.post({"n": 1}, headers=bearer(key))[0], 200)
        self.assertEqual(server.count("*", headers=bearer(key)), 1)

    def test_a_deleted_default_tenant_does_not_come_back_with_its_rows(self):
        server = self.server
        self.assertEqual(server.post({"message": "gone"}, headers=bearer(self.keys["default"]))[0], 200)
        self.assertEqual(server.request("DELETE", "/v1/tenants/default", headers=bearer(self.admin))[0], 202)
        self.assertEqual(server.restart(), 0)
        names = [tenant["name"] for tenant in json.loads(server.request("GET", "/v1/tenants", headers=bearer(self.admin))[2])["tenants"]]
        self.assertEqual(sorted(names), ["acme", "globex"])
        self.assertEqual(server.request("POST", "/v1/tenants", b'{"name":"default"}', bearer(self.admin))[0], 201)
        key = json.loads(server.request("POST", "/v1/keys", b'{"tenant":"default"}', bearer(self.admin))[2])["key"]
        self.assertEqual(server.count("*", headers=bearer(key)), 0)


class OpenModeTest(FolderTest):
    def test_the_first_key_closes_the_open_mode(self):
        server = self.serve()
        self.assertEqual(server.post({"a": 1})[0], 200)
        self.assertIn("without a key", server.stderr())
        status, _, body = server.request("POST", "/v1/keys", b'{"role":"admin"}')
        self.assertEqual(status, 201)
        admin = json.loads(body)["key"]
        for method, target in (("GET", "/v1/logs"), ("POST", "/v1/logs"), ("GET", "/v1/tenants"), ("GET", "/v1/keys")):
            self.assert_problem(server.request(method, target, b'{"a":1}' if method == "POST" else None), 401)
        key = json.loads(server.request("POST", "/v1/keys", b'{"tenant":"default"}', bearer(admin))[2])["key"]
        self.assertEqual(server.count("*", headers=bearer(key)), 1)

    def test_revoking_the_last_key_does_not_hand_the_rows_to_everyone(self):
        self.offline.key("--tenant", "default")
        server = self.serve()
        server.stop()
        admin = self.offline.key("--role", "admin")
        server.start()
        keys = json.loads(server.request("GET", "/v1/keys", headers=bearer(admin))[2])["keys"]
        for key in sorted(keys, key=lambda key: key["role"] == "admin"):
            self.assertEqual(server.request("DELETE", "/v1/keys/" + key["id"], headers=bearer(admin))[0], 204)
        self.assert_problem(server.request("GET", "/v1/logs"), 401)

    def test_a_public_address_without_keys_does_not_start(self):
        for listen in ("0.0.0.0:0", "[::]:0"):
            finished = run("serve", "--listen", listen, "--data-dir", self.folder)
            self.assertEqual(finished.returncode, 1, finished.stderr)
            for text in (listen, "key create"):
                self.assertIn(text, finished.stderr)

    def test_a_public_address_with_a_key_starts_and_asks_for_it(self):
        key = self.offline.key("--tenant", "default")
        server = self.serve(listen="0.0.0.0:0")
        self.assertEqual(server.post({"a": 1})[0], 401)
        self.assertEqual(server.post({"a": 1}, headers=bearer(key))[0], 200)

    def test_auth_required_always_is_never_open(self):
        server = self.serve("--auth-required=always")
        self.assertEqual(server.post({"a": 1})[0], 401)
        self.assertEqual(server.request("GET", "/v1/tenants")[0], 401)
        self.assertEqual(server.request("POST", "/v1/keys", b'{"role":"admin"}')[0], 401)
        server.stop()
        key = self.offline.key("--tenant", "default")
        server.start()
        self.assertEqual(server.post({"a": 1}, headers=bearer(key))[0], 200)

    def test_localhost_and_ipv6_loopback_are_open(self):
        for listen in ("localhost:0", "[::1]:0"):
            try:
                server = self.serve(listen=listen)
            except RuntimeError as error:
                self.assertIn("listen", str(error))
                continue
            server.stop()


if __name__ == "__main__":
    unittest.main()
