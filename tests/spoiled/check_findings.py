#!/usr/bin/env python3
"""Compares the findings in a staging database with those that make_spoiled.py expects: no more, no fewer.

Reads the `*_Error` tables with Python's sqlite3 alone; those of a server arrive as a JSON file of `[table, source table, key,
column, rule, pass]`, since Python's standard library speaks no TDS. With `--url` it also asks the target whether the rows that only
look spoiled are there with their values, and that no spoiled row is.

    python3 tests/spoiled/check_findings.py --staging /tmp/spoiled/staging.db --expected /tmp/spoiled-source/expected-findings.json
"""

import argparse
import collections
import json
import pathlib
import re
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from web_api import WebApi  # noqa: E402

SETS = {"account": "accounts", "contact": "contacts", "lead": "leads", "incident": "incidents", "opportunity": "opportunities",
        "task": "tasks", "campaign": "campaigns", "campaignresponse": "campaignresponses", "list": "lists"}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def text(value):
    return "'" + value.replace("'", "''") + "'"


def open_errors(staging):
    """Table, source, key, column, rule and pass of all open errors."""
    if staging.suffix == ".json":
        yield from json.loads(staging.read_text(encoding="utf-8"))
        return
    database = sqlite3.connect(f"file:{staging}?mode=ro", uri=True)
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'target\\_%\\_Error' ESCAPE '\\'")]
    for name in sorted(names):
        table = name.removeprefix("target_").removesuffix("_Error")
        yield from database.execute(
            f"SELECT {text(table)}, r.DataMigration_SourceTable, r.DataMigration_SourceKey, e.ColumnName, e.RuleName, e.Pass"
            f" FROM {quoted(name)} e LEFT JOIN {quoted('target_' + table)} r ON r.DataMigration_RowId = e.RowId WHERE e.Retried = 0")


def found_findings(staging):
    """(table, source, key, column, rule) → how often, of all open errors of the validation."""
    found = collections.Counter()
    for table, source, key, column, rule, step in open_errors(staging):
        found[table, source, key_in_source(key), column, rule if step == "validate" else f"{step}: {rule}"] += 1
    return found


def key_in_source(key):
    """Rows without a key, and those that repeat one, are staged under a key that names their line."""
    if key is None or re.fullmatch(r"\(no key\) line \d+", key):
        return None
    return re.sub(r" \(again\) line \d+$", "", key)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--staging", type=pathlib.Path, required=True)
    parser.add_argument("--expected", type=pathlib.Path, required=True)
    parser.add_argument("--url", help="target, to see what was loaded")
    arguments = parser.parse_args()
    expected = json.loads(arguments.expected.read_text(encoding="utf-8"))
    found = found_findings(arguments.staging)
    wanted = collections.Counter((each["table"], each["source"], each["key"], each["column"], each["rule"]) for each in expected["findings"])
    wrong = 0
    for what, told in [(wanted - found, "not reported"), (found - wanted, "reported and not expected")]:
        for finding, count in sorted(what.items(), key=str):
            wrong += count
            print(f"{told}: " + ", ".join(str(part) for part in finding))
    print(f"{sum(wanted.values())} findings expected, {sum((wanted & found).values())} reported as expected")
    if arguments.url:
        wrong += check_target(WebApi(arguments.url), expected)
    return 1 if wrong else 0


def check_target(api, expected):
    wrong = 0
    held = {}
    for table in sorted({each["table"] for each in expected["findings"] + expected["good"]}):
        held[table] = collections.defaultdict(list)
        columns = {column for each in expected["good"] if each["table"] == table for column in each["values"]}
        for row in api.rows(SETS[table], sorted({"new_sourceid"} | columns)):
            held[table][row["new_sourceid"]].append(row)
    for each in expected["findings"]:
        # The key of a duplicate belongs to a good row as well, which is there once.
        allowed = 1 if each["rule"] == "duplicate-key" else 0
        if len(held[each["table"]][each["key"]]) > allowed:
            wrong += 1
            print(f"loaded although spoiled: {each['table']} {each['key']} ({each['rule']})")
    for each in expected["good"]:
        rows = held[each["table"]][each["key"]]
        differing = [f"{column} is {rows[0].get(column)!r}, not {value!r}" for column, value in each["values"].items() if rows and rows[0].get(column) != value]
        if len(rows) != 1 or differing:
            wrong += 1
            print(f"good row {each['table']} {each['key']}: {len(rows)} times; {'; '.join(differing)}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
