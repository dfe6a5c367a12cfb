"""Queries that ask for far more than is good: huge sorts, groups by trace id, joins, regular expressions. For tests and bench/hostile_bench.py."""
import collections
import http.client
import json
import random
import re
import threading
import time
import urllib.parse

HOSTILE = [
    "* | sort by (trace)",
    "* | sort by (message desc, trace) limit 500000",
    "* | uniq by (trace)",
    "* | uniq by (trace, message) | stats count() n",
    "* | stats by (trace) count() n | sort by (n desc) limit 5",
    "* | stats by (trace, user) count() n, values(message) v | limit 5",
    "* | stats by (source) count_uniq(trace) n, uniq_values(trace) v",
    "* | stats quantile(0.5, number) p50, quantile(0.99, number) p99, median(trace) m",
    "* | stats by (user) quantile(0.9, number) q | sort by (q) limit 5",
    "* | top 200000 by (trace)",
    "* | top 10 by (trace, message)",
    "* | facets 1000",
    "* | join by (trace) (* | fields trace, message) | stats count() n",
    "trace:in(* | fields trace) | stats count() n",
    "user:in(number:>500000 | fields user) | stats by (trace) count() n | limit 1",
    "* | union (*) | sort by (trace) limit 10",
    "message:~\"(a|b|c).*[0-9]+.*(x|y|z)$\" | stats count() n",
    "~\"([0-9a-f]{4}){4}.*[0-9a-f]{7}\" | uniq by (trace) limit 1000000 | stats count() n",
    "* | extract \"user <u> took <n> ms\" | stats by (u, n) count() c | limit 1",
    "* | pack_json as j | sort by (j) limit 100000 | stats count() n",
]
WORDS = "request user order payment cache index upload session token retry".split()


def fill(server, logs, headers):
    rng, connection = random.Random(1), http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    for begin in range(0, logs, 2000):
        lines = (json.dumps({"level": rng.choice(("info", "info", "warn", "error")), "source": f"service-{i % 20}", "user": f"u-{rng.randrange(100_000)}",
                             "message": f"{rng.choice(WORDS)} {i} of user u{rng.randrange(1000)} took {rng.randrange(900)} ms {rng.choice(WORDS)}",
                             "number": i, "trace": f"{rng.getrandbits(128):032x}"}) for i in range(begin, min(logs, begin + 2000)))
        connection.request("POST", "/v1/logs", "\n".join(lines), {"Content-Type": "application/x-ndjson", **headers})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text[:300])


def ask(server, query, headers, **params):
    """(status, bytes, the reason when it is not 200); status 0 when the connection ended early."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        connection.request("POST", "/select/logsql/query", urllib.parse.urlencode({"query": query, **params}),
                           {"Content-Type": "application/x-www-form-urlencoded", **headers})
        answer = connection.getresponse()
        if answer.status != 200:
            return answer.status, 0, json.loads(answer.read()).get("detail", "")
        count = 0
        while part := answer.read(1 << 18):
            count += len(part)
        return 200, count, ""
    except (http.client.HTTPException, OSError) as error:
        return 0, 0, f"cut off: {error.__class__.__name__}"
    finally:
        connection.close()


class Memory(threading.Thread):
    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.stop = pid, 0, False
        self.before = self.read()

    def read(self):
        with open(f"/proc/{self.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def run(self):
        while not self.stop:
            self.peak = max(self.peak, self.read())
            time.sleep(0.02)


def attack(server, count, headers, seconds):
    """So many hostile queries at once: a thread each, which asks again until the time is over; and the outcomes, which they append."""
    outcomes, end = [], time.monotonic() + seconds

    def one(i):
        while time.monotonic() < end:
            begin, query = time.monotonic(), HOSTILE[i % len(HOSTILE)]
            # A comment makes each another query, for which nothing is kept from the one before.
            outcomes.append((query, *ask(server, f"{query} # {i}", headers), time.monotonic() - begin))
            i += 7

    threads = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, outcomes


def summary(outcomes):
    reasons = collections.Counter(re.sub(r"\d+", "N", reason)[:120] for _, status, _, reason, _ in outcomes if status != 200)
    return {"statuses": dict(collections.Counter(status for _, status, *_ in outcomes)), "reasons": dict(reasons.most_common(8)),
            "slowest_s": round(max(took for *_, took in outcomes), 1), "answer_mb": round(sum(size for _, _, size, _, _ in outcomes) / 1e6, 1)}


def unclear(outcomes):
    """Those that got neither an answer nor a refusal that says why."""
    return [each for each in outcomes if each[1] != 200 and not (each[1] in (422, 429, 503, 504) and each[3])]
