#!/usr/bin/env python3
"""The checks can fail: a little server holds exactly what is expected, and then one thing is spoiled at a time.

    python3 tests/test_checks.py
"""

import copy
import http.server
import importlib
import io
import json
import pathlib
import sqlite3
import sys
import tempfile
import threading
import unittest
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from chaos import check as chaos_check  # noqa: E402
from chaos import rows as chaos_rows  # noqa: E402
import generate_rows  # noqa: E402
import independent_check  # noqa: E402
import snapshot  # noqa: E402
from expected import Instant, Number, Ref  # noqa: E402
from project_folder import FIXTURES, SOURCE_SETS  # noqa: E402
from web_api import WebApi  # noqa: E402

USER = str(uuid.uuid4())
DOLLAR = str(uuid.uuid4())


def content(project):
    """The expected rows as a target would hold them: entity set → rows, plus N:N pairs by path."""
    return content_of(importlib.import_module("expected." + project.replace("-", "_")).tables(FIXTURES / "source" / SOURCE_SETS[project]))


def content_of(tables):
    ids = {(table.name, key): str(uuid.uuid4()) for table in tables for key in table.rows}
    ids["systemuser", "me"], ids["transactioncurrency", "USD"] = USER, DOLLAR
    sets = {"transactioncurrencies": [{"transactioncurrencyid": DOLLAR, "isocurrencycode": "USD"}], "activityparties": []}
    for table in tables:
        rows = sets.setdefault(table.entity_set, [])
        for number, (key, columns) in enumerate(table.rows.items()):
            row = {table.id: ids[table.name, key], "importsequencenumber": 1000 + number}
            for column, value in columns.items():
                if isinstance(value, Ref):
                    row[f"_{column}_value"] = ids[value.table, value.key]
                elif isinstance(value, Number):
                    row[column] = float(value.value)
                else:
                    row[column] = str(value) if isinstance(value, Instant) else value
                    row.setdefault(f"_{column}_value", None)
            rows.append(row)
        for key, parties in table.parties.items():
            sets["activityparties"] += [{"_activityid_value": ids[table.name, key], "_partyid_value": ids[party.table, party.key],
                                         "participationtypemask": mask} for mask, party in parties]
        for name, pairs in table.pairs.items():
            for key, other in pairs:
                path = f"{table.entity_set}({ids[table.name, key]})/{name}"
                sets.setdefault(path, []).append({f"{other.table}id": ids[other.table, other.key]})
    return sets


class Server:
    """Serves such content, in pages of 50 rows."""

    def __init__(self, sets):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                url = urllib.parse.urlsplit(self.path)
                path = url.path.removeprefix("/api/data/v9.2/")
                query = urllib.parse.parse_qs(url.query)
                if path == "WhoAmI":
                    answer = {"UserId": USER}
                else:
                    rows, start = sets.get(path, []), int(query.get("page", ["0"])[0])
                    answer = {"value": rows[start:start + 50]}
                    if start + 50 < len(rows):
                        answer["@odata.nextLink"] = f"http://{self.headers['Host']}{url.path}?page={start + 50}"
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def differences(sets, project="sf-workshop"):
    with Server(sets) as server:
        out = io.StringIO()
        return independent_check.check(server.url, project, out=out), out.getvalue()


class TheIndependentCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sets = content("sf-workshop")

    def spoil(self):
        return copy.deepcopy(self.sets)

    def test_agrees_when_everything_is_there(self):
        for project in SOURCE_SETS:
            sets = self.sets if project == "sf-workshop" else content(project)
            count, report = differences(sets, project)
            self.assertEqual(count, 0, report)

    def test_sees_one_changed_text(self):
        sets = self.spoil()
        sets["contacts"][40]["lastname"] += "x"
        count, report = differences(sets)
        self.assertEqual(count, 1)
        self.assertIn("lastname: expected", report)

    def test_sees_a_cent(self):
        sets = self.spoil()
        sets["opportunities"][3]["estimatedvalue"] += 0.01
        self.assertEqual(differences(sets)[0], 1)

    def test_sees_a_second(self):
        sets = self.spoil()
        sets["leads"][3]["createdon"] = sets["leads"][3]["createdon"].replace("47Z", "48Z")
        self.assertEqual(differences(sets)[0], 1)

    def test_sees_a_lookup_to_the_wrong_row(self):
        sets = self.spoil()
        sets["contacts"][1]["_new_branchid_value"] = sets["accounts"][0]["accountid"]
        self.assertEqual(differences(sets)[0], 1)

    def test_sees_a_state_that_was_not_set(self):
        sets = self.spoil()
        closed = next(row for row in sets["incidents"] if row["statecode"] == 1)
        closed.update(statecode=0, statuscode=1)
        self.assertEqual(differences(sets)[0], 2)

    def test_sees_a_row_that_is_missing(self):
        sets = self.spoil()
        sets["tasks"].pop()
        self.assertEqual(differences(sets)[0], 1)

    def test_sees_a_row_that_came_twice(self):
        sets = self.spoil()
        again = dict(sets["tasks"][0], activityid=str(uuid.uuid4()), importsequencenumber=99)
        sets["tasks"].append(again)
        self.assertEqual(differences(sets)[0], 1)

    def test_sees_a_row_that_nobody_staged(self):
        sets = self.spoil()
        sets["accounts"].append(dict(sets["accounts"][0], accountid=str(uuid.uuid4()), new_sourceid="other", importsequencenumber=98))
        self.assertEqual(differences(sets)[0], 1)

    def test_sees_a_lost_party_and_a_strange_one(self):
        sets = self.spoil()
        sets["activityparties"][0]["_partyid_value"] = sets["accounts"][0]["accountid"]
        self.assertEqual(differences(sets)[0], 2)

    def test_sees_a_lost_association(self):
        sets = self.spoil()
        path = next(path for path in sets if path.endswith("/campaignlist_association"))
        del sets[path]
        self.assertEqual(differences(sets)[0], 1)


class TheSnapshot(unittest.TestCase):
    def test_is_the_same_whatever_the_ids_and_times_are(self):
        def made():
            account, contact = str(uuid.uuid4()), str(uuid.uuid4())
            rows = {
                "accounts": [{"accountid": account, "new_sourceid": "A", "modifiedon": str(uuid.uuid4()), "@odata.etag": "W/1"}],
                "contacts": [{"contactid": contact, "new_sourceid": "C", "_parentcustomerid_value": account, "importsequencenumber": 4}],
            }

            class Api:
                def rows(self, entity_set, page_size):
                    return rows[entity_set]
            return Api()
        known = [("account", "accounts", "accountid"), ("contact", "contacts", "contactid")]
        first, second = snapshot.snapshot(made(), known), snapshot.snapshot(made(), known)
        self.assertEqual(snapshot.digest(first), snapshot.digest(second))
        self.assertIn('"account:A"', first["contact"][0])

    def test_tells_rows_that_point_elsewhere_apart(self):
        self.assertNotEqual(snapshot.canonical({"_x_value": USER}, {USER: "account:A"}), snapshot.canonical({"_x_value": USER}, {USER: "account:B"}))


class TheChaosCheck(unittest.TestCase):
    """The delta of chaos as it should be: in a target, and in a staging database that believes what is true."""

    def setUp(self):
        self.round = chaos_rows.Round(chaos_rows.Sizes.of(100), 2)
        self.expected = self.round.expected()
        self.sets = content_of(self.expected)
        for entity_set, lookup, name in chaos_check.CLOSINGS:
            table = next(table for table in self.expected if table.name == name)
            self.sets[entity_set] = [{lookup: row[table.id]} for row in self.sets[table.entity_set] if row["statecode"]]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "staging.db"
        self.staging = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(self.staging.close)
        self.staging.execute("CREATE TABLE target_Request (RequestId, TargetTable, State)")
        staged = dict(zip([table.name for table in self.expected], ["Account", "Contact", "Opportunity", "Case", "Task", "Campaign", "List"]))
        for table in self.expected:
            self.stage(table.name, self.round.sources()[staged[table.name]](), {row[table.key]: row[table.id] for row in self.sets[table.entity_set]})
        self.stage("campaignitem", self.round.pairs(), None)

    def stage(self, name, rows, ids):
        do = self.staging.execute
        do(f"CREATE TABLE target_{name} (DataMigration_RowId, DataMigration_SourceKey, DataMigration_DataverseId, DataMigration_ActionFlag, "
           "DataMigration_ProcessingFlag)")
        do(f"CREATE TABLE target_{name}_Success (SuccessId INTEGER PRIMARY KEY, RowId, Pass, DataverseId, Owed)")
        do(f"CREATE TABLE target_{name}_Error (RowId, Pass, Message)")
        for number, row in enumerate(rows):
            guid = None if ids is None else ids.get(row["Id"], str(uuid.uuid4()))
            do(f"INSERT INTO target_{name} VALUES (?, ?, ?, ?, 'P')", (number, row["Id"], guid, "D" if row.get("Deleted") else "I"))
            for done in ["associate" if ids is None else "insert"] + (["delete"] if row.get("Deleted") else []):
                do(f"INSERT INTO target_{name}_Success (RowId, Pass, DataverseId) VALUES (?, ?, ?)", (number, done, guid))

    def problems(self):
        with Server(self.sets) as server:
            return chaos_check.problems(server.url, self.expected, self.path)

    def test_agrees_when_everything_is_as_promised(self):
        self.assertEqual(self.problems(), [])

    def test_sees_a_doubled_row_and_a_lost_one(self):
        self.sets["contacts"].append({**self.sets["contacts"][0], "contactid": str(uuid.uuid4()), "importsequencenumber": 1})
        lost = self.sets["lists"].pop()
        told = "; ".join(self.problems())
        self.assertIn("2 rows instead of one", told)
        self.assertIn(f"{lost['listname']}: missing", told)
        self.assertIn("staging does not know its id", told)

    def test_sees_a_value_of_before_the_delta(self):
        self.sets["accounts"][1]["numberofemployees"] -= 100_000
        self.assertEqual(len(self.problems()), 1)

    def test_sees_a_second_closing_activity_and_a_missing_one(self):
        self.sets["opportunitycloses"].append(self.sets["opportunitycloses"][0])
        self.assertIn("2 closing activities, not 1", self.problems()[0])
        self.sets["incidentresolutions"].pop()
        self.assertIn("0 closing activities, not 1", "; ".join(self.problems()))

    def test_sees_a_deleted_row_that_is_still_there(self):
        key, guid = self.staging.execute("SELECT DataMigration_SourceKey, DataMigration_DataverseId FROM target_task WHERE DataMigration_ActionFlag = 'D'").fetchone()
        self.sets["tasks"].append({"activityid": guid, "subject": key})
        self.assertIn(f"task: {key}: is not expected", self.problems()[0])

    def test_sees_what_staging_believes_wrongly(self):
        do = self.staging.execute
        with Server(self.sets) as server:
            target = independent_check.Target(WebApi(server.url))
            for table in self.expected:
                target.load(table)
        for spoil, sign in [
            ("INSERT INTO target_Request VALUES ('r1', 'contact', 'sent')", "has no outcome"),
            ("INSERT INTO target_list_Error VALUES (1, 'insert', 'deadlock')", "error in the pass insert"),
            ("INSERT INTO target_list_Success (RowId, Pass, DataverseId) VALUES (1, 'insert', 'x')", "2 successes of the pass insert"),
            ("UPDATE target_contact SET DataMigration_DataverseId = 'x' WHERE DataMigration_RowId = 1", "staging holds the id x"),
            ("UPDATE target_contact_Success SET Owed = 'parentcustomerid' WHERE RowId = 2", "a lookup is still owed"),
            ("DELETE FROM target_campaignitem_Success WHERE RowId = 2", "campaignitem"),
            ("UPDATE target_task SET DataMigration_ProcessingFlag = 'S' WHERE DataMigration_RowId = 0", "is flagged S"),
        ]:
            do(spoil)
            self.assertIn(sign, "; ".join(chaos_check.staging_problems(target, self.expected, self.path)), spoil)


class TheGenerator(unittest.TestCase):
    def test_makes_the_same_files_from_the_same_seed(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            for folder in (one, two):
                counts = generate_rows.generate(pathlib.Path(folder), 500, 3)
            self.assertEqual(sum(counts.values()), 500)
            for file in pathlib.Path(one).iterdir():
                self.assertEqual(file.read_bytes(), (pathlib.Path(two) / file.name).read_bytes())

    def test_ids_have_the_check_characters_of_salesforce(self):
        self.assertEqual(generate_rows.salesforce_id("001", 0), "001Ec0000000000IAA")


if __name__ == "__main__":
    unittest.main()
