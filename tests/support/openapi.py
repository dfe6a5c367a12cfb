"""Compares real answers with the server's own OpenAPI document. As much of JSON Schema as the document uses; standard library only."""
import json
import re

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}


class Document:
    def __init__(self, text):
        self.document = json.loads(text)
        self.patterns = [(re.compile("/".join("[^/]+" + re.escape(s[4:]) if s.startswith("{id}") else re.escape(s) for s in path.split("/"))), item)
                         for path, item in sorted(self.document["paths"].items(), key=lambda entry: "{id}" in entry[0])]

    def find(self, method, target):
        """The operation of a request, or None when the path or the method is not the server's."""
        path = target.partition("?")[0]
        method = "get" if method == "HEAD" else method.lower()
        exact = self.document["paths"].get(path)
        if exact is not None:
            return exact.get(method)
        found = [item[method] for pattern, item in self.patterns if pattern.fullmatch(path) and method in item]
        return found[0] if found else None

    def problems(self, method, target, status, content_type, body):
        """What is not as described, as a list of texts."""
        operation = self.find(method, target)
        if operation is None:
            return [] if status in (404, 405) else [f"{method} {target} is not described, and is answered {status}"]
        described = operation["responses"].get(str(status)) or (operation["responses"]["default"] if status >= 400 else None)
        if described is None:
            return [f"status {status} is not described"]
        if method == "HEAD" or status == 204:
            return []
        media = content_type.partition(";")[0]
        if media not in described["content"]:
            return [f"media type {media!r} is not described for status {status}"]
        if not media.endswith("json") or media == "application/x-ndjson":
            return []
        return list(self.check(described["content"][media]["schema"], json.loads(body), "body"))

    def check(self, schema, value, where):
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "oneOf" in schema:
            problems = [list(self.check(each, value, where)) for each in schema["oneOf"]]
            if problems.count([]) != 1:
                yield from min(problems, key=len) or [f"{where} is as described more than once"]
            return
        types = schema.get("type", [])
        types = [types] if isinstance(types, str) else types
        if types and not any(isinstance(value, TYPES[t]) and (t == "boolean" or not isinstance(value, bool)) for t in types):
            yield f"{where} is no {' or '.join(types)}: {value!r}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where} is none of {schema['enum']}: {value!r}"
        if isinstance(value, dict):
            yield from self.check_object(schema, value, where)
        if isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.check(schema.get("items", {}), item, f"{where}[{i}]")

    def check_object(self, schema, value, where):
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where} has no {name!r}"
        for name, member in value.items():
            described = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            if described is False:
                yield f"{where} has {name!r}, which is not described"
            elif described is not True:
                yield from self.check(described, member, f"{where}.{name}")
