"""The Nonprofit Success Pack's test data: what must be in Dataverse."""

from . import ME, USD, Table, fitted, number, read, ref, trimmed

PERIOD = {"Yearly": 100000000, "Quarterly": 100000001, "Monthly": 100000002, "1st and 15th": 100000003, "Weekly": 100000004, None: None}
ROLE = {"Donor": 100000000, "Soft Credit": 100000001, "Household Member": 100000002, "Influencer": 100000003, None: None}
TRUTH = {"true": True, "false": False, None: None}
PLAIN = {"ownerid": ME, "statecode": 0, "statuscode": 1}


def tables(source):
    types = Table("new_recordtype", "new_recordtypes", "new_recordtypeid")
    for row in read(source, "Account_rt_mapping"):
        types.add(row["record_type_id"], new_name=row["developer_name"], **PLAIN)

    contacts = read(source, "Contact")
    primary = {}
    for row in contacts:
        if row["account_id"]:
            known = primary.get(row["account_id"])
            if known is None or int(row["id"]) < int(known):
                primary[row["account_id"]] = row["id"]

    account = Table("account", "accounts", "accountid")
    for row in read(source, "Account"):
        account.add(
            row["id"], name=trimmed(row["Name"]), new_accounttype=row["npe01__SYSTEM_AccountType__c"],
            new_recordtypeid=ref("new_recordtype", row["RecordTypeId"]), primarycontactid=ref("contact", primary.get(row["id"])),
            address1_line1=fitted(row["BillingStreet"], 250), address1_city=row["BillingCity"],
            address1_stateorprovince=row["BillingState"], address1_postalcode=row["BillingPostalCode"],
            address1_country=row["BillingCountry"], **PLAIN)

    contact = Table("contact", "contacts", "contactid")
    for row in contacts:
        contact.add(
            row["id"], salutation=row["Salutation"], firstname=row["FirstName"], lastname=row["LastName"], emailaddress1=row["Email"],
            telephone1=fitted(row["Phone"], 50), jobtitle=fitted(row["Title"], 100), parentcustomerid=ref("account", row["account_id"]),
            new_primaryaffiliationid=ref("account", row["primary_affiliation__c"]), **PLAIN)

    address = Table("new_householdaddress", "new_householdaddresses", "new_householdaddressid")
    for row in read(source, "Address__c"):
        address.add(
            row["id"], new_name=f"{row['MailingStreet__c'] or ''}, {row['MailingCity__c'] or ''}",
            new_accountid=ref("account", row["household_account__c"]), new_street=row["MailingStreet__c"], new_city=row["MailingCity__c"],
            new_state=row["MailingState__c"], new_postalcode=row["MailingPostalCode__c"], new_country=row["MailingCountry__c"],
            new_seasonalstartmonth=number(row["Seasonal_Start_Month__c"]), new_seasonalstartday=number(row["Seasonal_Start_Day__c"]),
            new_seasonalendmonth=number(row["Seasonal_End_Month__c"]), new_seasonalendday=number(row["Seasonal_End_Day__c"]), **PLAIN)

    roles = Table("connectionrole", "connectionroles", "connectionroleid")
    relationships = read(source, "npe4__Relationship__c")
    for name in sorted({row["npe4__Type__c"] for row in relationships}):
        roles.add(name, name=name, category=5, statecode=0, statuscode=1)

    connection = Table("connection", "connections", "connectionid")
    for row in relationships:
        kind = ref("connectionrole", row["npe4__Type__c"])
        connection.add(
            row["id"], record1id=ref("contact", row["npe4__contact__c"]), record2id=ref("contact", row["npe4__related_contact__c"]),
            record1roleid=kind, record2roleid=kind, **PLAIN)

    campaign = Table("campaign", "campaigns", "campaignid")
    for row in read(source, "Campaign"):
        campaign.add(row["id"], name=row["name"], transactioncurrencyid=USD, ownerid=ME, statecode=0, statuscode=0)

    response = Table("campaignresponse", "campaignresponses", "activityid")
    for row in read(source, "CampaignMember"):
        response.add(
            row["id"], subject=f"Campaign member: {row['status']}", regardingobjectid=ref("campaign", row["campaign_id"]),
            responsecode={"Sent": 100000000}[row["status"]], new_memberstatus=row["status"], **PLAIN)
        response.parties[row["id"]] = {(11, ref("contact", row["contact_id"]))}

    recurring = Table("new_recurringdonation", "new_recurringdonations", "new_recurringdonationid")
    for row in read(source, "npe03__Recurring_Donation__c"):
        recurring.add(
            row["id"], new_name=row["Name"], new_contactid=ref("contact", row["npe03__contact__c"]), new_amount=number(row["npe03__Amount__c"]),
            transactioncurrencyid=USD, new_dateestablished=row["npe03__Date_Established__c"], new_scheduletype=row["npe03__Schedule_Type__c"],
            new_openendedstatus=row["npe03__Open_Ended_Status__c"], new_installmentperiod=PERIOD[row["npe03__Installment_Period__c"]],
            new_dayofmonth=number(row["Day_of_Month__c"]), new_startdate=row["StartDate__c"],
            new_recurringtype={"Open": 100000000, "Fixed": 100000001}[row["RecurringType__c"]],
            new_donationstatus={"Active": 100000000, "Lapsed": 100000001, "Closed": 100000002}[row["Status__c"]], **PLAIN)

    opportunity = Table("opportunity", "opportunities", "opportunityid")
    for row in read(source, "Opportunity"):
        won = row["stage_name"] == "Closed Won"
        opportunity.add(
            row["id"], name=fitted(row["name"], 300), customerid=ref("account", row["account_id"]), parentaccountid=ref("account", row["account_id"]),
            parentcontactid=ref("contact", row["primary_contact__c"]), campaignid=ref("campaign", row["campaign_id"]),
            new_recurringdonationid=ref("new_recurringdonation", row["npe03__recurring_donation__c"]),
            new_donotcreatepayments=TRUTH[row["dont_create_payments"]], stepname=row["stage_name"], estimatedvalue=number(row["amount"]),
            actualvalue=number(row["amount"]) if won else None, transactioncurrencyid=USD, isrevenuesystemcalculated=False,
            estimatedclosedate=row["close_date"], actualclosedate=row["close_date"] if won else None,
            ownerid=ME, statecode=1 if won else 0, statuscode=3 if won else 1)

    contact_role = Table("new_opportunitycontactrole", "new_opportunitycontactroles", "new_opportunitycontactroleid")
    for row in read(source, "OpportunityContactRole"):
        contact_role.add(
            row["id"], new_name=row["Role"], new_contactid=ref("contact", row["contact_id"]),
            new_opportunityid=ref("opportunity", row["opportunity_id"]), new_role=ROLE[row["Role"]], new_isprimary=TRUTH[row["IsPrimary"]], **PLAIN)

    credit = Table("new_partialsoftcredit", "new_partialsoftcredits", "new_partialsoftcreditid")
    for row in read(source, "Partial_Soft_Credit__c"):
        credit.add(
            row["id"], new_name=f"{row['Role_Name__c']} {row['id']}", new_rolename=row["Role_Name__c"], new_amount=number(row["Amount__c"]),
            transactioncurrencyid=USD, new_contactid=ref("contact", row["contact__c"]), new_opportunityid=ref("opportunity", row["opportunity__c"]), **PLAIN)

    payment = Table("new_payment", "new_payments", "new_paymentid")
    for row in read(source, "npe01__OppPayment__c"):
        payment.add(
            row["id"], new_name=f"Payment {row['id']}", new_opportunityid=ref("opportunity", row["npe01__opportunity__c"]),
            new_amount=number(row["npe01__Payment_Amount__c"]), transactioncurrencyid=USD, new_paymentdate=row["npe01__Payment_Date__c"],
            new_scheduleddate=row["npe01__Scheduled_Date__c"], new_paid=TRUTH[row["npe01__Paid__c"]],
            new_writtenoff=TRUTH[row["npe01__Written_Off__c"]], **PLAIN)

    unit = Table("new_generalaccountingunit", "new_generalaccountingunits", "new_generalaccountingunitid")
    for row in read(source, "General_Accounting_Unit__c"):
        unit.add(row["id"], new_name=row["name"], **PLAIN)

    allocation = Table("new_allocation", "new_allocations", "new_allocationid")
    for row in read(source, "Allocation__c"):
        allocation.add(
            row["id"], new_name=f"Allocation {row['id']}", new_percent=number(row["Percent__c"]), new_amount=number(row["Amount__c"]),
            new_opportunityid=ref("opportunity", row["opportunity__c"]),
            new_generalaccountingunitid=ref("new_generalaccountingunit", row["general_accounting_unit__c"]),
            new_recurringdonationid=ref("new_recurringdonation", row["recurring_donation__c"]), **PLAIN)

    return [types, account, contact, address, roles, connection, campaign, response, recurring, opportunity, contact_role, credit, payment, unit, allocation]
