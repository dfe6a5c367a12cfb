#!/usr/bin/env python3
"""loggen_rules.py RULES.jsonl > rules.yaml : the neutral rules of tools/loggen/make_rules.py as rules of our own, one JSON document each.
loggen_rules.py RULES.jsonl COUNTS EXPECTED.json : compares rules_bench's COUNTS with the oracle's."""
import json
import sys


class Detection:
    def __init__(self):
        self.selections = {}

    def add(self, item):
        name = f's{len(self.selections)}'
        self.selections[name] = item
        return name

    def condition(self, c):
        if 'all' in c:
            return '(' + ' and '.join(self.condition(x) for x in c['all']) + ')'
        if 'any' in c:
            return '(' + ' or '.join(self.condition(x) for x in c['any']) + ')'
        if 'not' in c:
            return 'not ' + self.condition(c['not'])
        return self.add(leaf(c))


def plain(value):
    return str(value).replace('\\', '\\\\').replace('*', '\\*').replace('?', '\\?')


def leaf(c):
    f, op, v = c['field'], c['op'], c['value']
    if op in ('eq', 'has'):
        return {f + '|cased': plain(v)}
    if op in ('word', 'phrase'):
        return {f + '|word|cased': plain(v)}
    if op == 'contains':
        return {f + '|contains|cased': plain(v)}
    if op == 'regex':
        return {f + '|re': v}
    if op == 'between':
        return {f + '|gte': v[0], f + '|lt': v[1]}
    return {f + '|' + op: v}


def window(w):
    """Nothing of the stream is more than six hours late."""
    if w is None:
        return {}
    return {'type': 'threshold', 'threshold': {'gte': w['count_at_least']},
            'window': {'type': 'tumbling', 'size': f"{w['seconds']}s", 'group_by': [w['group_by']], 'allowed_lateness': '6h', 'max_groups': 1000000}}


rules = [json.loads(line) for line in open(sys.argv[1], encoding='utf-8')]
if len(sys.argv) == 2:
    for rule in rules:
        d = Detection()
        condition = d.condition(rule['condition'])
        own = {'id': rule['id'], 'name': rule['name'], 'detection': {**d.selections, 'condition': condition}}
        print('---')
        print(json.dumps({**own, **window(rule['window'])}, ensure_ascii=False))
else:
    counts = dict(line.split()[:2] for line in open(sys.argv[2]))
    expected = json.load(open(sys.argv[3]))['expected']
    wrong = 0
    for rule in rules:
        want = expected.get(rule['id'])
        want = want['matches'] if isinstance(want, dict) else want
        if want is not None and int(counts[rule['id']]) != want:
            wrong += 1
            print(rule['id'], 'expected', want, 'got', counts[rule['id']], json.dumps(rule['condition']))
    print(len(rules), 'rules,', wrong, 'wrong')
    sys.exit(wrong > 0)
