#!/usr/bin/env python3
"""Makes a copy of a project's export with rows at the edges of what a staging database can tell apart.

Keys that differ by case alone, emoji in keys, names and texts, money of 19 digits, dates on the first and the last day; each
pointed at by its own rows, so that a key that is taken for its twin shows as a wrong lookup. The rules of tests/expected hold
for these rows as for the others.

    python3 tests/edges.py npsp /tmp/npsp-source --metadata /tmp/npsp-tables.json
"""

import argparse
import csv
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from project_folder import FIXTURES, SOURCE_SETS  # noqa: E402

ROCKET = "\U0001F680"
# A family of four in one glyph, an umlaut of two characters, a letter outside cp1252 and one that compares as `ss`.
ODD = "\U0001F468\u200D\U0001F469\u200D\U0001F467 Zo\u0065\u0308 \u017B\u00F3\u0142\u0107 Stra\u00DFe"
FIRST, LAST = "1753-01-01", "9999-12-31"
# Money is a number of 64 bits with four decimals: 19 digits.
MOST, LEAST = "922337203685476.9999", "0.0001"


class Export:
    """The files of an export, as they are, and rows added to them."""

    def __init__(self, project):
        self.headers, self.rows, self.added = {}, {}, 0
        for file in sorted((FIXTURES / "source" / SOURCE_SETS[project]).glob("*.csv")):
            with open(file, encoding="utf-8-sig", newline="") as opened:
                reader = csv.DictReader(opened)
                self.rows[file.stem] = list(reader)
                self.headers[file.stem] = reader.fieldnames

    def add(self, source, **changes):
        """A copy of the first row of a file with these cells changed."""
        unknown = changes.keys() - set(self.headers[source])
        assert not unknown, f"{source} has no {unknown}"
        self.rows[source].append({**self.rows[source][0], **changes})
        self.added += 1

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for source, rows in self.rows.items():
            with open(folder / f"{source}.csv", "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, self.headers[source], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)


def sf_workshop(export):
    parent = ""
    for number, twin in enumerate(["EdgeKey", "edgekey", f"Edge{ROCKET}Key", f"edge{ROCKET}key"]):
        account, contact = f"001Zz{twin}", f"003Zz{twin}"
        export.add("Account", Id=account, Name=f"{ROCKET} {twin}", ParentId=parent, AnnualRevenue="99999999999.99",
                   Description=ODD * 40, External_id__c=f"edge account {number}")
        export.add("Contact", Id=contact, LastName=f"{twin} {ODD}", AccountId=account, Birthdate=[FIRST, LAST][number % 2],
                   Annual_Income__c="0.01", Email=f"edge{number}@example.com", External_id__c=f"edge contact {number}")
        export.add("Opportunity", Id=f"006Zz{twin}", Name=f"{ODD} {twin}", AccountId=account, CloseDate=[LAST, FIRST][number % 2],
                   Amount="99999999999.99", External_id__c=f"edge opportunity {number}")
        export.add("Task", Id=f"00TZz{twin}", WhoId=contact, WhatId=account, Subject=f"{ROCKET}{ODD}", ActivityDate=[FIRST, LAST][number % 2],
                   External_id__c=f"edge task {number}")
        parent = account


def npsp(export):
    for number, twin in enumerate(["EdgeKey", "edgekey", f"Edge{ROCKET}Key", f"edge{ROCKET}key"]):
        # The project's script reads the keys of contacts as numbers.
        contact = str(900_000 + number)
        export.add("Account", id=twin, Name=f"{twin} {ODD}")
        export.add("Contact", id=contact, LastName=ODD, account_id=twin)
        export.add("Campaign", id=twin, name=f"{ROCKET} {ODD}")
        export.add("Opportunity", id=twin, name=f"{ROCKET} {twin}", amount="99999999999.99", stage_name="Closed Won",
                   close_date=[FIRST, LAST][number % 2], account_id=twin, primary_contact__c=contact, campaign_id=twin)
        export.add("npe01__OppPayment__c", id=twin, npe01__Payment_Amount__c=[MOST, LEAST, f"-{MOST}", f"-{LEAST}"][number],
                   npe01__Payment_Date__c=[LAST, FIRST][number % 2], npe01__Scheduled_Date__c=[FIRST, LAST][number % 2],
                   npe01__opportunity__c=twin)


def northwind(export):
    manager = ""
    for number, twin in enumerate(["alfki", "Alfki", f"ALFKI{ROCKET}", f"alfki{ROCKET}"]):
        export.add("Customers", CustomerID=twin, CompanyName=f"{twin} {ODD}", ContactName=f"{ROCKET}{number} {ODD}", City=ROCKET)
        export.add("Suppliers", SupplierID=twin, CompanyName=f"{ODD} {twin}", ContactName=ODD)
        export.add("Employees", EmployeeID=twin, LastName=ODD, BirthDate=["01/01/1753", "12/31/9999"][number % 2],
                   HireDate=["12/31/9999", "01/01/1753"][number % 2], Notes=ODD * 60, ReportsTo=manager)
        manager = twin


EDGES = {"sf-workshop": sf_workshop, "npsp": npsp, "northwind": northwind}


def four_decimals():
    """The metadata of npsp's tables, in which the amount of a payment has the four decimals that money can have."""
    tables = json.loads((FIXTURES / "metadata" / "npsp-tables.json").read_text(encoding="utf-8"))
    columns = next(table for table in tables["value"] if table["LogicalName"] == "new_payment")["Attributes"]
    for column in columns:
        if column["LogicalName"] == "new_amount":
            column.update(Precision=4, PrecisionSource=0)
    return tables


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", choices=sorted(EDGES))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--metadata", type=pathlib.Path, help="write the tables that the target must know instead of npsp-tables.json")
    arguments = parser.parse_args()
    export = Export(arguments.project)
    EDGES[arguments.project](export)
    export.write(arguments.folder)
    if arguments.metadata:
        arguments.metadata.write_text(json.dumps(four_decimals()), encoding="utf-8")
    print(f"{export.added} rows added")
    return 0


if __name__ == "__main__":
    sys.exit(main())
