#!/usr/bin/env python3
"""Runs tests/http/**/*.test: each file is a conversation with a fresh server.

usage: run.py [--update] [FILE.test ...]

A file holds steps, divided by lines of "====". A step is a request and, after "----", its answer:

    POST /v1/logs                       method and target
    Content-Type: application/json      headers; none or more
                                        an empty line, then the body if there is one
    {"message":"disk full"}
    ----
    200                                 status, then headers that must be there, then an empty line and the body
    Content-Type: application/json

    {"accepted":1,"rejected":0,"errors":[]}

"{{*}}" in an answer stands for any text. Lines that begin with "#" before the first step are comments; "flags: --x=y" there are passed to
the server. Each answer must also be as the server's OpenAPI document describes it. --update writes the answers of the server into the files (headers that are named are kept, "{{*}}" where it still fits).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT.parent / "server"), str(ROOT.parent / "support")]
from harness import Server
from openapi import Document


def split_head(text):
    head, _, body = text.partition("\n\n")
    first, *headers = head.split("\n")
    return first.strip(), [line for line in headers if line.strip()], body


def fits(expected, actual):
    pattern = ".*?".join(re.escape(part) for part in expected.split("{{*}}"))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None


def run_file(path, update):
    text = path.read_text()
    preamble, steps = [], text
    while steps.startswith(("#", "flags:", "\n")):
        line, _, steps = steps.partition("\n")
        preamble.append(line)
    flags = [flag for line in preamble if line.startswith("flags:") for flag in line[6:].split()]
    failures, written = [], []
    with Server(*flags) as server:
        document = Document(server.request("GET", "/v1/openapi.json")[2])
        for number, step in enumerate(steps.split("\n====\n"), 1):
            request, _, answer = step.partition("\n----\n")
            first, headers, body = split_head(request)
            method, target = first.split(" ", 1)
            status, got_headers, got_body = server.request(method, target, body.rstrip("\n").encode() or None,
                                                           dict(line.split(": ", 1) for line in headers))
            failures += [f"{path.relative_to(ROOT)} step {number}: {first}\n  not as described: {problem}" for problem in
                         document.problems(method, target, status, got_headers.get("content-type", ""), got_body)]
            want_status, want_headers, want_body = split_head(answer)
            got_text = got_body.decode().replace("\r\n", "\n").rstrip("\n")
            shown_headers = [f"{name}: {got_headers.get(name.lower())}" for name in (line.split(":")[0] for line in want_headers)]
            good = (want_status == str(status) and fits(want_body.rstrip("\n"), got_text) and
                    all(fits(want, got) for want, got in zip(want_headers, shown_headers)))
            if not good:
                failures.append(f"{path.relative_to(ROOT)} step {number}: {first}\n  expected {want_status} {want_headers} {want_body.strip()}\n"
                                f"  got      {status} {shown_headers} {got_text}")
            answer = answer if good else "\n".join([str(status), *shown_headers, "", got_text])
            written.append(request + "\n----\n" + answer.rstrip("\n"))
    if update and failures:
        path.write_text("\n".join(preamble) + ("\n" if preamble else "") + "\n====\n".join(written) + "\n")
    return failures


def main():
    update = "--update" in sys.argv
    files = [pathlib.Path(a).resolve() for a in sys.argv[1:] if not a.startswith("--")] or sorted(ROOT.rglob("*.test"))
    failed = 0
    for path in files:
        failures = run_file(path, update)
        failed += bool(failures)
        for failure in failures:
            print(failure)
    print(f"{len(files) - failed} passed, {failed} failed")
    sys.exit(1 if failed and not update or not files else 0)


main()
