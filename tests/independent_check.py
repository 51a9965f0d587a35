#!/usr/bin/env python3
"""Compares what the target serves with what the CSV files say must be there.

Shares no code with the product: the rules are restated in tests/expected, the rows are read over HTTP, page by page.
Exits with 1 when anything differs, with 3 when the target cannot be read.

    python3 tests/independent_check.py --url http://127.0.0.1:8080 --project sf-workshop
"""

import argparse
import collections
import datetime
import decimal
import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from expected import Instant, Number, Ref  # noqa: E402
from project_folder import FIXTURES, SOURCE_SETS  # noqa: E402
from web_api import WebApi  # noqa: E402

EXAMPLES = 3


def moment(text):
    parsed = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        raise ValueError(f"{text} names no offset")
    return parsed.astimezone(datetime.timezone.utc)


class Target:
    """The rows of the target, with every GUID known by table and source key."""

    def __init__(self, api):
        self.api = api
        self.known = {}
        self.found = {}
        who = api.who_am_i()
        self.known[who["UserId"].lower()] = Ref("systemuser", "me")
        for row in api.rows("transactioncurrencies", ["isocurrencycode"]):
            self.known[row["transactioncurrencyid"].lower()] = Ref("transactioncurrency", row["isocurrencycode"])

    def load(self, table):
        """Reads all rows of one table and remembers their GUIDs."""
        columns = sorted({column for row in table.rows.values() for column in row})
        lookups = {column for row in table.rows.values() for column, value in row.items() if isinstance(value, Ref)}
        # A column that no row fills may be a lookup all the same: ask for it as what the name says.
        always_empty = {column for column in columns if all(row[column] is None for row in table.rows.values())}
        lookups |= {column for column in always_empty if column.endswith("id")}
        select = [f"_{column}_value" if column in lookups else column for column in columns]
        if "importsequencenumber" not in select:
            select.append("importsequencenumber")
        found = list(self.api.rows(table.entity_set, sorted(set(select + [table.id, table.key])), page_size=700))
        for row in found:
            key = row.get(table.key)
            if key is not None:
                self.known[row[table.id].lower()] = Ref(table.name, key)
        self.found[table.name] = (found, lookups)

    def name(self, guid):
        """Which row a GUID is."""
        return None if guid is None else self.known.get(guid.lower(), Ref("?", guid))


def agree(expected, actual):
    """Whether the answer is what was expected. Empty text is null; numbers and times are compared as such."""
    if expected is None:
        return actual is None
    if isinstance(expected, Number):
        return isinstance(actual, (int, float)) and not isinstance(actual, bool) and decimal.Decimal(str(actual)) == expected.value
    if isinstance(expected, Instant):
        return isinstance(actual, str) and moment(actual) == expected.value
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return expected == actual


class Verdict:
    """What was counted for one table."""

    def __init__(self, table):
        self.table = table
        self.found = 0
        self.differences = []

    def differs(self, key, what):
        self.differences.append((key, what))


def compare(target, table):
    verdict = Verdict(table)
    found, lookups = target.found[table.name]
    verdict.found = len(found)
    by_key = collections.defaultdict(list)
    for row in found:
        by_key[row.get(table.key)].append(row)

    for key, rows in by_key.items():
        if key not in table.rows:
            why = f"must have been refused ({table.refused[key]})" if key in table.refused else "is not expected"
            verdict.differs(key, f"{why}: {len(rows)} row(s), e.g. {rows[0][table.id]}")
        elif len(rows) > 1:
            verdict.differs(key, f"{len(rows)} rows instead of one")
    sequence = collections.Counter(row.get("importsequencenumber") for row in found)
    for number, count in sequence.items():
        if number is None:
            verdict.differs("-", f"{count} row(s) without importsequencenumber")
        elif count > 1:
            verdict.differs("-", f"importsequencenumber {number} {count} times")

    for key, expected in table.rows.items():
        if key not in by_key:
            verdict.differs(key, "missing")
            continue
        row = by_key[key][0]
        for column, value in expected.items():
            if column in lookups:
                actual = target.name(row.get(f"_{column}_value"))
            elif column not in row:
                verdict.differs(key, f"{column}: not answered")
                continue
            else:
                actual = row[column]
            if not agree(value, actual):
                verdict.differs(key, f"{column}: expected {value!s}, found {actual!s}")
    return verdict


def compare_parties(target, table):
    """The parties of activities, read from the party table."""
    verdict = Verdict(table)
    verdict.table = type(table)(f"{table.name} parties", "", "", rows={
        (key, mask, party): {} for key, parties in table.parties.items() for mask, party in parties})
    ours = {row[table.id].lower() for row in target.found[table.name][0]}
    found = collections.Counter()
    for row in target.api.rows("activityparties", ["_activityid_value", "_partyid_value", "participationtypemask"], page_size=1000):
        activity = (row.get("_activityid_value") or "").lower()
        # 9 is the owner and 8 the regarding row, which the service adds by itself.
        if activity in ours and row["participationtypemask"] not in (8, 9):
            found[(target.name(activity).key, row["participationtypemask"], target.name(row.get("_partyid_value")))] += 1
    verdict.found = sum(found.values())
    for key, parties in table.parties.items():
        for mask, party in parties:
            if found.pop((key, mask, party), 0) != 1:
                verdict.differs(key, f"party {party} with mask {mask}: not there exactly once")
    for (key, mask, party), count in found.items():
        verdict.differs(key, f"party {party} with mask {mask}: {count} not expected")
    return verdict


def compare_pairs(target, table, relationship, expected):
    """The pairs of an N:N relationship, read row by row through its navigation property."""
    verdict = Verdict(type(table)(relationship, "", "", rows={pair: {} for pair in expected}))
    there = {each.table for _, each in expected}
    found = collections.Counter()
    for row in target.found[table.name][0]:
        here = row[table.id]
        for linked in target.api.rows(f"{table.entity_set}({here})/{relationship}", page_size=200):
            guid = next(value for column, value in linked.items() if column in {f"{name}id" for name in there})
            found[(target.name(here).key, target.name(guid))] += 1
    verdict.found = sum(found.values())
    for pair in expected:
        if found.pop(pair, 0) != 1:
            verdict.differs(pair[0], f"not linked to {pair[1]}")
    for (key, other), _ in found.items():
        verdict.differs(key, f"linked to {other}, which is not expected")
    return verdict


def check(url, project, source=None, out=sys.stdout):
    """Compares, prints a line per table, and returns the number of differences."""
    module = importlib.import_module("expected." + project.replace("-", "_"))
    source = pathlib.Path(source or FIXTURES / "source" / SOURCE_SETS[project])
    target = Target(WebApi(url))
    tables = module.tables(source)
    for table in tables:
        target.load(table)
    verdicts = []
    for table in tables:
        verdicts.append(compare(target, table))
        if table.parties:
            verdicts.append(compare_parties(target, table))
        verdicts += [compare_pairs(target, table, name, pairs) for name, pairs in table.pairs.items()]

    width = max(len(verdict.table.name) for verdict in verdicts)
    print(f"{'table':<{width}} {'expected':>9} {'found':>9} {'differing':>9}", file=out)
    for verdict in verdicts:
        differing = len({key for key, _ in verdict.differences})
        print(f"{verdict.table.name:<{width}} {len(verdict.table.rows):>9,} {verdict.found:>9,} {differing:>9,}", file=out)
        for key, what in verdict.differences[:EXAMPLES]:
            print(f"    {key}: {what}", file=out)
        if len(verdict.differences) > EXAMPLES:
            print(f"    … and {len(verdict.differences) - EXAMPLES:,} more", file=out)
    return sum(len(verdict.differences) for verdict in verdicts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="base URL of the target, without /api/data")
    parser.add_argument("--project", required=True, choices=sorted(SOURCE_SETS))
    parser.add_argument("--source", type=pathlib.Path, help="folder of the CSV files (default: the project's export)")
    arguments = parser.parse_args()
    try:
        differences = check(arguments.url, arguments.project, arguments.source)
    except (OSError, RuntimeError) as problem:
        print(f"the target cannot be read: {problem}", file=sys.stderr)
        return 3
    print(f"{differences:,} differences" if differences else "no differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
