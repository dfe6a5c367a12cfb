"""The OpenAPI document and the table of routes say the same."""
import json
import os
import re
import sys
import unittest

from harness import Server

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "../../src/api")
sys.path.insert(0, os.path.join(HERE, "../support"))
from openapi import Document


class OpenApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        status, headers, cls.text = cls.server.request("GET", "/v1/openapi.json")
        assert (status, headers["content-type"]) == (200, "application/json")
        cls.document = json.loads(cls.text)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def operations(self):
        return {(method, path): operation for path, item in self.document["paths"].items() for method, operation in item.items()}

    def source(self, name):
        with open(os.path.join(SOURCE, name)) as file:
            return file.read()

    def routes(self):
        text = self.source("routes.cc")
        return {(method.lower(), path) for method, path in re.findall(r'\{Method::k(\w+),\s*"([^"]+)",\s*Access::', text)}

    def test_every_route_is_described_and_every_description_has_a_route(self):
        self.assertEqual(self.routes(), set(self.operations()))
        self.assertEqual([key for key, operation in self.operations().items() if not operation["summary"] or "responses" not in operation], [])
        described = set(re.findall(r'\{Method::k(\w+),\s*"([^"]+)",\s*"', self.source("openapi.cc")))
        self.assertLessEqual({(method.lower(), path) for method, path in described}, self.routes())

    def test_every_schema_that_is_named_exists_and_is_used(self):
        named = set(re.findall(r'"#/components/schemas/(\w+)"', self.text.decode()))
        self.assertEqual(named, set(self.document["components"]["schemas"]))

    def test_parameters_of_an_operation_are_named_once(self):
        for key, operation in self.operations().items():
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            self.assertEqual(len(names), len(set(names)), key)

    def test_a_path_with_a_segment_of_any_text_has_its_parameter(self):
        for (method, path), operation in self.operations().items():
            self.assertEqual("{id}" in path, "path" in {parameter["in"] for parameter in operation["parameters"]}, path)

    def test_answers_that_need_a_body_are_as_described(self):
        server, document = self.server, Document(self.text)
        conversation = [
            ("POST", "/v1/tenants", {"name": "acme"}), ("GET", "/v1/tenants", None), ("GET", "/v1/tenants/acme", None),
            ("PATCH", "/v1/tenants/acme", {"retention": "30d"}), ("DELETE", "/v1/tenants/acme", None), ("GET", "/v1/jobs", None),
            ("GET", "/v1/jobs/1", None), ("GET", "/v1/audit", None), ("POST", "/v1/logs", [{"message": "x"}]),
            ("POST", "/v1/logs/delete", {"query": "x"}), ("GET", "/v1/partitions", None), ("GET", "/v1/storage", None),
            ("GET", "/v1/damage", None), ("GET", "/metrics", None), ("GET", "/healthz", None), ("GET", "/readyz", None), ("GET", "/", None),
            ("POST", "/v1/backups", {"directory": self.server.data_dir + "-backup"}), ("GET", "/v1/backups/jobs", None),
            ("GET", "/v1/backups/jobs/1", None), ("GET", "/v1/nothing", None), ("DELETE", "/v1/logs", None),
            ("POST", "/v1/keys", {"role": "admin"}), ("GET", "/v1/keys", None)]
        for method, target, body in conversation:
            with self.subTest(request=f"{method} {target}"):
                status, headers, answer = server.request(method, target, json.dumps(body) if body is not None else None)
                self.assertEqual(document.problems(method, target, status, headers.get("content-type", ""), answer), [])


if __name__ == "__main__":
    unittest.main()
