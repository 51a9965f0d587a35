#!/usr/bin/env python3
"""The content of a target as one hash: every row of every table, whatever GUIDs and times the service gave it.

GUIDs become what they stand for: the table and source key of the row, or a star where the row has none. Left out are
what differs between two loads of the same data by nature: sequence numbers, versions, and times that the service stamps.

    python3 tests/snapshot.py http://127.0.0.1:8080 http://127.0.0.1:8081      # whether two targets hold the same
"""

import decimal
import hashlib
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from web_api import Exact, WebApi  # noqa: E402

GUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", re.IGNORECASE)
STAMPED = {"importsequencenumber", "versionnumber", "modifiedon", "overriddencreatedon"}
KEYS = ("new_sourceid", "isocurrencycode")


def tables(api):
    """Name, entity set and primary id of every table that has rows to read."""
    answer = api.get("EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,IsIntersect")
    return sorted((each["LogicalName"], each["EntitySetName"], each["PrimaryIdAttribute"]) for each in answer["value"]
                  if each.get("EntitySetName"))


def snapshot(api, known_tables=None):
    """Table → sorted canonical rows. Tables without rows are left out."""
    found = {}
    for name, entity_set, primary in known_tables or tables(api):
        rows = list(api.rows(entity_set, page_size=5000))
        if rows:
            found[name] = (primary, rows)
    names = {}
    for table, (primary, rows) in found.items():
        for row in rows:
            key = next((row[column] for column in KEYS if row.get(column)), None)
            if key is not None and row.get(primary):
                names[row[primary].lower()] = f"{table}:{key}"
    return {table: sorted(canonical(row, names) for row in rows) for table, (_, rows) in found.items()}


def canonical(row, names):
    """One row as text that is the same after every load."""
    was_imported = row.get("overriddencreatedon") is not None
    kept = {}
    for column, value in row.items():
        stamped = column in STAMPED or (column == "createdon" and not was_imported)
        if "@" in column or stamped or value is None:
            continue
        if isinstance(value, str) and GUID.match(value):
            value = names.get(value.lower(), "*")
        if isinstance(value, Exact):
            # As a number of its own kind: 1.0 is 1.00, and all digits count.
            value = f"number {decimal.Decimal(str(value)).normalize()}"
        kept[column] = value
    return json.dumps(kept, sort_keys=True, ensure_ascii=True)


def digest(content):
    """One hash over all tables."""
    total = hashlib.sha256()
    for table in sorted(content):
        total.update(table.encode())
        for row in content[table]:
            total.update(b"\n" + row.encode())
    return total.hexdigest()[:16]


def differences(expected, found, limit=5):
    """A few sentences about what is different, table by table."""
    told = []
    for table in sorted(expected.keys() | found.keys()):
        before, after = expected.get(table, []), found.get(table, [])
        if before != after:
            missing = [row for row in before if row not in set(after)]
            extra = [row for row in after if row not in set(before)]
            told.append(f"{table}: {len(before)} rows expected, {len(after)} found; {len(missing)} missing or changed")
            told += [f"  - {row[:300]}" for row in missing[:2]] + [f"  + {row[:300]}" for row in extra[:2]]
    return told[:limit * 5]


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    before, after = (snapshot(WebApi(url)) for url in sys.argv[1:])
    told = differences(before, after)
    rows = sum(len(each) for each in before.values())
    print("\n".join(told) if told else f"{rows:,} rows in {len(before)} tables, the same in both: {digest(before)}")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
