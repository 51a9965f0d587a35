#!/usr/bin/env python3
"""Makes a copy of the Salesforce export in which rows are spoiled on purpose, each in one way.

Next to the CSV files comes `expected-findings.json`:

- `findings`: table, source table, source key, column, rule, that must be reported before loading; the rows must not load;
- `good`: rows that look suspicious and must load all the same, with the values that they must have.

    python3 tests/spoiled/make_spoiled.py /tmp/spoiled-source
"""

import argparse
import csv
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from project_folder import FIXTURES  # noqa: E402

REAL = FIXTURES / "source" / "sf-data-cloud-workshop"
ROCKET = "\U0001F680"
BELL = "\u0007"


class Copy:
    """The files, and what is expected of the rows added to them."""

    def __init__(self):
        self.headers, self.rows = {}, {}
        for file in sorted(REAL.glob("*.csv")):
            with open(file, encoding="utf-8-sig", newline="") as opened:
                reader = csv.DictReader(opened)
                self.rows[file.stem] = list(reader)
                self.headers[file.stem] = reader.fieldnames
        self.findings, self.good, self.number = [], [], 0

    def add(self, source, **changes):
        """A copy of the first row of a file under a key of its own, with some cells changed."""
        self.number += 1
        row = dict(self.rows[source][0])
        # Ids of no real row: the real ones have `Ec` behind the prefix.
        row["Id"] = f"{row['Id'][:3]}Zz{self.number:010}AAA"
        if "CaseNumber" in row:
            row["CaseNumber"] = f"9{self.number:07}"
        if "Email" in row:
            row["Email"] = f"spoiled{self.number}@example.com"
        row.update(changes)
        self.rows[source].append(row)
        return row["Id"]

    def bad(self, source, table, column, rule, **changes):
        key = self.add(source, **changes)
        self.findings.append({"table": table, "source": source, "key": key, "column": column, "rule": rule})
        return key

    def fine(self, source, table, values, **changes):
        key = self.add(source, **changes)
        self.good.append({"table": table, "source": source, "key": key, "values": values})
        return key


def spoil():
    copy = Copy()
    # Text: 79 characters, but 81 UTF-16 units in a column of 80.
    copy.bad("Account", "account", "address1_city", "length", BillingCity="C" * 77 + ROCKET * 2)
    copy.fine("Account", "account", {"address1_city": "C" * 78 + ROCKET}, BillingCity="C" * 78 + ROCKET)
    # The same in a column that is fitted: cut in front of the emoji, not through it.
    copy.fine("Account", "account", {"description": "d" * 1999}, Description="d" * 1999 + ROCKET)
    copy.bad("Account", "account", "name", "control-character", Name=f"Bell{BELL}Boy")
    # Six plain characters that would be half an emoji if somebody unescaped them.
    copy.fine("Account", "account", {"description": "half a rocket: \\ud83d"}, Description="half a rocket: \\ud83d")
    copy.fine("Account", "account", {"description": "tab\tand\nbreak"}, Description="tab\tand\nbreak")
    # Choices.
    copy.bad("Account", "account", "industrycode", "option", Industry="Alchemy")
    copy.bad("Case", "incident", "statuscode", "option", Status="reopened")
    copy.fine("Lead", "lead", {"statuscode": 1}, Status=" NEW")
    # Numbers, dates, words.
    copy.bad("Account", "account", "numberofemployees", "range", NumberOfEmployees="-5")
    copy.bad("Account", "account", "numberofemployees", "number", NumberOfEmployees="12.5")
    copy.bad("Account", "account", "revenue", "number", AnnualRevenue="a lot")
    copy.bad("Opportunity", "opportunity", "closeprobability", "range", Probability="101")
    copy.bad("Contact", "contact", "birthdate", "date", Birthdate="2023-02-30")
    copy.bad("Contact", "contact", "birthdate", "date", Birthdate="31.12.1999")
    copy.bad("Contact", "contact", "birthdate", "date-range", Birthdate="1700-01-01")
    copy.bad("Contact", "contact", "new_employed", "boolean", Employed__c="Maybe")
    # Lookups.
    copy.bad("Contact", "contact", "parentcustomerid", "lookup", AccountId="001ZzNOBODYHOMEAAA")
    copy.bad("Task", "task", "regardingobjectid", "lookup", WhatId="006ZzNOBODYHOMEAAA")
    copy.bad("CampaignMember", "campaignresponse", "customer", "lookup", LeadId="00QZzNOBODYHOMEAAA", ContactId="")
    # Required.
    copy.bad("Case", "incident", "customerid", "required", AccountId="", ContactId="")
    # One row of the source, two tables that want its name.
    nameless = copy.bad("Campaign", "campaign", "name", "required", Name="")
    copy.findings.append({"table": "list", "source": "Campaign", "key": nameless, "column": "listname", "rule": "required"})
    # Keys: the second of two equal ones, one with a blank behind it, none at all; and two that differ in case alone.
    first = copy.rows["Contact"][0]["Id"]
    copy.bad("Contact", "contact", None, "duplicate-key", Id=first)
    copy.bad("Lead", "lead", None, "key-blanks", Id="00QZzTRAILINGBLAAA ")
    copy.bad("Opportunity", "opportunity", None, "key-missing", Id="")
    copy.findings[-1]["key"] = None
    lower = copy.fine("Lead", "lead", {"lastname": "Lower"}, LastName="Lower", Id="00QZzcaseonlyzzAAA")
    copy.fine("Lead", "lead", {"lastname": "Upper"}, LastName="Upper", Id="00QZzCASEONLYZZAAA")
    assert lower.lower() == "00QZzCASEONLYZZAAA".lower()
    return copy


def write(folder):
    copy = spoil()
    folder.mkdir(parents=True, exist_ok=True)
    for source, rows in copy.rows.items():
        with open(folder / f"{source}.csv", "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, copy.headers[source], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    expected = {"findings": copy.findings, "good": copy.good}
    (folder / "expected-findings.json").write_text(json.dumps(expected, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
    return copy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    copy = write(arguments.folder)
    print(f"{len(copy.findings)} spoiled rows, {len(copy.good)} that only look so")
    return 0


if __name__ == "__main__":
    sys.exit(main())
