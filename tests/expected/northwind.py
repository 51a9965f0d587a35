"""Northwind's people and companies: what must be in Dataverse."""

import datetime

from . import ME, Table, fitted, read, ref, trimmed


def american(text):
    return datetime.datetime.strptime(text, "%m/%d/%Y").strftime("%Y-%m-%d") if text else None


def tables(source):
    contact = Table("contact", "contacts", "contactid")
    account = Table("account", "accounts", "accountid")
    for row in read(source, "Employees"):
        contact.add(
            "Employees/" + row["EmployeeID"], firstname=row["FirstName"], lastname=row["LastName"], jobtitle=row["Title"],
            salutation=row["TitleOfCourtesy"], birthdate=american(row["BirthDate"]), new_hiredon=american(row["HireDate"]),
            address1_line1=fitted(row["Address"], 250), address1_city=row["City"], address1_stateorprovince=row["Region"],
            address1_postalcode=row["PostalCode"], address1_country=row["Country"], telephone2=row["HomePhone"],
            new_extension=row["Extension"], description=fitted(row["Notes"], 2000),
            new_reportstoid=ref("contact", "Employees/" + row["ReportsTo"]) if row["ReportsTo"] else None,
            parentcustomerid=None, ownerid=ME, statecode=0, statuscode=1)
    for file, key, kind in [("Customers", "CustomerID", 3), ("Suppliers", "SupplierID", 10)]:
        for row in read(source, file):
            here = f"{file}/{row[key]}"
            first, blank, rest = row["ContactName"].partition(" ")
            account.add(
                here, name=trimmed(row["CompanyName"]), customertypecode=kind, primarycontactid=ref("contact", here),
                address1_line1=fitted(row["Address"], 250), address1_city=row["City"], address1_stateorprovince=row["Region"],
                address1_postalcode=row["PostalCode"], address1_country=row["Country"], telephone1=row["Phone"], fax=row["Fax"],
                websiteurl=fitted(row.get("HomePage"), 200), ownerid=ME, statecode=0, statuscode=1)
            contact.add(
                here, firstname=first if blank else None, lastname=rest if blank else first, jobtitle=row["ContactTitle"],
                parentcustomerid=ref("account", here), new_reportstoid=None, ownerid=ME, statecode=0, statuscode=1)
    return [account, contact]
