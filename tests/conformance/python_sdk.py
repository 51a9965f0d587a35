"""Microsoft's Python SDK against the emulator: every public method once at least, what it wrote read back."""

import os
import ssl
import sys
import tempfile
import time
import warnings
from enum import IntEnum
from urllib.request import Request, urlopen

import pandas as pd
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.common.constants import CASCADE_BEHAVIOR_REMOVE_LINK, CASCADE_BEHAVIOR_RESTRICT
from PowerPlatform.Dataverse.models import filters
from PowerPlatform.Dataverse.models.filters import col, raw
from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.query_builder import ExpandOption, QueryBuilder
from PowerPlatform.Dataverse.models.relationship import (
    CascadeConfiguration,
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from PowerPlatform.Dataverse.models.upsert import UpsertItem
from PowerPlatform.Dataverse.operations import batch as batch_parts
from PowerPlatform.Dataverse.operations.dataframe import DataFrameOperations
from PowerPlatform.Dataverse.operations.files import FileOperations
from PowerPlatform.Dataverse.operations.query import QueryOperations
from PowerPlatform.Dataverse.operations.records import RecordOperations
from PowerPlatform.Dataverse.operations.tables import TableOperations

from report import Calls, Report, equal, raises

CLIENT = "PowerPlatform-Dataverse-Client (Python)"


class Token:
    """A credential as the SDK wants one; the emulator takes any token."""

    def get_token(self, *_scopes, **_options):
        return AccessToken("conformance", int(time.time()) + 3600)


class Stage(IntEnum):
    OPEN = 1
    CLOSED = 2

    __labels__ = {1033: {OPEN: "Open", CLOSED: "Closed"}, 1031: {OPEN: "Offen", CLOSED: "Zu"}}


def label(text):
    return Label(localized_labels=[LocalizedLabel(label=text, language_code=1033)])


def first(rows):
    """The first row, or none."""
    return next(iter(rows), None)


class Cases:
    """One table of our own, and the standard ones."""

    TABLE = "new_Project"

    def __init__(self, client, url, folder):
        self.client = client
        self.url = url
        self.folder = folder
        self.ids = []

    # ---- tables and columns

    def create_a_table(self):
        info = self.client.tables.create(
            self.TABLE,
            {
                "new_Code": {"type": "string", "max_length": 40, "display_name": "Code"},
                "new_Notes": "memo",
                "new_Budget": "decimal",
                "new_Hours": {"type": "int", "min_value": 0, "max_value": 1000},
                "new_Rate": "float",
                "new_Starts": "datetime",
                "new_Active": "bool",
                "new_Stage": Stage,
                "new_Plan": "file",
            },
            primary_column="new_Title",
            display_name="Project",
            solution="Conformance",
        )
        equal(info.logical_name, "new_project")
        equal(info["entity_set_name"], "new_projects")
        equal(info.primary_name_attribute, "new_title")
        equal(info.primary_id_attribute, "new_projectid")
        assert info.metadata_id
        try:
            self.client.tables.create(self.TABLE, {"new_Other": "string"})
        except Exception as error:
            equal(getattr(error, "subcode", None), "metadata_table_already_exists")
        else:
            raise AssertionError("the table was made twice")

    def get_and_list_tables(self):
        equal(self.client.tables.get("account")["entity_set_name"], "accounts")
        equal(self.client.tables.get("new_Nothing"), None)
        ours = self.client.tables.list(filter="startswith(SchemaName, 'new_')", select=["LogicalName", "SchemaName"])
        equal([table["LogicalName"] for table in ours], ["new_project"])
        assert len(self.client.tables.list()) > 100

    def columns_of_all_types_are_described(self):
        columns = {c["LogicalName"]: c for c in self.client.tables.list_columns(self.TABLE)}
        types = {name: columns[name]["AttributeTypeName"]["Value"] for name in columns if name.startswith("new_")}
        wanted = {
            "new_projectid": "UniqueidentifierType", "new_title": "StringType", "new_code": "StringType",
            "new_notes": "MemoType", "new_budget": "DecimalType", "new_hours": "IntegerType", "new_rate": "DoubleType",
            "new_starts": "DateTimeType", "new_active": "BooleanType", "new_stage": "PicklistType", "new_plan": "FileType",
        }
        for name, kind in wanted.items():
            equal(types.get(name), kind, name)
        for name in ["createdon", "ownerid", "statecode", "statuscode", "versionnumber"]:
            assert name in columns, name
        chosen = self.client.tables.list_columns(
            self.TABLE, select=["LogicalName", "AttributeType"], filter="AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Memo'"
        )
        equal([c["LogicalName"] for c in chosen], ["new_notes"])

    def typed_columns_come_from_retrieve_metadata_changes(self):
        columns = {c["LogicalName"]: c for c in self.client.tables.list_columns(self.TABLE, typed=True)}
        equal(columns["new_code"]["MaxLength"], 40)
        equal((columns["new_hours"]["MinValue"], columns["new_hours"]["MaxValue"]), (0, 1000))
        one = self.client.tables.get_column(self.TABLE, "new_Budget", typed=True, select=["LogicalName", "Precision"])
        equal(one["Precision"], 2)

    def one_column_or_none(self):
        equal(self.client.tables.get_column(self.TABLE, "new_Code")["SchemaName"], "new_Code")
        equal(self.client.tables.get_column(self.TABLE, "new_Missing"), None)

    def columns_are_added_changed_and_removed(self):
        made = self.client.tables.add_columns(self.TABLE, {"new_Extra": "string", "new_Second": Stage})
        equal(made, ["new_Extra", "new_Second"])
        self.client.tables.update_column(self.TABLE, "new_Extra", {"max_length": 300, "display_name": "Extra words"})
        self.client.tables.update_columns(self.TABLE, {"new_Extra": {"required": "Recommended"}})
        column = self.client.tables.get_column(self.TABLE, "new_Extra", typed=True)
        equal(column["MaxLength"], 300)
        plain = self.client.tables.get_column(self.TABLE, "new_Extra")
        equal(plain["DisplayName"]["UserLocalizedLabel"]["Label"], "Extra words")
        equal(plain["RequiredLevel"]["Value"], "Recommended")
        self.client.tables.remove_columns(self.TABLE, ["new_Extra", "new_Second"])
        equal(self.client.tables.get_column(self.TABLE, "new_Extra"), None)

    # ---- relationships and keys

    def a_lookup_is_made_with_its_relationship(self):
        made = self.client.tables.create_one_to_many_relationship(
            LookupAttributeMetadata(schema_name="new_AccountId", display_name=label("Account")),
            OneToManyRelationshipMetadata(
                schema_name="new_account_project", referenced_entity="account", referencing_entity="new_project",
                referenced_attribute="accountid",
                cascade_configuration=CascadeConfiguration(delete=CASCADE_BEHAVIOR_REMOVE_LINK),
            ),
            solution="Conformance",
        )
        assert made.relationship_id
        found = self.client.tables.get_relationship("new_account_project")
        equal((found.relationship_type, found.referenced_entity, found.referencing_entity), ("one_to_many", "account", "new_project"))
        equal(found.lookup_schema_name, "new_AccountId")
        equal(found.relationship_id, made.relationship_id)

    def a_lookup_is_made_in_the_short_way(self):
        made = self.client.tables.create_lookup_field(
            referencing_table="new_project", lookup_field_name="new_LeaderId", referenced_table="contact",
            display_name="Leader", description="Who leads", cascade_delete=CASCADE_BEHAVIOR_RESTRICT,
        )
        equal(made.lookup_schema_name, "new_LeaderId")
        equal(self.client.tables.get_column(self.TABLE, "new_LeaderId")["AttributeType"], "Lookup")

    def a_many_to_many_relationship_is_made(self):
        made = self.client.tables.create_many_to_many_relationship(
            ManyToManyRelationshipMetadata(
                schema_name="new_project_contact", entity1_logical_name="new_project", entity2_logical_name="contact"
            ),
            solution="Conformance",
        )
        found = self.client.tables.get_relationship("new_project_contact")
        equal((found.relationship_type, found.relationship_id), ("many_to_many", made.relationship_id))
        equal((found.entity1_logical_name, found.entity2_logical_name), ("new_project", "contact"))

    def relationships_are_listed(self):
        mine = {r["SchemaName"] for r in self.client.tables.list_table_relationships("new_project")}
        for name in ["new_account_project", "new_project_contact"]:
            assert name in mine, f"{name} is missing in {sorted(mine)}"
        kinds = "RelationshipType eq Microsoft.Dynamics.CRM.RelationshipType'ManyToManyRelationship'"
        many = self.client.tables.list_relationships(filter=kinds, select=["SchemaName"])
        names = {r["SchemaName"] for r in many}
        assert "new_project_contact" in names and "new_account_project" not in names

    def an_alternate_key_becomes_active(self):
        key = self.client.tables.create_alternate_key(self.TABLE, "new_CodeKey", ["new_code"], display_name="By code")
        for _ in range(50):
            found = [k for k in self.client.tables.get_alternate_keys(self.TABLE) if k.schema_name == "new_CodeKey"]
            if found[0].status == "Active":
                break
            time.sleep(0.1)
        equal((found[0].status, found[0].key_attributes), ("Active", ["new_code"]))
        equal(key.schema_name, "new_CodeKey")
        # The id comes from the list: of `EntityDefinitions(…)/Keys(…)` the SDK takes the first id, which is the table's.
        self.client.tables.create_alternate_key(self.TABLE, "new_HoursKey", ["new_hours", "new_code"])
        second = [k for k in self.client.tables.get_alternate_keys(self.TABLE) if k.schema_name == "new_HoursKey"][0]
        self.client.tables.delete_alternate_key(self.TABLE, second.metadata_id)
        equal(len(self.client.tables.get_alternate_keys(self.TABLE)), 1)

    # ---- rows

    def a_row_is_created_read_changed_and_deleted(self):
        records = self.client.records
        account = records.create("account", {"Name": "Conformance Ltd", "telephone1": "555-0100"})
        row = {
            "new_title": "First", "new_code": "P-1", "new_notes": "a\nb", "new_budget": 12.5, "new_hours": 7, "new_rate": 0.125,
            "new_starts": "2026-11-21", "new_active": True, "new_stage": "Offen",
            "new_AccountId@odata.bind": f"/accounts({account})",
        }
        project = records.create(self.TABLE, row)
        read = records.retrieve(
            self.TABLE, project, select=["new_title", "new_stage", "new_budget", "new_active", "_new_accountid_value"],
            include_annotations="*", expand=["new_AccountId($select=name)"],
        )
        equal((read["new_title"], read["new_stage"], read["new_budget"], read["new_active"]), ("First", 1, 12.5, True))
        equal(read["new_stage@OData.Community.Display.V1.FormattedValue"], "Open")
        equal(read["_new_accountid_value"], account)
        equal(read["new_AccountId"]["name"], "Conformance Ltd")
        records.update(self.TABLE, project, {"new_title": "Changed", "new_stage": "Closed"})
        read = records.retrieve(self.TABLE, project, select=["new_title", "new_stage"])
        equal((read["new_title"], read["new_stage"]), ("Changed", 2))
        raises(404, lambda: records.update(self.TABLE, "00000000-0000-0000-0000-000000000001", {"new_title": "x"}))
        records.delete(self.TABLE, project)
        equal(records.retrieve(self.TABLE, project), None)

    def get_reads_one_or_pages(self):
        records = self.client.records
        one = records.create(self.TABLE, {"new_title": "single", "new_code": "S-1"})
        equal(records.get(self.TABLE, one, select=["new_title"])["new_title"], "single")
        pages = list(records.get(self.TABLE, select=["new_title"], filter="new_code eq 'S-1'"))
        equal([row["new_title"] for page in pages for row in page], ["single"])

    def many_rows_are_created_and_paged_through(self):
        rows = [{"new_title": f"Row {n:03}", "new_code": f"B-{n:03}", "new_hours": n} for n in range(25)]
        self.ids = self.client.records.create(self.TABLE, rows)
        equal(len(set(self.ids)), 25)
        pages = list(
            self.client.records.list_pages(
                self.TABLE, select=["new_title", "new_hours"], filter="startswith(new_code,'B-')",
                orderby=["new_hours desc"], page_size=10,
            )
        )
        equal([len(page) for page in pages], [10, 10, 5])
        equal(pages[0][0]["new_hours"], 24)
        top = self.client.records.list(self.TABLE, filter="startswith(new_code,'B-')", orderby=["new_hours"], top=3, count=True)
        equal([row["new_hours"] for row in top], [0, 1, 2])

    def many_rows_are_updated_alike_or_one_by_one(self):
        self.client.records.update(self.TABLE, self.ids[:2], {"new_notes": "same"})
        self.client.records.update(self.TABLE, self.ids[2:4], [{"new_notes": "two"}, {"new_notes": "three"}])
        found = [self.client.records.retrieve(self.TABLE, i, select=["new_notes"])["new_notes"] for i in self.ids[:4]]
        equal(found, ["same", "same", "two", "three"])

    def rows_are_upserted_by_key(self):
        records = self.client.records
        records.upsert(self.TABLE, [UpsertItem(alternate_key={"new_code": "U-1"}, record={"new_title": "made"})])
        records.upsert(
            self.TABLE,
            [
                UpsertItem(alternate_key={"new_code": "U-1"}, record={"new_title": "found"}),
                {"alternate_key": {"new_code": "U-2"}, "record": {"new_title": "made too"}},
            ],
        )
        rows = records.list(self.TABLE, select=["new_title", "new_code"], filter="startswith(new_code,'U-')", orderby=["new_code"])
        equal([(row["new_code"], row["new_title"]) for row in rows], [("U-1", "found"), ("U-2", "made too")])
        twice = raises(412, lambda: records.create(self.TABLE, {"new_title": "again", "new_code": "U-1"}))
        equal(twice.details.get("service_error_code", "").lower(), "0x80060892")

    def a_list_of_rows_is_deleted_by_a_job(self):
        gone = self.client.records.create(self.TABLE, [{"new_title": "gone", "new_code": f"D-{n}"} for n in range(3)])
        job = self.client.records.delete(self.TABLE, gone)
        assert job, "BulkDelete names its job"
        for _ in range(100):
            if not self.client.records.list(self.TABLE, filter="startswith(new_code,'D-')"):
                break
            time.sleep(0.1)
        else:
            raise AssertionError("the rows are still there")
        state = self.client.records.retrieve("asyncoperation", job, select=["statecode", "statuscode"])
        equal((state["statecode"], state["statuscode"]), (3, 30))
        alone = self.client.records.create(self.TABLE, [{"new_title": "alone"}, {"new_title": "alone"}])
        equal(self.client.records.delete(self.TABLE, alone, use_bulk_delete=False), None)
        equal(first(self.client.records.list(self.TABLE, filter="new_title eq 'alone'")), None)

    # ---- queries

    def the_builder_filters_orders_and_expands(self):
        base = lambda: self.client.query.builder(self.TABLE).select("new_title", "new_hours")
        def hours(expression):
            return sorted(r["new_hours"] for r in base().where(expression & col("new_code").startswith("B-")).execute())
        equal(hours(col("new_hours") < 3), [0, 1, 2])
        equal(hours((col("new_hours") >= 23) | (col("new_hours") == 1)), [1, 23, 24])
        equal(hours(~(col("new_hours") > 1)), [0, 1])
        equal(hours(col("new_hours").in_([3, 5])), [3, 5])
        equal(len(hours(col("new_hours").not_in([3, 5]))), 23)
        equal(hours(col("new_hours").between(7, 9)), [7, 8, 9])
        equal(len(hours(col("new_hours").not_between(7, 9))), 22)
        equal(hours(col("new_title").contains("w 00") & (col("new_hours") <= 1)), [0, 1])
        equal(hours(col("new_title").endswith("12")), [12])
        equal(hours(col("new_title").like("Row 02%")), [20, 21, 22, 23, 24])
        equal(len(hours(col("new_title").not_like("Row 02%"))), 20)
        equal(hours(col("new_notes").is_not_null()), [0, 1, 2, 3])
        equal(len(hours(col("new_notes").is_null())), 21)
        equal(hours(raw("new_hours eq 4")), [4])
        equal(hours(filters.eq("new_hours", 6)), [6])
        contact = self.client.records.create("contact", {"lastname": "O'Leader"})
        self.client.records.update(self.TABLE, self.ids[0], {"new_LeaderId@odata.bind": f"/contacts({contact})"})
        found = (
            base().where(col("new_code") == "B-000").expand(ExpandOption("new_LeaderId").select("lastname", "fullname"))
            .include_annotations("*").order_by("new_hours", descending=True).top(5).count().execute()
        )
        equal(first(found)["new_LeaderId"]["lastname"], "O'Leader")

    def the_builder_pages(self):
        query = self.client.query.builder(self.TABLE).select("new_title").where(col("new_code").startswith("B-"))
        pages = list(query.page_size(12).execute_pages())
        equal([len(page) for page in pages], [12, 12, 1])
        assert query.build()["filter"]

    def the_builder_makes_dataframes(self):
        query = self.client.query.builder(self.TABLE).select("new_title").where(col("new_hours") == 3)
        equal(list(query.include_formatted_values().to_dataframe()["new_title"]), ["Row 003"])

    def fetchxml_is_executed_and_paged(self):
        xml = (
            '<fetch count="{count}"><entity name="new_project"><attribute name="new_title"/>'
            '<filter><condition attribute="new_code" operator="like" value="B-%"/></filter><order attribute="new_hours"/>'
            "</entity></fetch>"
        )
        pages = list(self.client.query.fetchxml(xml.format(count=10)).execute_pages())
        equal([len(page) for page in pages], [10, 10, 5])
        equal([row["new_title"] for row in pages[2]], [f"Row {n:03}" for n in range(20, 25)])
        equal(len(self.client.query.fetchxml(xml.format(count=5)).execute()), 25)

    def sql_is_executed(self):
        rows = self.client.query.sql(
            "SELECT TOP 3 new_title, new_hours FROM new_project WHERE new_code LIKE 'B-%' AND new_hours > 20 ORDER BY new_hours DESC"
        )
        equal([(row["new_title"], row["new_hours"]) for row in rows], [("Row 024", 24), ("Row 023", 23), ("Row 022", 22)])
        frame = self.client.dataframe.sql("SELECT new_title FROM new_project WHERE new_hours IN (1, 2) AND new_code IS NOT NULL ORDER BY new_title")
        equal(list(frame["new_title"]), ["Row 001", "Row 002"])
        joined = self.client.query.sql(
            "SELECT p.new_title, c.lastname FROM new_project p INNER JOIN contact c ON p.new_leaderid = c.contactid"
        )
        equal([(row["new_title"], row["lastname"]) for row in joined], [("Row 000", "O'Leader")])
        counted = self.client.query.sql("SELECT COUNT(*) AS rows_found, MAX(new_hours) AS most FROM new_project WHERE new_code LIKE 'B-%'")
        equal((counted[0]["rows_found"], counted[0]["most"]), (25, 24))
        grouped = self.client.query.sql("SELECT statecode, COUNT(new_projectid) AS n FROM new_project WHERE new_code LIKE 'B-%' GROUP BY statecode")
        equal([(row["statecode"], row["n"]) for row in grouped], [(0, 25)])

    def helpers_for_queries(self):
        names = {c["name"]: c for c in self.client.query.sql_columns(self.TABLE)}
        equal((names["new_projectid"]["is_pk"], names["new_title"]["is_name"]), (True, True))
        expands = self.client.query.odata_expands(self.TABLE)
        assert {"new_AccountId", "new_LeaderId"} <= {e["nav_property"] for e in expands}

    def deprecated_helpers_for_queries(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert "new_code" in self.client.query.odata_select(self.TABLE)
            equal(self.client.query.odata_expand(self.TABLE, "account"), "new_AccountId")
            wanted = {"new_AccountId@odata.bind": "/accounts(1)"}
            equal(self.client.query.odata_bind(self.TABLE, "account", "1"), wanted)

    # ---- dataframes and files

    def dataframes_are_written(self):
        frames = self.client.dataframe
        made = frames.create(self.TABLE, pd.DataFrame([{"new_title": "df 1", "new_hours": 500}, {"new_title": "df 2", "new_hours": None}]))
        changes = pd.DataFrame([{"new_projectid": made[0], "new_hours": 501}, {"new_projectid": made[1], "new_hours": 502}])
        frames.update(self.TABLE, changes, id_column="new_projectid")
        read = self.client.records.list(self.TABLE, select=["new_hours"], filter="new_hours gt 499", orderby=["new_hours"])
        equal([row["new_hours"] for row in read], [501, 502])
        frames.delete(self.TABLE, made, use_bulk_delete=False)
        equal(len(self.client.records.list(self.TABLE, filter="new_hours gt 499")), 0)

    def dataframes_are_read(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = self.client.dataframe.get(self.TABLE, select=["new_hours"], filter="new_hours lt 3", orderby=["new_hours"])
        equal([int(h) for h in read["new_hours"]], [0, 1, 2])

    def files_are_uploaded_whole_and_in_chunks(self):
        row = self.ids[5]
        small = os.path.join(self.folder, "plan.txt")
        large = os.path.join(self.folder, "big plan.bin")
        content = os.urandom(9 * 1024 * 1024)
        with open(small, "wb") as file:
            file.write(b"what we plan")
        with open(large, "wb") as file:
            file.write(content)
        self.client.files.upload(self.TABLE, row, "new_Plan", small, mime_type="text/plain")
        equal(self.download(row, "new_plan"), b"what we plan")
        equal(self.client.records.retrieve(self.TABLE, row, select=["new_plan_name"])["new_plan_name"], "plan.txt")
        self.client.files.upload(self.TABLE, row, "new_Plan", large, mode="chunk", if_none_match=False)
        assert self.download(row, "new_plan") == content, "the chunks came together wrongly"
        self.client.files.upload(self.TABLE, row, "new_Second_Plan", small)
        equal(self.download(row, "new_second_plan"), b"what we plan")

    def download(self, row, column):
        """The SDK has no download: one plain request."""
        request = Request(f"{self.url}/api/data/v9.2/new_projects({row})/{column}/$value", headers={"Authorization": "Bearer x"})
        with urlopen(request, context=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])) as answer:
            return answer.read()

    # ---- batches

    def a_batch_of_rows(self):
        batch = self.client.batch.new()
        batch.records.create(self.TABLE, {"new_title": "one", "new_code": "X-1"})
        batch.records.create(self.TABLE, [{"new_title": "two", "new_code": "X-2"}, {"new_title": "three", "new_code": "X-3"}])
        batch.records.update(self.TABLE, self.ids[6], {"new_notes": "batched"})
        batch.records.update(self.TABLE, self.ids[7:9], {"new_notes": "batched many"})
        batch.records.upsert(self.TABLE, [UpsertItem(alternate_key={"new_code": "X-4"}, record={"new_title": "four"})])
        batch.records.get(self.TABLE, self.ids[6], select=["new_notes"])
        batch.records.retrieve(self.TABLE, self.ids[7], select=["new_notes"], include_annotations="*")
        batch.records.list(self.TABLE, select=["new_title"], filter="startswith(new_code,'X-')", orderby=["new_code"], page_size=3)
        batch.query.sql("SELECT new_title FROM new_project WHERE new_code = 'X-4'")
        result = batch.execute()
        equal([r.status_code for r in result.responses], [204, 200, 204, 204, 204, 200, 200, 200, 200])
        equal(result.responses[5].data["new_notes"], "batched")
        equal(result.responses[6].data["new_notes"], "batched many")
        equal([row["new_title"] for row in result.responses[7].data["value"]], ["one", "two", "three"])
        equal([row["new_title"] for row in result.responses[8].data["value"]], ["four"])
        assert len(result.entity_ids) >= 1

    def a_change_set_is_all_or_nothing(self):
        batch = self.client.batch.new()
        with batch.changeset() as changes:
            lead = changes.records.create("contact", {"lastname": "Set"})
            project = changes.records.create(self.TABLE, {"new_title": "in a set", "new_code": "CS-1", "new_LeaderId@odata.bind": lead})
            changes.records.update(self.TABLE, project, {"new_hours": 42})
            changes.records.update("contact", lead, {"firstname": "Change"})
        result = batch.execute()
        assert not result.has_errors, [r.error_message for r in result.failed]
        row = first(self.client.records.list(self.TABLE, filter="new_code eq 'CS-1'", expand=["new_LeaderId($select=fullname)"]))
        equal((row["new_hours"], row["new_LeaderId"]["fullname"]), (42, "Change Set"))
        batch = self.client.batch.new()
        with batch.changeset() as changes:
            changes.records.create(self.TABLE, {"new_title": "not this", "new_code": "CS-2"})
            changes.records.delete(self.TABLE, self.ids[24])
            changes.records.create(self.TABLE, {"new_title": "too long", "new_code": "x" * 41})
        result = batch.execute()
        assert result.has_errors
        assert self.client.records.retrieve(self.TABLE, self.ids[24]), "the delete was not taken back"
        equal(first(self.client.records.list(self.TABLE, filter="new_code eq 'CS-2'")), None)

    def a_batch_goes_on_after_an_error_when_asked(self):
        for goes_on, wanted in [(False, [400]), (True, [400, 204, 404])]:
            batch = self.client.batch.new()
            batch.records.create(self.TABLE, {"new_title": "too long", "new_code": "x" * 41})
            batch.records.update(self.TABLE, self.ids[9], {"new_hours": 900})
            batch.records.delete(self.TABLE, "00000000-0000-0000-0000-000000000001")
            result = batch.execute(continue_on_error=goes_on)
            equal([r.status_code for r in result.responses], wanted)
            equal(result.failed[0].error_code.lower(), "0x80044331")

    def a_batch_of_dataframes(self):
        batch = self.client.batch.new()
        batch.dataframe.create(self.TABLE, pd.DataFrame([{"new_title": "bd 1"}, {"new_title": "bd 2"}]))
        ids = batch.execute().responses[0].data["Ids"]
        batch = self.client.batch.new()
        batch.dataframe.update(self.TABLE, pd.DataFrame([{"id": ids[0], "new_hours": 77}]), id_column="id")
        batch.dataframe.delete(self.TABLE, pd.Series(ids[1:]), use_bulk_delete=False)
        assert not batch.execute().has_errors
        equal(self.client.records.retrieve(self.TABLE, ids[0], select=["new_hours"])["new_hours"], 77)
        equal(self.client.records.retrieve(self.TABLE, ids[1]), None)

    def a_batch_of_tables(self):
        batch = self.client.batch.new()
        batch.tables.create("new_Stop", {"new_Where": "string"}, primary_column="new_StopName", display_name="Stop")
        batch.tables.get("new_Stop")
        batch.tables.list(filter="LogicalName eq 'new_stop'", select=["LogicalName"])
        result = batch.execute()
        assert not result.has_errors, [(r.status_code, r.error_message) for r in result.failed]
        batch = self.client.batch.new()
        batch.tables.add_columns("new_Stop", {"new_Minutes": "int", "new_Kind": Stage})
        batch.tables.create_lookup_field("new_stop", "new_ProjectId", "new_project", display_name="Project")
        batch.tables.create_one_to_many_relationship(
            LookupAttributeMetadata(schema_name="new_HostId", display_name=label("Host")),
            OneToManyRelationshipMetadata(
                schema_name="new_contact_stop", referenced_entity="contact", referencing_entity="new_stop", referenced_attribute="contactid"
            ),
        )
        batch.tables.create_many_to_many_relationship(
            ManyToManyRelationshipMetadata(schema_name="new_stop_account", entity1_logical_name="new_stop", entity2_logical_name="account")
        )
        batch.tables.get_relationship("new_stop_account")
        result = batch.execute()
        assert not result.has_errors, [(r.status_code, r.error_message) for r in result.failed]
        names = {c["LogicalName"] for c in self.client.tables.list_columns("new_Stop")}
        assert {"new_minutes", "new_kind", "new_projectid", "new_hostid"} <= names, sorted(names)
        relation = self.client.tables.get_relationship("new_stop_account")
        batch = self.client.batch.new()
        batch.tables.delete_relationship(relation.relationship_id)
        batch.tables.remove_columns("new_Stop", ["new_Minutes", "new_Kind"])
        result = batch.execute()
        assert not result.has_errors, [(r.status_code, r.error_message) for r in result.failed]
        equal(self.client.tables.get_relationship("new_stop_account"), None)
        batch = self.client.batch.new()
        batch.tables.delete("new_Stop")
        assert not batch.execute().has_errors
        equal(self.client.tables.get("new_Stop"), None)

    # ---- the end

    def relationships_and_tables_are_deleted(self):
        for name in ["new_project_contact", "new_account_project"]:
            self.client.tables.delete_relationship(self.client.tables.get_relationship(name).relationship_id)
            equal(self.client.tables.get_relationship(name), None)
        self.client.flush_cache("picklist")
        self.client.tables.delete(self.TABLE)
        equal(self.client.tables.get(self.TABLE), None)


def case_names():
    """The cases in their order: later ones use what earlier ones made."""
    return [name for name, value in vars(Cases).items() if callable(value) and not name.startswith("_") and name != "download"]


NOT_COVERED = {}


def main():
    url = sys.argv[1]
    report, calls = Report(CLIENT), Calls()
    for owner, cls in [
        ("records", RecordOperations), ("query", QueryOperations), ("tables", TableOperations), ("files", FileOperations),
        ("dataframe", DataFrameOperations), ("builder", QueryBuilder), ("batch", batch_parts.BatchOperations),
        ("batch.request", batch_parts.BatchRequest), ("batch.records", batch_parts.BatchRecordOperations),
        ("batch.tables", batch_parts.BatchTableOperations), ("batch.query", batch_parts.BatchQueryOperations),
        ("batch.dataframe", batch_parts.BatchDataFrameOperations),
        ("changeset.records", batch_parts.ChangeSetRecordOperations),
    ]:
        calls.watch(owner, cls)
    with tempfile.TemporaryDirectory() as folder, DataverseClient(url, Token()) as client:
        cases = Cases(client, url, folder)
        for name in case_names():
            report.run(name.replace("_", " "), getattr(cases, name))
    for case, reason in NOT_COVERED.items():
        report.tell(case, "not covered", reason)
    forgotten = [label for label in calls.never() if label not in NOT_COVERED]
    report.run("every public method was called", lambda: equal(forgotten, []))


if __name__ == "__main__":
    main()
