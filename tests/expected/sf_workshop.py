"""The Salesforce export: what must be in Dataverse."""

from . import ME, USD, Table, fitted, instant, number, read, ref, trimmed

INDUSTRY = {"Education": 27, "Finance": 16, "Healthcare": 11, "Hospitality": 13, "Manufacturing": 12, "Retail": 25, "Technology": 6, None: None}
CLASSIFICATION = {"Customer": 3, "Prospect": 8, None: None}
GENDER = {"male": 1, "female": 2, None: None}
EDUCATION = {"High School": 100000000, "Bachelor's Degree": 100000001, "Bachelors": 100000001, "Master's Degree": 100000002, "Ph.D.": 100000003, None: None}
HOUSING = {"Rent": 100000000, "Own": 100000001, None: None}
LEAD_SOURCE = {"Cold Call": 10, "Online Form": 8, "Referral": 3, None: None}
LEAD_STATUS = {"New": (0, 1), "Working": (0, 2), "Qualified": (1, 3)}
CASE_STATUS = {"open": (0, 1), "in_progress": (0, 1), "Closed": (1, 5)}
CASE_TYPE = {
    "Account Closure": 3, "Account inquiry": 1, "Billing Inquiry": 1, "Business Account Inquiry": 1,
    "Business Loan Application": 3, "Business Loan Issue": 2, "Business Service Request": 3, "Card Replacement": 3,
    "Customer Feedback": 1, "Fraud Report": 2, "Loan Application": 3, "Service Request": 3, "Transaction issue": 2, None: None,
}
CASE_PRIORITY = {"Medium": 2, "High": 1, "Low": 3, None: None}
# stage → state, status, sales stage
STAGE = {
    "Qualification": (0, 1, 0), "Discovery": (0, 1, 1), "Proposal/Quote": (0, 1, 2), "Negotiation": (0, 1, 3),
    "Closed Won": (1, 3, 3), "Closed Lost": (2, 5, 3),
}
FORECAST = {"Pipeline": 100000000, "Best Case": 100000001, "Omitted": 100000003, "Closed": 100000004, None: None}
TASK_STATUS = {"Not Started": (0, 2), "In Progress": (0, 3), "Completed": (1, 5), "Deferred": (0, 7)}
TASK_PRIORITY = {"Low": 0, "Normal": 1, "High": 2, None: None}
CAMPAIGN_TYPE = {"Email": 2, "event": 3, "social media": 1, "web marketing": 1}
CAMPAIGN_STATUS = {"Completed": 3, "Planned": 0}
CHANNEL = {"Email": 1, "event": 6, "social media": 6, "web marketing": 6}
SUBJECT_TABLE = {"001": "account", "006": "opportunity", "500": "incident", "701": "campaign"}
PERSON_TABLE = {"003": "contact", "00Q": "lead"}


def tables(source):
    def kept(name):
        return [row for row in read(source, name) if row["IsDeleted"] != "1"]

    accounts, contacts, campaigns = kept("Account"), kept("Contact"), kept("Campaign")
    account_names = {row["Id"]: row["Name"] for row in read(source, "Account")}
    contact_names = {row["Id"]: row["Name"] for row in read(source, "Contact")}
    campaign_types = {row["Id"]: row["Type"] for row in read(source, "Campaign")}

    branch = Table("new_branch", "new_branchs", "new_branchid")
    for row in kept("Branch__c"):
        branch.add(row["Id"], new_name=trimmed(row["Name"]), new_externalid=row["External_id__c"],
                   new_street=row["Branch_Street_Address__c"], new_city=row["Branch_City__c"],
                   new_state=row["Branch_State__c"], new_zip=row["Branch_Zip__c"], createdon=instant(row["CreatedDate"]),
                   ownerid=ME, statecode=0, statuscode=1)

    account = Table("account", "accounts", "accountid")
    for row in accounts:
        account.add(
            row["Id"], name=trimmed(row["Name"]), new_externalid=row["External_id__c"],
            customertypecode=CLASSIFICATION[row["Classification__c"]], industrycode=INDUSTRY[row["Industry"]],
            parentaccountid=ref("account", row["ParentId"]), telephone1=trimmed(row["Phone"]), fax=trimmed(row["Fax"]),
            websiteurl=fitted(trimmed(row["Website"]), 200), revenue=number(row["AnnualRevenue"]),
            transactioncurrencyid=USD if row["AnnualRevenue"] else None, numberofemployees=number(row["NumberOfEmployees"]),
            description=fitted(row["Description"], 2000),
            address1_line1=fitted(row["BillingStreet"], 250), address1_city=row["BillingCity"],
            address1_stateorprovince=row["BillingState"], address1_postalcode=row["BillingPostalCode"],
            address1_country=row["BillingCountry"],
            address2_line1=fitted(row["ShippingStreet"], 250), address2_city=row["ShippingCity"],
            address2_stateorprovince=row["ShippingState"], address2_postalcode=row["ShippingPostalCode"],
            address2_country=row["ShippingCountry"],
            new_employeridentificationnumber=row["Employee_Identification_Number__c"],
            new_branchid=ref("new_branch", row["Branch__c"]), createdon=instant(row["CreatedDate"]), ownerid=ME,
            statecode=0, statuscode=1)

    contact = Table("contact", "contacts", "contactid")
    for row in contacts:
        contact.add(
            row["Id"], firstname=trimmed(row["FirstName"]), lastname=trimmed(row["LastName"]), salutation=row["Salutation"],
            new_externalid=row["External_id__c"], parentcustomerid=ref("account", row["AccountId"]),
            emailaddress1=trimmed(row["Email"]), telephone1=trimmed(row["Phone"]), telephone2=trimmed(row["HomePhone"]),
            mobilephone=trimmed(row["MobilePhone"]), fax=trimmed(row["Fax"]),
            jobtitle=fitted(row["Title"] or row["Designation__c"], 100), department=fitted(row["Department"], 100),
            description=fitted(row["Description"], 2000), birthdate=row["Birthdate"], gendercode=GENDER[row["Gender__c"]],
            annualincome=number(row["Annual_Income__c"]), transactioncurrencyid=USD if row["Annual_Income__c"] else None,
            donotbulkemail=row["HasOptedOutOfEmail"] == "1", donotfax=row["HasOptedOutOfFax"] == "1",
            donotphone=row["DoNotCall"] == "1",
            address1_line1=fitted(row["MailingStreet"], 250), address1_city=row["MailingCity"],
            address1_stateorprovince=row["MailingState"], address1_postalcode=row["MailingPostalCode"],
            address1_country=row["MailingCountry"], governmentid=row["Driving_License_Number__c"],
            new_employed={"Yes": True, "No": False}.get(row["Employed__c"]),
            new_currentemployer=fitted(row["Current_Employer__c"], 160),
            new_educationlevel=EDUCATION[row["Education_Level__c"]], new_housingstatus=HOUSING[row["Housing_Status__c"]],
            new_branchid=ref("new_branch", row["Branch__c"]), createdon=instant(row["CreatedDate"]), ownerid=ME,
            statecode=0, statuscode=1)

    lead = Table("lead", "leads", "leadid")
    for row in kept("Lead"):
        state, status = LEAD_STATUS[row["Status"]]
        company = row["Company"]
        lead.add(
            row["Id"], subject=fitted(row["Name"], 300), firstname=trimmed(row["FirstName"]), lastname=trimmed(row["LastName"]),
            salutation=row["Salutation"], jobtitle=fitted(row["Title"], 100), new_externalid=row["External_id__c"],
            parentaccountid=ref("account", company) if company and company.startswith("001") else None,
            companyname=fitted(account_names.get(company, company), 100), emailaddress1=trimmed(row["Email"]),
            telephone1=trimmed(row["Phone"]), telephone2=trimmed(row["Home_Phone__c"]),
            websiteurl=fitted(trimmed(row["Website"]), 200), description=fitted(row["Description"], 2000),
            leadsourcecode=LEAD_SOURCE[row["LeadSource"]], industrycode=INDUSTRY[row["Industry"]],
            new_gender={"male": 100000000, "female": 100000001}.get(row["Gender__c"]),
            address1_line1=fitted(row["Street"], 250), address1_city=row["City"], address1_stateorprovince=row["State"],
            address1_postalcode=row["PostalCode"], address1_country=row["Country"],
            new_branchid=ref("new_branch", row["Branch__c"]), createdon=instant(row["CreatedDate"]), ownerid=ME,
            statecode=state, statuscode=status)

    incident = Table("incident", "incidents", "incidentid")
    for row in kept("Case"):
        state, status = CASE_STATUS[row["Status"]]
        incident.add(
            row["Id"], title=fitted(row["Subject"], 200), ticketnumber=row["CaseNumber"], new_externalid=row["External_id__c"],
            customerid=ref("account", row["AccountId"]) or ref("contact", row["ContactId"]),
            primarycontactid=ref("contact", row["ContactId"]), parentcaseid=ref("incident", row["ParentId"]),
            casetypecode=CASE_TYPE[row["Type"]], new_sourcestatus=row["Status"], prioritycode=CASE_PRIORITY[row["Priority"]],
            caseorigincode=None, description=fitted(row["Description"], 2000), isescalated=row["IsEscalated"] == "1",
            new_visibleinportal=row["IsVisibleInSelfService"] == "1", new_closedat=instant(row["ClosedDate"]),
            new_reportedon=row["createddate__c"], new_closedon=row["CloseDate__c"], createdon=instant(row["CreatedDate"]),
            ownerid=ME, statecode=state, statuscode=status)

    opportunity = Table("opportunity", "opportunities", "opportunityid")
    for row in kept("Opportunity"):
        state, status, sales_stage = STAGE[row["StageName"]]
        opportunity.add(
            row["Id"], name=fitted(row["Name"], 300), new_externalid=row["External_id__c"],
            customerid=ref("account", row["AccountId"]), parentaccountid=ref("account", row["AccountId"]),
            campaignid=ref("campaign", row["CampaignId"]), description=fitted(row["Description"], 2000),
            stepname=row["StageName"], salesstage=sales_stage, estimatedvalue=number(row["Amount"]),
            actualvalue=number(row["Amount"]) if row["IsWon"] == "1" else None, transactioncurrencyid=USD,
            isrevenuesystemcalculated=False, estimatedclosedate=row["CloseDate"],
            actualclosedate=row["CloseDate"] if row["IsClosed"] == "1" else None,
            closeprobability=number(row["Probability"]), new_forecastcategory=FORECAST[row["ForecastCategoryName"]],
            new_product=row["Product__c"], createdon=instant(row["CreatedDate"]), ownerid=ME, statecode=state, statuscode=status)

    task = Table("task", "tasks", "activityid")
    for row in kept("Task"):
        state, status = TASK_STATUS[row["Status"]]
        who, what = row["WhoId"], row["WhatId"]
        person = ref(PERSON_TABLE[who[:3]], who) if who else None
        subject = ref(SUBJECT_TABLE[what[:3]], what) if what else None
        task.add(
            row["Id"], subject=fitted(row["Subject"], 200), description=fitted(row["Description"], 2000),
            new_externalid=row["External_id__c"], category=fitted(row["Type__c"], 250), scheduledend=instant(row["ActivityDate"]),
            prioritycode=TASK_PRIORITY[row["Priority"]], regardingobjectid=subject or person,
            new_personid=person, createdon=instant(row["CreatedDate"]),
            ownerid=ME, statecode=state, statuscode=status)

    campaign = Table("campaign", "campaigns", "campaignid")
    lists = Table("list", "lists", "listid")
    linked = set()
    for row in campaigns:
        campaign.add(
            row["Id"], name=fitted(row["Name"], 128), new_externalid=row["External_id__c"], typecode=CAMPAIGN_TYPE[row["Type"]],
            description=fitted(row["Description"], 2000), proposedstart=instant(row["StartDate"]), proposedend=instant(row["EndDate"]),
            expectedrevenue=number(row["ExpectedRevenue"]), budgetedcost=number(row["BudgetedCost"]), othercost=number(row["ActualCost"]),
            expectedresponse=number(row["ExpectedResponse"]), transactioncurrencyid=USD, createdon=instant(row["CreatedDate"]),
            ownerid=ME, statecode=0, statuscode=CAMPAIGN_STATUS[row["Status"]])
        lists.add(
            row["Id"], listname=fitted(f"Members of {row['Name']}", 128), createdfromcode=2, type=False, purpose=fitted(row["Type"], 512),
            createdon=instant(row["CreatedDate"]), ownerid=ME, statecode=0, statuscode=0)
        linked.add((row["Id"], ref("list", row["Id"])))
    campaign.pairs["campaignlist_association"] = linked

    response = Table("campaignresponse", "campaignresponses", "activityid")
    for row in kept("CampaignMember"):
        company = row["CompanyOrAccount"]
        response.add(
            row["Id"], subject=fitted(f"{row['Name']}: {row['Status']}", 200), new_externalid=row["External_id__c"],
            regardingobjectid=ref("campaign", row["CampaignId"]), channeltypecode=CHANNEL[campaign_types[row["CampaignId"]]],
            responsecode={"Sent": 100000000}[row["Status"]], new_memberstatus=row["Status"], new_addedon=row["Added_Date__c"],
            receivedon=instant(row["FirstRespondedDate"]), firstname=trimmed(row["FirstName"]), lastname=trimmed(row["LastName"]),
            companyname=fitted(account_names.get(company, company), 100), emailaddress=trimmed(row["Email"]),
            telephone=trimmed(row["Phone"]), fax=trimmed(row["Fax"]), createdon=instant(row["CreatedDate"]), ownerid=ME,
            statecode=0, statuscode=1)
        # 11 is the mask of a customer.
        response.parties[row["Id"]] = {(11, party) for party in (ref("contact", row["ContactId"]), ref("lead", row["LeadId"])) if party}

    relation = Table("new_accountcontactrelation", "new_accountcontactrelations", "new_accountcontactrelationid")
    for row in kept("AccountContactRelation"):
        relation.add(
            row["Id"],
            new_name=fitted(f"{contact_names.get(row['ContactId']) or '?'} at {account_names.get(row['AccountId']) or '?'}", 200),
            new_accountid=ref("account", row["AccountId"]), new_contactid=ref("contact", row["ContactId"]),
            new_isdirect=row["IsDirect"] == "1", new_isactive=row["IsActive"] == "1", new_roles=fitted(row["Roles"], 4000),
            new_startdate=row["StartDate"], new_enddate=row["EndDate"], createdon=instant(row["CreatedDate"]), ownerid=ME,
            statecode=0, statuscode=1)

    return [branch, account, contact, lead, incident, opportunity, task, campaign, lists, response, relation]
