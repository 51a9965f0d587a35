"""The project that chaos loads: its settings, its CSV files in two rounds, and what must be in the target after each.

Every way of writing has rows: inserts with a hierarchy, a cycle and a deferred lookup, client-made and server-made GUIDs,
N:N pairs, plain states, opportunities that are won and lost, cases that are resolved; and, in the second round, changes,
deletions, pairs taken apart, later closings and more inserts. Values follow from the row's number alone.
"""

import csv
import dataclasses
import decimal
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from expected import Number, Ref, Table  # noqa: E402

SETTINGS = """\
[project]
name = "chaos"
[target]
url = "{url}"
auth = "static-token"
[staging]
busy_timeout = "{busy}ms"
[owners]
fallback = {{ table = "systemuser", id = "me" }}
[load]
batch = {batch}
chunk = {chunk}
concurrency = {concurrency}
lease = "{lease}ms"
request_timeout = "{timeout}ms"
quiet_time = "{quiet}ms"
grace = "300ms"
attempts = 6
error_rate_limit = 1
plan_budget = false

[[map]]
table = "account"
source = "Account"
key = "Id"
sql = ["scripts/deleted.sql"]
ignore = ["Deleted"]
[map.columns]
accountnumber = "Id"
name = "Name"
numberofemployees = "Employees"
description = "Remark"
statuscode = "Status"
parentaccountid = {{ lookup = "Parent", to = "account" }}
primarycontactid = {{ lookup = "Contact", to = "contact" }}

[[map]]
table = "contact"
source = "Contact"
key = "Id"
ignore = ["Deleted"]
[map.columns]
employeeid = "Id"
lastname = "Name"
jobtitle = "Job"
parentcustomerid = {{ lookup = "Account", to = "account" }}

[[map]]
table = "opportunity"
source = "Opportunity"
key = "Id"
[map.columns]
name = "Id"
customerid = {{ lookup = "Account", to = "account" }}
isrevenuesystemcalculated = {{ constant = false }}
actualvalue = "Won"
actualclosedate = {{ from = "Closed", format = "%Y-%m-%d" }}
stepname = "Step"
statuscode = "Status"

[[map]]
table = "incident"
source = "Case"
key = "Id"
[map.columns]
ticketnumber = "Id"
title = "Title"
customerid = {{ lookup = "Account", to = "account" }}
statuscode = "Status"

[[map]]
table = "task"
source = "Task"
key = "Id"
guid = "sequential"
ignore = ["Deleted"]
[map.columns]
subject = "Id"
category = "Kind"
regardingobjectid = {{ lookup = "Case", to = "incident" }}
statuscode = "Status"

[[map]]
table = "campaign"
source = "Campaign"
key = "Id"
[map.columns]
codename = "Id"
name = "Name"

[[map]]
table = "list"
source = "List"
key = "Id"
[map.columns]
listname = "Id"
createdfromcode = {{ constant = "Contact" }}
type = {{ constant = false }}

[[map]]
table = "campaignitem"
source = "Pair"
key = "Id"
ignore = ["Deleted"]
[map.columns]
campaignid = {{ lookup = "Campaign", to = "campaign" }}
entityid = {{ lookup = "List", to = "list" }}
"""

# How rows are staged to be deleted: by a script, as a project that tells deletions would do it.
DELETED = [("account", "Account"), ("contact", "Contact"), ("task", "Task"), ("campaignitem", "Pair")]
SCRIPT = "".join(
    f"UPDATE ${{target.{table}}} SET DataMigration_ActionFlag = 'D' WHERE DataMigration_SourceKey IN "
    f"(SELECT Id FROM ${{source.{source}}} WHERE Deleted = '1');\n" for table, source in DELETED)

MAPPING = [
    ("Account", "account", "Active", 1), ("Account", "account", "Inactive", 2),
    ("Opportunity", "opportunity", "In Progress", 1), ("Opportunity", "opportunity", "Won", 3), ("Opportunity", "opportunity", "Out-Sold", 5),
    ("Case", "incident", "In Progress", 1), ("Case", "incident", "Problem Solved", 5),
    ("Task", "task", "Not Started", 2), ("Task", "task", "Completed", 5),
]
STATUS = {(table, text): value for _, table, text, value in MAPPING}
STATE = {("account", 2): 1, ("opportunity", 3): 1, ("opportunity", 5): 2, ("incident", 5): 1, ("task", 5): 1}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How many rows of each table; all of them together are about `rows`."""

    account: int
    contact: int
    opportunity: int
    incident: int
    task: int
    campaign: int
    list: int

    @classmethod
    def of(cls, rows):
        part = lambda share, least: max(rows * share // 1000, least)  # noqa: E731
        return cls(part(180, 30), part(240, 40), part(160, 30), part(110, 20), part(170, 30), part(20, 6), part(20, 6))


class Round:
    """The rows of one round: 1 is the first load, 2 the delta after it."""

    def __init__(self, sizes, number):
        self.sizes, self.number = sizes, number
        later = number == 2
        self.more = lambda count: count + count // 10 if later else count
        # Nothing but the cycle points at the last fifth of the accounts: some of them may go.
        self.parents = max(sizes.account * 4 // 5, 1)

    def is_later(self, n, every, rest):
        """Whether the second round has something else to say about row n."""
        return self.number == 2 and n % every == rest

    def accounts(self):
        first = self.sizes.account
        for n in range(self.more(first)):
            parent = None if n == 0 or n % 5 == 4 else (n - 1) // 8
            if n in (first - 1, first - 2):
                parent = 2 * first - 3 - n
            is_deleted = self.number == 2 and self.parents <= n < first - 2 and n % 3 == 0
            changed = self.is_later(n, 4, 1)
            yield {
                "Id": f"A{n:05}", "Name": f"Account {n}", "Employees": 10 + n + (100_000 if changed else 0),
                "Remark": f"Changed {n}" if changed else f"First {n}", "Status": "Inactive" if n % 10 == 9 else "Active",
                "Parent": None if parent is None else f"A{parent:05}",
                "Contact": f"C{n:05}" if n % 2 == 0 else None, "Deleted": int(is_deleted),
            }

    def contacts(self):
        for n in range(self.more(self.sizes.contact)):
            is_deleted = self.number == 2 and n % 2 == 1 and n % 5 == 4 and n < self.sizes.contact
            yield {
                "Id": f"C{n:05}", "Name": f"Contact {n}", "Job": f"Job {n}{' again' if self.is_later(n, 3, 0) else ''}",
                "Account": f"A{n % self.parents:05}", "Deleted": int(is_deleted),
            }

    def opportunities(self):
        for n in range(self.more(self.sizes.opportunity)):
            ends = ["Won", "Out-Sold", "In Progress"][n % 3]
            if ends == "In Progress" and self.is_later(n, 2, 0):
                ends = "Won"
            is_closed = ends != "In Progress"
            yield {
                "Id": f"O{n:05}", "Account": f"A{n * 7 % self.parents:05}", "Status": ends, "Won": 500 + n if ends == "Won" else None,
                "Closed": f"2024-03-{n % 28 + 1:02}" if is_closed else None, "Step": "4-Close" if is_closed else "1-Begin",
            }

    def is_resolved(self, case):
        return case % 2 == 0 or self.is_later(case, 4, 1)

    def cases(self):
        for n in range(self.sizes.incident):
            status = "Problem Solved" if self.is_resolved(n) else "In Progress"
            yield {"Id": f"K{n:05}", "Title": f"Case {n}", "Account": f"A{n * 3 % self.parents:05}", "Status": status}

    def tasks(self):
        for n in range(self.more(self.sizes.task)):
            case = n * 5 % self.sizes.incident
            # A case cannot be resolved while an activity of it is open.
            is_done = self.is_resolved(case) or n % 3 == 0
            is_deleted = self.number == 2 and n % 10 == 7 and n < self.sizes.task
            yield {
                "Id": f"T{n:05}", "Kind": f"Kind {n}", "Case": f"K{case:05}",
                "Status": "Completed" if is_done else "Not Started", "Deleted": int(is_deleted),
            }

    def campaigns(self):
        for n in range(self.sizes.campaign):
            yield {"Id": f"P{n:05}", "Name": f"Campaign {n}{' again' if self.is_later(n, 2, 0) else ''}"}

    def lists(self):
        for n in range(self.sizes.list):
            yield {"Id": f"L{n:05}"}

    def pairs(self):
        for n in range(self.sizes.campaign):
            for step in range(min(5, self.sizes.list)):
                other = (n + step) % self.sizes.list
                is_deleted = self.number == 2 and (n + step) % 3 == 0
                yield {"Id": f"P{n:05}-L{other:05}", "Campaign": f"P{n:05}", "List": f"L{other:05}", "Deleted": int(is_deleted)}

    def sources(self):
        return {
            "Account": self.accounts, "Contact": self.contacts, "Opportunity": self.opportunities, "Case": self.cases,
            "Task": self.tasks, "Campaign": self.campaigns, "List": self.lists, "Pair": self.pairs,
        }

    def count(self):
        return sum(sum(1 for _ in rows()) for rows in self.sources().values())

    def write(self, folder):
        """The CSV files."""
        (folder / "source").mkdir(parents=True, exist_ok=True)
        for name, rows in self.sources().items():
            rows = list(rows())
            with open(folder / "source" / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, rows[0].keys())
                writer.writeheader()
                writer.writerows(rows)

    def expected(self):
        """What the target must hold, as the tables that `independent_check` compares."""
        ref = lambda table, key: None if key is None else Ref(table, key)  # noqa: E731
        staying = lambda rows: (row for row in rows if not row.get("Deleted"))  # noqa: E731
        account = Table("account", "accounts", "accountid", key="accountnumber")
        for row in staying(self.accounts()):
            account.add(row["Id"], name=row["Name"], numberofemployees=row["Employees"], description=row["Remark"], **state("account", row),
                        parentaccountid=ref("account", row["Parent"]), primarycontactid=ref("contact", row["Contact"]))
        contact = Table("contact", "contacts", "contactid", key="employeeid")
        for row in staying(self.contacts()):
            contact.add(row["Id"], lastname=row["Name"], jobtitle=row["Job"], parentcustomerid=ref("account", row["Account"]))
        opportunity = Table("opportunity", "opportunities", "opportunityid", key="name")
        for row in self.opportunities():
            won = None if row["Won"] is None else Number(decimal.Decimal(row["Won"]))
            opportunity.add(row["Id"], customerid=ref("account", row["Account"]), actualvalue=won, actualclosedate=row["Closed"],
                            stepname=row["Step"], **state("opportunity", row))
        incident = Table("incident", "incidents", "incidentid", key="ticketnumber")
        for row in self.cases():
            incident.add(row["Id"], title=row["Title"], customerid=ref("account", row["Account"]), **state("incident", row))
        task = Table("task", "tasks", "activityid", key="subject")
        for row in staying(self.tasks()):
            task.add(row["Id"], category=row["Kind"], regardingobjectid=ref("incident", row["Case"]), **state("task", row))
        campaign = Table("campaign", "campaigns", "campaignid", key="codename")
        for row in self.campaigns():
            campaign.add(row["Id"], name=row["Name"])
        lists = Table("list", "lists", "listid", key="listname")
        for row in self.lists():
            lists.add(row["Id"])
        campaign.pairs["campaignlist_association"] = {
            (row["Campaign"], Ref("list", row["List"])) for row in staying(self.pairs())}
        return [account, contact, opportunity, incident, task, campaign, lists]


def state(table, row):
    status = STATUS[table, row["Status"]]
    return {"statuscode": status, "statecode": STATE.get((table, status), 0)}


def write_project(folder, **settings):
    """Everything but the CSV files."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "migration.toml").write_text(SETTINGS.format(**settings), encoding="utf-8")
    (folder / "scripts" / "deleted.sql").write_text(SCRIPT, encoding="utf-8")
    with open(folder / "optionset-mapping.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SourceTable", "TargetTable", "TargetColumn", "SourceText", "TargetText", "TargetValue"])
        writer.writerows((source, table, "statuscode", text, text, value) for source, table, text, value in MAPPING)
