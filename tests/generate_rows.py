#!/usr/bin/env python3
"""Generates a Salesforce export of any size, with the headers and the dirt of the real one, as a project ready to run.

The same seed makes the same files. Shares of the tables and of closed cases and opportunities are near the real
export's; accounts have parents, so that there are levels.

    dv-emulator --listen 127.0.0.1:8080 --metadata fixtures/metadata/custom-tables.json &
    python3 tests/generate_rows.py /tmp/big --rows 200000 --seed 7 --url http://127.0.0.1:8080
    DV_TOKEN=any dv-migrate run --project /tmp/big
"""

import argparse
import csv
import datetime
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from project_folder import FIXTURES, assemble  # noqa: E402

REAL = FIXTURES / "source" / "sf-data-cloud-workshop"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
PREFIXES = {
    "Account": "001", "Contact": "003", "Lead": "00Q", "Case": "500", "Opportunity": "006", "Task": "00T",
    "Campaign": "701", "CampaignMember": "00v", "AccountContactRelation": "07k", "Branch__c": "a00",
}
# Parts of a thousand; what is left over goes to Task.
SHARES = {"Branch__c": 1, "Campaign": 1, "Account": 120, "Contact": 260, "Lead": 120, "Case": 90, "Opportunity": 110, "CampaignMember": 80, "AccountContactRelation": 40}
FIRST = ["Patricia", "Ashley", "Kelsey", "José", "Zoë", "Łukasz", "Mary", "Robert", "Noor", "Søren", "Ana", "Wei", "Judith", "Michael"]
LAST = ["Ryan", "Brock", "Massey", "Ångström", "O'Neil", "García", "Diaz", "Estes", "Nguyễn", "Müller", "Smith-Jones", "Okafor", "Lee", "Freeman"]
WORDS = ["Group", "Holdings", "Partners", "and Sons", "PLC", "Ltd", "Inc", "Verlag", "Société", "Brothers"]
CITIES = ["Katherinemouth", "Floresberg", "Samanthaton", "West Jacob", "Anthonyton", "East Kellyburgh", "São Vicente", "Münster"]
STATES = ["ID", "WV", "AK", "OK", "AL", "IN", "ME", "MN"]
STREETS = ["William Pass", "Levine Gateway", "Ryan Glens", "Emily Walks", "Clark Square", "Larson Rue"]
USER = "005Ec000004oBPNIA2"
START = datetime.datetime(2023, 1, 1)


def salesforce_id(prefix, number):
    """An 18-character id: 15 characters in which case matters, and three that say which are upper case."""
    digits = ""
    for _ in range(10):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    fifteen = prefix + "Ec" + digits
    suffix = "".join(
        SUFFIX[sum(1 << place for place, character in enumerate(fifteen[block:block + 5]) if "A" <= character <= "Z")]
        for block in (0, 5, 10))
    return fifteen + suffix


def stamp(rng):
    return (START + datetime.timedelta(seconds=rng.randrange(400 * 86400))).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def day(rng):
    return (START + datetime.timedelta(days=rng.randrange(700))).strftime("%Y-%m-%d")


def address(rng, prefix, country):
    street = f"{rng.randrange(1, 99999)} {rng.choice(STREETS)}" + (f"\nApt. {rng.randrange(1, 999)}" if rng.random() < 0.1 else "")
    city, state, code = rng.choice(CITIES), rng.choice(STATES), f"{rng.randrange(1, 99999):05}"
    made = {f"{prefix}Street": street, f"{prefix}City": city, f"{prefix}State": state, f"{prefix}PostalCode": code, f"{prefix}Country": country}
    if rng.random() < 0.98:
        plain = street.replace("\n", "\\n")
        made[f"{prefix}Address"] = f'{{"city":"{city}","country":"{country}","geocodeAccuracy":null,"latitude":null,"longitude":null,"postalCode":"{code}","state":"{state}","street":"{plain}"}}'
    return made


def phone(rng):
    return f"{rng.randrange(10**9, 10**10)}"


class Export:
    """Ids of all tables, and one row maker a table."""

    def __init__(self, rows, seed):
        self.seed = seed
        self.counts = {table: max(1, rows * share // 1000) for table, share in SHARES.items()}
        self.counts["Task"] = max(1, rows - sum(self.counts.values()))
        # A gap of a prime keeps neighbouring ids from differing in the last character alone.
        self.ids = {table: [salesforce_id(PREFIXES[table], 916_132_832 + 37 * i) for i in range(count)] for table, count in self.counts.items()}

    def rows(self, table):
        rng = random.Random(f"{self.seed}/{table}")
        make = getattr(self, "make_" + table.removesuffix("__c").lower())
        for index, key in enumerate(self.ids[table]):
            created = stamp(rng)
            row = {"Id": key, "OwnerId": USER, "CreatedDate": created, "CreatedById": USER, "LastModifiedDate": created,
                   "LastModifiedById": USER, "SystemModstamp": created}
            row.update(make(rng, index))
            yield row

    def person(self, rng, index, mail):
        first, last = rng.choice(FIRST), rng.choice(LAST)
        return {"FirstName": first, "LastName": last, "Salutation": rng.choice(["Mr.", "Ms.", "Mrs.", "Dr."]), "Name": f"{first} {last}",
                "Email": f"{mail}{index}@example.com", "Phone": phone(rng)}

    def make_branch(self, rng, index):
        return {"Name": f"Branch{index}", "External_id__c": f"Branch{index}", "Branch_Street_Address__c": f"{rng.randrange(999)} Vargas Rapid",
                "Branch_City__c": rng.choice(CITIES), "Branch_State__c": rng.choice(STATES), "Branch_Zip__c": f"{rng.randrange(99999)}"}

    def make_account(self, rng, index):
        row = {"Name": f"{rng.choice(LAST)} {rng.choice(WORDS)} {index}", "Phone": phone(rng), "Website": f"www.company{index}.com",
               "PhotoUrl": f"/services/images/photo/{self.ids['Account'][index]}", "Industry": rng.choice(["Hospitality", "Finance", "Healthcare", "Retail", "Education", "Technology", "Manufacturing"]),
               "AnnualRevenue": str(rng.randrange(10**5, 10**7)), "NumberOfEmployees": str(rng.randrange(1, 999)),
               "External_id__c": f"crm_account_{index}", "Classification__c": rng.choice(["Customer", "Customer", "Prospect"]),
               "Employee_Identification_Number__c": f"EIN_{rng.randrange(99999)}", "Branch__c": rng.choice(self.ids["Branch__c"])}
        if index and rng.random() < 0.3:
            row["ParentId"] = self.ids["Account"][rng.randrange(index)]
        if rng.random() < 0.05:
            row["Description"] = "First line, with a comma\nsecond line \"quoted\" 🚀"
        return {**row, **address(rng, "Billing", "United States")}

    def make_contact(self, rng, index):
        row = self.person(rng, index, "contact")
        if rng.random() < 0.6:
            row["AccountId"] = rng.choice(self.ids["Account"])
        if rng.random() < 0.94:
            row.update({"Employed__c": "Yes", "Current_Employer__c": f"{rng.choice(LAST)}, {rng.choice(LAST)} {rng.choice(WORDS)}", "Designation__c": rng.choice(["Firefighter", "Radio broadcast assistant", "Engineer"])})
        else:
            row["Employed__c"] = "No"
        row.update({"HomePhone": phone(rng), "Birthdate": f"{rng.randrange(1940, 2004)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
                    "PhotoUrl": f"/services/images/photo/{self.ids['Contact'][index]}", "External_id__c": f"crm_contact_{index}",
                    "Gender__c": rng.choice(["female", "male"]), "Annual_Income__c": str(rng.randrange(20000, 200000)),
                    "Education_Level__c": rng.choice(["Ph.D.", "High School", "Bachelor's Degree", "Master's Degree", "Bachelors"]),
                    "Housing_Status__c": rng.choice(["Rent", "Own"]), "Driving_License_Number__c": f"DL{phone(rng)}", "Branch__c": rng.choice(self.ids["Branch__c"])})
        return {**row, **address(rng, "Mailing", "US")}

    def make_lead(self, rng, index):
        row = self.person(rng, index, "lead")
        row.update({"Company": rng.choice(self.ids["Account"]), "PhotoUrl": f"/services/images/photo/{self.ids['Lead'][index]}",
                    "LeadSource": rng.choice(["Cold Call", "Referral", "Online Form"]), "Status": rng.choice(["Qualified", "New", "Working"]),
                    "IsUnreadByOwner": "1", "External_id__c": f"crm_lead_{index}", "Branch__c": rng.choice(self.ids["Branch__c"]),
                    "Home_Phone__c": phone(rng), "Gender__c": rng.choice(["female", "male"])})
        return {**row, **address(rng, "", "US")}

    def make_case(self, rng, index):
        kind = rng.choice(["Transaction issue", "Billing Inquiry", "Fraud Report", "Customer Feedback", "Account inquiry", "Account Closure", "Loan Application", "Card Replacement"])
        row = {"CaseNumber": f"{1000 + index:08}", "ContactId": rng.choice(self.ids["Contact"]), "BusinessHoursId": "01mEc000000JAoTIAW", "Type": kind,
               "Status": rng.choices(["open", "Closed", "in_progress"], [15, 14, 11])[0], "IsVisibleInSelfService": "1", "Subject": f"Regarding {kind}",
               "Priority": "Medium", "External_id__c": f"contact_case_{index}", "createddate__c": day(rng)}
        if rng.random() < 0.35:
            row["AccountId"] = rng.choice(self.ids["Account"])
        if row["Status"] == "Closed":
            row.update({"IsClosed": "1", "IsClosedOnCreate": "1", "ClosedDate": stamp(rng), "CloseDate__c": day(rng)})
        return row

    def make_opportunity(self, rng, index):
        stage, category, code, chance = rng.choices(
            [("Closed Won", "Closed", "Closed", "100"), ("Qualification", "Pipeline", "Pipeline", "10"), ("Negotiation", "Best Case", "BestCase", "0"),
             ("Discovery", "Pipeline", "Pipeline", "0"), ("Proposal/Quote", "Best Case", "BestCase", "0"), ("Closed Lost", "Omitted", "Omitted", "0")],
            [12, 9, 9, 9, 8, 3])[0]
        closes = day(rng)
        product = rng.choice(["Merchant Services", "Business Checking Account", "Business Loans", "Business Savings Account"])
        row = {"AccountId": rng.choice(self.ids["Account"]), "Name": f"{rng.choice(LAST)} {rng.choice(WORDS)} - {product} - {closes[:7]}", "StageName": stage,
               "Amount": f"{rng.randrange(10**6, 3 * 10**8) / 100:.2f}", "Probability": chance, "CloseDate": closes, "ForecastCategory": code,
               "ForecastCategoryName": category, "FiscalYear": closes[:4], "External_id__c": f"ext_opportunity_{index}", "Product__c": product}
        if stage.startswith("Closed"):
            row["IsClosed"] = "1"
            row["IsWon"] = "1" if stage == "Closed Won" else ""
        return row

    def make_task(self, rng, index):
        subject = rng.choice(["Customer Onboarding", "Credit Card Application", "Insurance Consultation", "Follow-up"])
        row = {"Subject": subject, "ActivityDate": day(rng), "Status": "Not Started", "Priority": "Normal", "TaskSubtype": "Task",
               "External_id__c": f"ext_contact_task_{index}", "Type__c": rng.choice(["Email", "Call", "Prep", "Other", "Meeting"])}
        if rng.random() < 0.8:
            row["WhoId"] = rng.choice(self.ids["Contact"])
            if rng.random() < 0.5:
                row["WhatId"] = row["AccountId"] = rng.choice(self.ids["Account"])
        else:
            row["WhoId"] = rng.choice(self.ids["Lead"])
        return row

    def make_campaign(self, rng, index):
        begins = START + datetime.timedelta(days=rng.randrange(400))
        return {"Name": f"Home Loan Special - {index}", "Type": rng.choice(["Email", "event", "web marketing", "social media"]),
                "Status": rng.choice(["Completed", "Completed", "Planned"]), "StartDate": begins.strftime("%Y-%m-%d"),
                "EndDate": (begins + datetime.timedelta(days=rng.randrange(60))).strftime("%Y-%m-%d"), "ExpectedResponse": "0", "NumberSent": "0",
                "External_id__c": f"Campaign_{index}"}

    def make_campaignmember(self, rng, index):
        row = self.person(rng, index, "member")
        is_lead = rng.random() < 0.5
        who = rng.choice(self.ids["Lead" if is_lead else "Contact"])
        row.update({"CampaignId": rng.choice(self.ids["Campaign"]), "LeadId" if is_lead else "ContactId": who, "Status": "Sent",
                    "Type": "Lead" if is_lead else "Contact", "LeadOrContactId": who, "LeadOrContactOwnerId": USER,
                    "External_id__c": "Campaign_Member", "Added_Date__c": day(rng)})
        if is_lead:
            row["CompanyOrAccount"] = rng.choice(self.ids["Account"])
        row.pop("OwnerId", None)
        return {**row, **{k: v for k, v in address(rng, "", "US").items() if k != "Address"}}

    def make_accountcontactrelation(self, rng, index):
        return {"AccountId": rng.choice(self.ids["Account"]), "ContactId": rng.choice(self.ids["Contact"]), "IsDirect": rng.choice(["1", "1", ""]), "IsActive": "1"}


def generate(folder, rows, seed):
    """Writes the CSV files; returns the number of rows per table."""
    export = Export(rows, seed)
    for table in export.counts:
        with open(REAL / f"{table}.csv", encoding="utf-8-sig", newline="") as real:
            header = next(csv.reader(real))
        with open(folder / f"{table}.csv", "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, header, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(export.rows(table))
    return export.counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="project folder to create")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--url", help="base URL of the target")
    arguments = parser.parse_args()
    if arguments.rows < 20:
        parser.error("--rows must be at least 20")
    with tempfile.TemporaryDirectory() as made:
        counts = generate(pathlib.Path(made), arguments.rows, arguments.seed)
        try:
            assemble("sf-workshop", arguments.folder, arguments.url, source=made)
        except FileExistsError as problem:
            print(problem, file=sys.stderr)
            return 2
    for table, count in counts.items():
        print(f"{table:<24} {count:>9,}")
    print(f"{'rows':<24} {sum(counts.values()):>9,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
