"""Afterwards: the emulator against the rows that were meant, and the staging database against the emulator.

The target is read over HTTP, the staging database with Python's own SQLite; nothing of the product judges itself.
"""

import collections
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from independent_check import Target, compare, compare_pairs  # noqa: E402
from web_api import WebApi  # noqa: E402

# Tables with GUIDs of our own carry no numbers.
WITHOUT_NUMBERS = {"task"}
CLOSINGS = [("opportunitycloses", "_opportunityid_value", "opportunity"), ("incidentresolutions", "_incidentid_value", "incident")]


def problems(url, expected, staging):
    """Everything that is not as promised, one sentence each."""
    api = WebApi(url)
    target = Target(api)
    for table in expected:
        target.load(table)
    found = []
    for table in expected:
        verdicts = [compare(target, table)] + [compare_pairs(target, table, name, pairs) for name, pairs in table.pairs.items()]
        for verdict in verdicts:
            found += [f"{verdict.table.name}: {key}: {what}" for key, what in verdict.differences
                      if not (verdict.table.name in WITHOUT_NUMBERS and "without importsequencenumber" in what)]
    found += closings(api, target, expected)
    found += staging_problems(target, expected, staging)
    return found


def closings(api, target, expected):
    """One closing activity for each row that is closed, none for another."""
    found = []
    for entity_set, lookup, name in CLOSINGS:
        table = next(table for table in expected if table.name == name)
        count = collections.Counter(target.name(row[lookup]) for row in api.rows(entity_set, [lookup]))
        for key, row in table.rows.items():
            wanted = 1 if row["statecode"] else 0
            there = sum(number for named, number in count.items() if named and named.key == key)
            if there != wanted:
                found.append(f"{name}: {key}: {there} closing activities, not {wanted}")
        if sum(count.values()) != sum(1 for row in table.rows.values() if row["statecode"]):
            found.append(f"{entity_set}: {sum(count.values())} rows in all")
    return found


def staging_problems(target, expected, path):
    """What the staging database believes, against what is there."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        ask = lambda sql: connection.execute(sql).fetchall()  # noqa: E731
        found = [f"request {request} of {table} has no outcome" for request, table in
                 ask("SELECT RequestId, TargetTable FROM target_Request WHERE State = 'sent'")]
        for table in expected:
            found += table_problems(ask, target, table)
            for pairs in table.pairs.values():
                found += pair_problems(ask, pairs)
        return found
    finally:
        connection.close()


def table_problems(ask, target, table):
    name = table.name
    there = {row[table.id].lower(): row.get(table.key) for row in target.found[name][0]}
    found = [f"{name}: error in the pass {stage} of row {row}: {message}" for row, stage, message in
             ask(f"SELECT RowId, Pass, Message FROM target_{name}_Error")]
    found += [f"{name}: row {row} has {count} successes of the pass insert" for row, count in
              ask(f"SELECT RowId, COUNT(*) FROM target_{name}_Success WHERE Pass = 'insert' GROUP BY RowId HAVING COUNT(*) <> 1")]
    staged = ask(f"""SELECT t.DataMigration_SourceKey, t.DataMigration_DataverseId, t.DataMigration_ActionFlag, t.DataMigration_ProcessingFlag,
        (SELECT y.DataverseId FROM target_{name}_Success y WHERE y.RowId = t.DataMigration_RowId AND y.Pass = 'insert'),
        EXISTS (SELECT 1 FROM target_{name}_Success y WHERE y.RowId = t.DataMigration_RowId AND y.Pass = 'delete')
        FROM target_{name} t""")
    for key, guid, action, flag, created, deleted in staged:
        is_there = guid is not None and guid.lower() in there
        if guid is None or created is None or guid.lower() != created.lower():
            found.append(f"{name}: {key}: staging holds the id {guid}, its success {created}")
        elif (action == "D") == is_there or (action == "D") != bool(deleted):
            found.append(f"{name}: {key}: action {action}, {'' if deleted else 'not '}deleted, {'' if is_there else 'not '}in the target")
        elif is_there and there.pop(guid.lower()) != key:
            found.append(f"{name}: {key}: staging holds the id of another row")
        elif flag != "P":
            found.append(f"{name}: {key}: is flagged {flag}, not as processed")
    found += [f"{name}: {key} ({guid}) is in the target, and staging does not know its id" for guid, key in there.items()]
    found += [f"{name}: {key}: a lookup is still owed" for key, in ask(f"""SELECT t.DataMigration_SourceKey FROM target_{name} t
        WHERE t.DataMigration_ActionFlag <> 'D' AND (SELECT y.Owed FROM target_{name}_Success y WHERE y.RowId = t.DataMigration_RowId
        AND y.Pass IN ('insert', 'update', 'lookups') ORDER BY y.SuccessId DESC LIMIT 1) <> ''""")]
    return found


def pair_problems(ask, pairs):
    believed = {key for key, in ask("""SELECT t.DataMigration_SourceKey FROM target_campaignitem t
        WHERE EXISTS (SELECT 1 FROM target_campaignitem_Success y WHERE y.RowId = t.DataMigration_RowId AND y.Pass = 'associate')
        AND NOT EXISTS (SELECT 1 FROM target_campaignitem_Success y WHERE y.RowId = t.DataMigration_RowId AND y.Pass = 'delete')""")}
    meant = {f"{here}-{there.key}" for here, there in pairs}
    found = [f"campaignitem: {key}: staging believes otherwise" for key in sorted(believed ^ meant)]
    return found + [f"campaignitem: error of row {row}: {message}" for row, message in ask("SELECT RowId, Message FROM target_campaignitem_Error")]
