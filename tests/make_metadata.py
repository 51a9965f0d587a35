#!/usr/bin/env python3
"""Writes fixtures/metadata/{overrides,custom-tables,npsp-tables}.json.

The JSON files are what the product and the emulator read; this script is how they came about, so that a column is
added in one line and not in forty. Standard library only.

    python3 tests/make_metadata.py            # writes the files
    python3 tests/make_metadata.py --check    # fails when they differ from what would be written
"""

import gzip
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "metadata"

LEARN = "Microsoft Learn, "
CUT = (
    "the generated snapshot cut option values at their first thousands separator; values as in " + LEARN
)


def label(text):
    return {"UserLocalizedLabel": {"Label": text, "LanguageCode": 1033}}


def option(value, text, state=None):
    made = {"Value": value, "Label": label(text)}
    if state is not None:
        made["State"] = state
    return made


def attribute(kind, type_name, schema_name, display, required="None", create=True, update=True, **more):
    """One attribute in the shape of the Web API's EntityDefinitions."""
    names = {"Memo": "Memo", "Uniqueidentifier": "UniqueIdentifier", "Owner": "Lookup"}
    made = {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{names.get(kind, kind)}AttributeMetadata",
        "LogicalName": schema_name.lower(),
        "SchemaName": schema_name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": type_name},
        "DisplayName": label(display),
        "IsPrimaryId": False,
        "IsPrimaryName": False,
        "IsCustomAttribute": schema_name.startswith("new_"),
        "RequiredLevel": {"Value": required},
        "IsValidForCreate": create,
        "IsValidForUpdate": update,
        "IsValidForRead": True,
    }
    made.update(more)
    return made


def text(schema_name, display, length, **more):
    return attribute("String", "StringType", schema_name, display, MaxLength=length, Format="Text", **more)


def memo(schema_name, display, length):
    return attribute("Memo", "MemoType", schema_name, display, MaxLength=length, Format="TextArea")


def whole(schema_name, display, least, most):
    return attribute("Integer", "IntegerType", schema_name, display, MinValue=least, MaxValue=most, Format="None")


def decimal(schema_name, display, least, most, precision):
    return attribute("Decimal", "DecimalType", schema_name, display, MinValue=least, MaxValue=most, Precision=precision)


def money(schema_name, display):
    """The amount, and the same amount in the base currency, which the service computes."""
    amount = attribute("Money", "MoneyType", schema_name, display, MinValue=-922337203685477.0,
                       MaxValue=922337203685477.0, Precision=2)
    base = attribute("Money", "MoneyType", schema_name + "_Base", display + " (Base)", create=False, update=False,
                     MinValue=-922337203685477.0, MaxValue=922337203685477.0, Precision=4)
    return [amount, base]


def date(schema_name, display):
    return attribute("DateTime", "DateTimeType", schema_name, display, Format="DateOnly",
                     DateTimeBehavior={"Value": "DateOnly"})


def instant(schema_name, display, **more):
    return attribute("DateTime", "DateTimeType", schema_name, display, Format="DateAndTime",
                     DateTimeBehavior={"Value": "UserLocal"}, **more)


def yes_no(schema_name, display, default=False):
    return attribute("Boolean", "BooleanType", schema_name, display, DefaultValue=default, OptionSet={
        "IsGlobal": False, "OptionSetType": "Boolean", "Name": schema_name.lower(),
        "FalseOption": option(0, "No"), "TrueOption": option(1, "Yes")})


def choice(schema_name, display, labels, table):
    return attribute("Picklist", "PicklistType", schema_name, display, OptionSet={
        "IsGlobal": False, "OptionSetType": "Picklist", "Name": f"{table}_{schema_name.lower()}",
        "Options": [option(100_000_000 + i, each) for i, each in enumerate(labels)]})


def lookup(schema_name, display, targets, kind="Lookup", **more):
    type_name = {"Lookup": "LookupType", "Owner": "OwnerType"}[kind]
    return attribute(kind, type_name, schema_name, display, Targets=targets, **more)


def many_to_one(table, schema_name, target, name, target_key=None, navigation=None):
    return {
        "SchemaName": name,
        "ReferencedEntity": target,
        "ReferencedAttribute": target_key or {"task": "activityid"}.get(target, target + "id"),
        "ReferencingEntity": table,
        "ReferencingAttribute": schema_name.lower(),
        "ReferencingEntityNavigationPropertyName": navigation or schema_name,
        "ReferencedEntityNavigationPropertyName": name,
    }


def custom_lookup(table, schema_name, display, target):
    """A lookup column and its relationship: the navigation property is the schema name, in mixed case (§2.7)."""
    return lookup(schema_name, display, [target]), many_to_one(
        table, schema_name, target, f"new_{target.removeprefix('new_')}_{table.removeprefix('new_')}_{schema_name.removeprefix('new_')}")


def system_columns(name, display, code):
    key = f"{name}Id" if name.startswith("new_") else name + "id"
    read_only = {"create": False, "update": False}
    columns = [
        attribute("Uniqueidentifier", "UniqueidentifierType", key, display, required="SystemRequired", update=False,
                  IsPrimaryId=True),
        lookup("CreatedBy", "Created By", ["systemuser"], **read_only),
        instant("CreatedOn", "Created On", **read_only),
        lookup("CreatedOnBehalfBy", "Created By (Delegate)", ["systemuser"], **read_only),
        lookup("ModifiedBy", "Modified By", ["systemuser"], **read_only),
        instant("ModifiedOn", "Modified On", **read_only),
        lookup("ModifiedOnBehalfBy", "Modified By (Delegate)", ["systemuser"], **read_only),
        lookup("OwnerId", "Owner", ["systemuser", "team"], kind="Owner", required="SystemRequired"),
        lookup("OwningBusinessUnit", "Owning Business Unit", ["businessunit"], **read_only),
        lookup("OwningTeam", "Owning Team", ["team"], **read_only),
        lookup("OwningUser", "Owning User", ["systemuser"], **read_only),
        attribute("State", "StateType", "statecode", "Status", required="SystemRequired", create=False, OptionSet={
            "IsGlobal": False, "OptionSetType": "State", "Name": f"{name.lower()}_statecode",
            "Options": [{**option(0, "Active"), "DefaultStatus": 1}, {**option(1, "Inactive"), "DefaultStatus": 2}]}),
        attribute("Status", "StatusType", "statuscode", "Status Reason", OptionSet={
            "IsGlobal": False, "OptionSetType": "Status", "Name": f"{name.lower()}_statuscode",
            "Options": [option(1, "Active", 0), option(2, "Inactive", 1)]}),
        attribute("Integer", "IntegerType", "ImportSequenceNumber", "Import Sequence Number", update=False,
                  MinValue=-2147483648, MaxValue=2147483647, Format="None"),
        attribute("DateTime", "DateTimeType", "OverriddenCreatedOn", "Record Created On", update=False,
                  Format="DateOnly", DateTimeBehavior={"Value": "UserLocal"}),
        attribute("BigInt", "BigIntType", "VersionNumber", "Version Number", create=False, update=False),
        attribute("Integer", "IntegerType", "TimeZoneRuleVersionNumber", "Time Zone Rule Version Number",
                  MinValue=-1, MaxValue=2147483647, Format="None"),
        attribute("Integer", "IntegerType", "UTCConversionTimeZoneCode", "UTC Conversion Time Zone Code",
                  MinValue=-1, MaxValue=2147483647, Format="None"),
    ]
    table = name.lower()
    relationships = [
        many_to_one(table, column, target, f"lk_{table}_{column.lower()}", navigation=column.lower(), target_key=target_key)
        for column, target, target_key in [
            ("CreatedBy", "systemuser", None), ("CreatedOnBehalfBy", "systemuser", None),
            ("ModifiedBy", "systemuser", None), ("ModifiedOnBehalfBy", "systemuser", None),
            ("OwningBusinessUnit", "businessunit", None), ("OwningTeam", "team", None),
            ("OwningUser", "systemuser", None)]
    ] + [many_to_one(table, "OwnerId", target, f"{target}_{table}_ownerid", navigation="ownerid") for target in ["systemuser", "team"]]
    return columns, relationships


def table(schema_name, display, plural, entity_set, code, columns, name_length=200):
    """A user-owned custom table: system columns, primary name, and what is given."""
    own, relationships = system_columns(schema_name, display, code)
    own.append(text("new_Name", "Name", name_length, IsPrimaryName=True))
    has_money = False
    for column in columns:
        if isinstance(column, list):
            own += column
            has_money = True
        elif isinstance(column, tuple):
            own.append(column[0])
            relationships.append(column[1])
        else:
            own.append(column)
    if has_money:
        own.append(lookup("TransactionCurrencyId", "Currency", ["transactioncurrency"]))
        own.append(attribute("Decimal", "DecimalType", "ExchangeRate", "Exchange Rate", create=False, update=False,
                             MinValue=1e-12, MaxValue=100000000000, Precision=12))
        relationships.append(many_to_one(schema_name.lower(), "TransactionCurrencyId", "transactioncurrency",
                                         f"TransactionCurrency_{schema_name}", navigation="transactioncurrencyid"))
    logical = schema_name.lower()
    return {
        "LogicalName": logical, "SchemaName": schema_name, "EntitySetName": entity_set,
        "LogicalCollectionName": entity_set, "CollectionSchemaName": plural.replace(" ", ""),
        "DisplayName": label(display), "DisplayCollectionName": label(plural),
        "PrimaryIdAttribute": logical + "id", "PrimaryNameAttribute": "new_name", "OwnershipType": "UserOwned",
        "ObjectTypeCode": code, "IsActivity": False, "IsActivityParty": False, "IsIntersect": False,
        "IsCustomEntity": True, "TableType": "Standard",
        "Attributes": sorted(own, key=lambda each: each["LogicalName"]),
        "ManyToOneRelationships": relationships, "ManyToManyRelationships": [], "Keys": [],
    }


def source_id():
    return text("new_SourceId", "Source Id", 100)


def external_id():
    return text("new_ExternalId", "External Id", 100)


def custom_tables():
    branch = table("new_Branch", "Branch", "Branches", "new_branchs", 10101, [
        source_id(), external_id(), text("new_Street", "Street", 250), text("new_City", "City", 80),
        text("new_State", "State", 50), text("new_Zip", "ZIP", 20)])
    relation = table("new_AccountContactRelation", "Account Contact Relation", "Account Contact Relations",
                     "new_accountcontactrelations", 10102, [
        source_id(), custom_lookup("new_accountcontactrelation", "new_AccountId", "Account", "account"),
        custom_lookup("new_accountcontactrelation", "new_ContactId", "Contact", "contact"),
        yes_no("new_IsDirect", "Direct"), yes_no("new_IsActive", "Active Relationship"),
        text("new_Roles", "Roles", 4000), date("new_StartDate", "Start Date"), date("new_EndDate", "End Date")])
    return [branch, relation]


def npsp_tables():
    def of(name, schema_name, display, target):
        return custom_lookup(name, schema_name, display, target)
    recurring = table("new_RecurringDonation", "Recurring Donation", "Recurring Donations", "new_recurringdonations", 10111, [
        source_id(), money("new_Amount", "Amount"), of("new_recurringdonation", "new_ContactId", "Contact", "contact"),
        date("new_DateEstablished", "Date Established"), text("new_ScheduleType", "Schedule Type", 50),
        text("new_OpenEndedStatus", "Open Ended Status", 50), date("new_LastPaymentDate", "Last Payment Date"),
        date("new_NextPaymentDate", "Next Payment Date"),
        choice("new_InstallmentPeriod", "Installment Period", ["Yearly", "Quarterly", "Monthly", "1st and 15th", "Weekly"], "new_recurringdonation"),
        whole("new_DayOfMonth", "Day of Month", 1, 31), whole("new_InstallmentFrequency", "Installment Frequency", 1, 1000),
        date("new_StartDate", "Start Date"), text("new_PaymentMethod", "Payment Method", 50),
        choice("new_RecurringType", "Recurring Type", ["Open", "Fixed"], "new_recurringdonation"),
        choice("new_DonationStatus", "Donation Status", ["Active", "Lapsed", "Closed"], "new_recurringdonation")])
    payment = table("new_Payment", "Payment", "Payments", "new_payments", 10112, [
        source_id(), of("new_payment", "new_OpportunityId", "Opportunity", "opportunity"), money("new_Amount", "Amount"),
        date("new_PaymentDate", "Payment Date"), date("new_ScheduledDate", "Scheduled Date"), yes_no("new_Paid", "Paid"),
        yes_no("new_WrittenOff", "Written Off")])
    unit = table("new_GeneralAccountingUnit", "General Accounting Unit", "General Accounting Units",
                 "new_generalaccountingunits", 10113, [source_id()])
    allocation = table("new_Allocation", "Allocation", "Allocations", "new_allocations", 10114, [
        source_id(), decimal("new_Percent", "Percent", 0, 100, 2), money("new_Amount", "Amount"),
        of("new_allocation", "new_OpportunityId", "Opportunity", "opportunity"),
        of("new_allocation", "new_GeneralAccountingUnitId", "General Accounting Unit", "new_generalaccountingunit"),
        of("new_allocation", "new_RecurringDonationId", "Recurring Donation", "new_recurringdonation")])
    credit = table("new_PartialSoftCredit", "Partial Soft Credit", "Partial Soft Credits", "new_partialsoftcredits", 10115, [
        source_id(), text("new_RoleName", "Role Name", 100), money("new_Amount", "Amount"),
        of("new_partialsoftcredit", "new_ContactId", "Contact", "contact"),
        of("new_partialsoftcredit", "new_OpportunityId", "Opportunity", "opportunity")])
    address = table("new_HouseholdAddress", "Household Address", "Household Addresses", "new_householdaddresses", 10116, [
        source_id(), of("new_householdaddress", "new_AccountId", "Household", "account"),
        text("new_Street", "Street", 250), text("new_City", "City", 80), text("new_State", "State", 50),
        text("new_PostalCode", "Postal Code", 20), text("new_Country", "Country", 80),
        whole("new_SeasonalStartMonth", "Seasonal Start Month", 1, 12), whole("new_SeasonalStartDay", "Seasonal Start Day", 1, 31),
        whole("new_SeasonalEndMonth", "Seasonal End Month", 1, 12), whole("new_SeasonalEndDay", "Seasonal End Day", 1, 31)])
    role = table("new_OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Roles",
                 "new_opportunitycontactroles", 10117, [
        source_id(), of("new_opportunitycontactrole", "new_ContactId", "Contact", "contact"),
        of("new_opportunitycontactrole", "new_OpportunityId", "Opportunity", "opportunity"),
        choice("new_Role", "Role", ["Donor", "Soft Credit", "Household Member", "Influencer"], "new_opportunitycontactrole"),
        yes_no("new_IsPrimary", "Primary")])
    record_type = table("new_RecordType", "Record Type", "Record Types", "new_recordtypes", 10118, [source_id()])
    return [record_type, recurring, payment, unit, allocation, credit, address, role]


def corrections():
    """What the frozen metadata says wrongly or not at all, with where the right value was read."""
    frozen = {}
    for definition in json.loads(gzip.decompress((FOLDER / "standard-tables.json.gz").read_bytes()))["value"]:
        for column in definition["Attributes"]:
            if "Options" in column.get("OptionSet", {}):
                frozen[definition["LogicalName"], column["LogicalName"]] = [
                    (each["Value"], each["Label"]["UserLocalizedLabel"]["Label"], each.get("State"))
                    for each in column["OptionSet"]["Options"]]

    def replaced(table, column, source, options):
        """The edits that turn the frozen list into `options`: wrong ones go, new ones come."""
        before = frozen[table, column]
        kept = before == options[:len(before)]
        # The first option of a state is its default, so the order matters: unless options are only added, all are set anew.
        edits = [] if kept else [{"value": value, "remove": True} for value, _, _ in before]
        for value, words, state in options[len(before) if kept else 0:]:
            edits.append({"value": value, "label": words, **({"state": state} if state is not None else {}), "add": True})
        return {"table": table, "column": column, "options": edits, "source": source}

    def statuses(table, source, *options):
        return replaced(table, "statuscode", source, list(options))

    def values(table, column, source, *options):
        return replaced(table, column, source, [(value, words, None) for value, words in options])

    reference9 = "Dataverse Web API reference, §9 (state model)"
    quote = [(776160000, "Unknown"), (776160001, "Revision")]
    order = [(776160000, "Unknown"), (776160001, "Win Quote")]
    return [
        {"table": "incident", "column": "customerid", "required": "SystemRequired",
         "source": "the service refuses a case without a customer ('You should specify a parent contact or account.'); metadata and forms call it optional"},
        {"table": "lead", "column": "createdon", "valid_for_create": False, "valid_for_update": False,
         "source": "createdon is never written by clients (" + LEARN + "'Import data': overriddencreatedon is the way); CDM marks lead.createdon writable by mistake"},
        {"table": "lead", "column": "statecode", "valid_for_create": False, "source": reference9 + ": a row starts in its default state; lead is no exception"},
        statuses("incident", reference9 + "; " + CUT + "incident table reference",
                 (1, "In Progress", 0), (2, "On Hold", 0), (3, "Waiting for Details", 0), (4, "Researching", 0),
                 (5, "Problem Solved", 1), (1000, "Information Provided", 1), (6, "Cancelled", 2), (2000, "Merged", 2)),
        values("incident", "caseorigincode", CUT + "incident table reference",
               (1, "Phone"), (2, "Email"), (3, "Web"), (2483, "Facebook"), (3986, "Twitter"), (700610000, "IoT")),
        values("entitlementchannel", "channel", CUT + "entitlementchannel table reference",
               (1, "Phone"), (2, "Email"), (3, "Web"), (2483, "Facebook"), (3986, "Twitter"), (700610000, "IoT")),
        statuses("lead", reference9 + "; the organisation's own 'Marketing Qualified' has no known value and is left out",
                 (1, "New", 0), (2, "Contacted", 0), (3, "Qualified", 1), (4, "Lost", 2), (5, "Cannot Contact", 2),
                 (6, "No Longer Interested", 2), (7, "Canceled", 2)),
        values("lead", "leadsourcecode", CUT + "lead table reference; three options of the Marketing app have no known value and are left out",
               (1, "Advertisement"), (2, "Employee Referral"), (3, "External Referral"), (4, "Partner"),
               (5, "Public Relations"), (6, "Seminar"), (7, "Trade Show"), (8, "Web"), (9, "Word of Mouth"), (10, "Other")),
        statuses("salesorder", CUT + "salesorder table reference",
                 (1, "New", 0), (2, "Pending", 0), (690970000, "On Hold", 0), (3, "In Progress", 1), (4, "No Money", 2),
                 (100001, "Complete", 3), (100002, "Partial", 3), (100003, "Invoiced", 4)),
        statuses("invoice", CUT + "invoice table reference",
                 (1, "New", 0), (2, "Partially Shipped", 0), (4, "Billed", 0), (5, "Booked (applies to services)", 0),
                 (6, "Installed (applies to services)", 0), (3, "Canceled (deprecated)", 1),
                 (7, "Paid in Full (deprecated)", 1), (100001, "Complete", 2), (100002, "Partial", 2), (100003, "Canceled", 3)),
        statuses("pricelevel", CUT + "pricelevel table reference", (100001, "Active", 0), (100002, "Inactive", 1)),
        statuses("discounttype", CUT + "discounttype table reference", (100001, "Active", 0), (100002, "Inactive", 1)),
        statuses("entitlement", CUT + "entitlement table reference",
                 (0, "Draft", 0), (1, "Active", 1), (2, "Cancelled", 2), (3, "Expired", 3), (1200, "Waiting", 4)),
        statuses("opportunitysalesprocess", LEARN + "business process flow tables", (1, "Active", 0), (2, "Finished", 1), (3, "Aborted", 1)),
        statuses("leadtoopportunitysalesprocess", LEARN + "business process flow tables", (1, "Active", 0), (2, "Finished", 1), (3, "Aborted", 1)),
        statuses("phonetocaseprocess", LEARN + "business process flow tables", (1, "Active", 0), (2, "Finished", 1), (3, "Aborted", 1)),
        *(statuses(name, "the table has a single state, Active", (0, "Submitted", 0), (1, "Parsing", 0), (2, "Transforming", 0),
                   (3, "Importing", 0), (4, "Completed", 0), (5, "Failed", 0)) for name in ["import", "importfile"]),
        values("quote", "quotecreationmethod", CUT + "quote table reference", *quote),
        values("quotedetail", "quotecreationmethod", CUT + "quotedetail table reference", *quote),
        values("salesorder", "ordercreationmethod", CUT + "salesorder table reference", *order),
        values("salesorderdetail", "ordercreationmethod", CUT + "salesorderdetail table reference", *order),
        values("connectionrole", "category", CUT + "connectionrole table reference",
               (1, "Business"), (2, "Family"), (3, "Social"), (4, "Sales"), (5, "Other"), (1000, "Stakeholder"),
               (1001, "Sales Team"), (1002, "Service")),
        values("environmentvariabledefinition", "type", CUT + "environmentvariabledefinition table reference",
               (100000000, "String"), (100000001, "Number"), (100000002, "Boolean"), (100000003, "JSON"),
               (100000004, "Data Source"), (100000005, "Secret")),
        values("campaignresponse", "responsecode", "customisation of the example organisation: members who were written to and did not answer",
               (1, "Interested"), (2, "Not Interested"), (3, "Do Not Send Marketing Materials"), (4, "Error"),
               (100000000, "No Response Yet")),
    ]


def additions():
    """Columns that the example organisation has added to standard tables."""
    salesforce = "customisation for the Salesforce project"
    npsp = "customisation for the NPSP project"
    made = []

    def add(table, column, source):
        # The navigation property of an added lookup is its schema name by rule; it needs no relationship here.
        definition = column[0] if isinstance(column, tuple) else column
        made.append({"table": table, "add_column": definition, "source": source})

    for name in ["account", "contact", "lead", "incident", "opportunity", "task", "campaign", "campaignresponse", "list", "connection"]:
        add(name, source_id(), "customisation: the key of the row in the system it came from")
    for name in ["account", "contact", "lead", "incident", "opportunity", "task", "campaign", "campaignresponse"]:
        add(name, external_id(), salesforce)
    for name in ["account", "contact", "lead"]:
        add(name, custom_lookup(name, "new_BranchId", "Branch", "new_branch"), salesforce)
    add("account", text("new_EmployerIdentificationNumber", "Employer Identification Number", 20), salesforce)
    add("contact", yes_no("new_Employed", "Employed"), salesforce)
    add("contact", text("new_CurrentEmployer", "Current Employer", 160), salesforce)
    add("contact", choice("new_EducationLevel", "Education Level",
                          ["High School", "Bachelor's Degree", "Master's Degree", "Ph.D."], "contact"), salesforce)
    add("contact", choice("new_HousingStatus", "Housing Status", ["Rent", "Own"], "contact"), salesforce)
    add("contact", custom_lookup("contact", "new_PrimaryAffiliationId", "Primary Affiliation", "account"), npsp)
    northwind = "customisation for the Northwind project"
    add("contact", date("new_HiredOn", "Hired On"), northwind)
    add("contact", text("new_Extension", "Extension", 10), northwind)
    add("contact", custom_lookup("contact", "new_ReportsToId", "Reports To", "contact"), northwind)
    add("account", custom_lookup("account", "new_RecordTypeId", "Record Type", "new_recordtype"), npsp)
    add("account", text("new_AccountType", "Account Type", 50), npsp)
    add("connectionrole", source_id(), npsp)
    add("lead", choice("new_Gender", "Gender", ["Male", "Female"], "lead"), salesforce)
    add("opportunity", text("new_Product", "Product", 100), salesforce)
    add("opportunity", choice("new_ForecastCategory", "Forecast Category",
                              ["Pipeline", "Best Case", "Commit", "Omitted", "Closed"], "opportunity"), salesforce)
    add("opportunity", custom_lookup("opportunity", "new_RecurringDonationId", "Recurring Donation", "new_recurringdonation"), npsp)
    add("opportunity", yes_no("new_DoNotCreatePayments", "Do Not Create Payments"), npsp)
    add("incident", text("new_SourceStatus", "Status in the Source", 50), salesforce)
    add("incident", date("new_ReportedOn", "Reported On"), salesforce)
    add("incident", date("new_ClosedOn", "Closed On"), salesforce)
    add("incident", instant("new_ClosedAt", "Closed At"), salesforce)
    add("incident", yes_no("new_VisibleInPortal", "Visible in Portal"), salesforce)
    # A lookup of two tables: bound as new_PersonId_contact or new_PersonId_lead.
    add("task", lookup("new_PersonId", "Person", ["contact", "lead"]), salesforce)
    add("campaignresponse", text("new_MemberStatus", "Member Status", 50), salesforce)
    add("campaignresponse", date("new_AddedOn", "Added On"), salesforce)
    return made


def rendered(value):
    """JSON with one attribute, relationship or override a line: small, and readable in a diff."""
    def line(each):
        return json.dumps(each, ensure_ascii=False, separators=(",", ":"))
    if "overrides" in value:
        return '{"overrides":[\n' + ",\n".join(line(each) for each in value["overrides"]) + "\n]}\n"
    tables = []
    for each in value["value"]:
        parts = []
        for key, content in each.items():
            if isinstance(content, list) and content:
                parts.append(f'{line(key)}:[\n  ' + ",\n  ".join(line(item) for item in content) + "\n ]")
            else:
                parts.append(f"{line(key)}:{line(content)}")
        tables.append("{" + ",\n ".join(parts) + "}")
    return '{"@odata.context":"https://org.crm.dynamics.com/api/data/v9.2/$metadata#EntityDefinitions","value":[\n' + ",\n".join(tables) + "\n]}\n"


def main():
    files = {
        "overrides.json": {"overrides": corrections() + additions()},
        "custom-tables.json": {"value": custom_tables()},
        "npsp-tables.json": {"value": npsp_tables()},
    }
    differing = []
    for name, value in files.items():
        made = rendered(value)
        json.loads(made)
        path = FOLDER / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != made:
                differing.append(name)
        else:
            path.write_text(made, encoding="utf-8")
    for name in differing:
        print(f"fixtures/metadata/{name} is not what tests/make_metadata.py writes; run it", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
