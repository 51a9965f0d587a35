//! FetchXML (reference §13.5, and the documents on FetchXML that it names).

use dataverse_emulator::{Options, standard_tables};
use dataverse_wire::metadata::ColumnType;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Office, Reply, office, office_with};

/// Every byte but letters and digits, as any client may send it.
fn encoded(xml: &str) -> String {
    xml.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

async fn fetch(office: &Office, set: &str, xml: &str) -> Reply {
    let headers = [("Prefer", "odata.include-annotations=\"*\"")];
    office.send("GET", &format!("{set}?fetchXml={}", encoded(xml)), &headers, b"").await
}

async fn names(office: &Office, set: &str, column: &str, xml: &str) -> Vec<String> {
    let rows = fetch(office, set, xml).await.ok().rows();
    rows.iter().map(|row| row[column].as_str().unwrap_or("null").to_owned()).collect()
}

/// Accounts by a filter, in the order of their names.
async fn accounts(office: &Office, filter: &str) -> Vec<String> {
    let xml = format!(
        "<fetch><entity name='account'><attribute name='name'/><order attribute='name'/><filter>{filter}</filter></entity></fetch>"
    );
    names(office, "accounts", "name", &xml).await
}

/// Ada is at Alpha and Beta's first contact; Bob is at Alpha; Cy is nowhere.
async fn stocked() -> Office {
    stock(office().await).await
}

async fn stock(office: Office) -> Office {
    let ada = office.create("contacts", json!({"firstname": "Ada", "lastname": "L"})).await;
    let alpha = office
        .create(
            "accounts",
            json!({"name": "Alpha", "revenue": 10.5, "numberofemployees": 5, "industrycode": 1,
            "description": "100% _x_ [a]", "address1_city": "Graz"}),
        )
        .await;
    office
        .create(
            "accounts",
            json!({"name": "Beta", "revenue": 9, "numberofemployees": 50, "industrycode": 2,
            "address1_city": "Linz", "primarycontactid@odata.bind": format!("/contacts({ada})")}),
        )
        .await;
    office
        .create(
            "accounts",
            json!({"name": "O'Hara & Söhne <x>", "donotemail": true, "address1_city": "Graz"}),
        )
        .await;
    let parent = json!({"parentcustomerid_account@odata.bind": format!("/accounts({alpha})")});
    office.send("PATCH", &format!("contacts({ada})"), &[], parent.to_string().as_bytes()).await.ok();
    let mut bob = json!({"firstname": "Bob", "lastname": "M"});
    bob.as_object_mut().unwrap().extend(parent.as_object().unwrap().clone());
    office.create("contacts", bob).await;
    office.create("contacts", json!({"firstname": "Cy", "lastname": "N"})).await;
    office
}

#[tokio::test]
async fn conditions_hold_for_every_operator() {
    let office = stocked().await;
    let hara = "O'Hara & Söhne <x>";
    for (condition, expected) in [
        ("attribute='name' operator='eq' value='alpha'", &["Alpha"][..]),
        ("attribute='name' operator='eq' value='O&apos;Hara &amp; Söhne &lt;x&gt;'", &[hara]),
        ("attribute='name' operator='ne' value='alpha'", &["Beta", hara]),
        ("attribute='revenue' operator='gt' value='9'", &["Alpha"]),
        ("attribute='revenue' operator='ge' value='9.0'", &["Alpha", "Beta"]),
        ("attribute='revenue' operator='ne' value='9'", &["Alpha", hara]),
        ("attribute='numberofemployees' operator='lt' value='50'", &["Alpha"]),
        ("attribute='numberofemployees' operator='le' value='50'", &["Alpha", "Beta"]),
        ("attribute='revenue' operator='null'", &[hara]),
        ("attribute='revenue' operator='not-null'", &["Alpha", "Beta"]),
        ("attribute='name' operator='like' value='%lph%'", &["Alpha"]),
        ("attribute='name' operator='like' value='_eta'", &["Beta"]),
        ("attribute='description' operator='like' value='100[%] [_]x%'", &["Alpha"]),
        ("attribute='name' operator='not-like' value='%a'", &[hara]),
        ("attribute='name' operator='begins-with' value='b'", &["Beta"]),
        ("attribute='name' operator='not-begin-with' value='b'", &["Alpha", hara]),
        ("attribute='name' operator='ends-with' value='&lt;x&gt;'", &[hara]),
        ("attribute='donotemail' operator='eq' value='1'", &[hara]),
        ("attribute='donotemail' operator='eq' value='false'", &["Alpha", "Beta"]),
        ("attribute='statecode' operator='eq' value='0'", &["Alpha", "Beta", hara]),
        ("attribute='createdby' operator='eq-userid'", &["Alpha", "Beta", hara]),
        ("attribute='createdby' operator='ne-userid'", &[]),
        ("attribute='owningbusinessunit' operator='eq-businessid'", &["Alpha", "Beta", hara]),
        ("attribute='createdon' operator='today'", &["Alpha", "Beta", hara]),
        ("attribute='createdon' operator='last-x-hours' value='1'", &["Alpha", "Beta", hara]),
        ("attribute='createdon' operator='yesterday'", &[]),
        ("attribute='createdon' operator='on-or-after' value='2020-01-01'", &["Alpha", "Beta", hara]),
    ] {
        assert_eq!(accounts(&office, &format!("<condition {condition}/>")).await, expected, "{condition}");
    }
    for (filter, expected) in [
        (
            "<condition attribute='industrycode' operator='in'><value>1</value><value>7</value></condition>",
            &["Alpha"][..],
        ),
        (
            "<condition attribute='industrycode' operator='not-in'><value>1</value></condition>",
            &["Beta", hara],
        ),
        (
            "<condition attribute='numberofemployees' operator='between'><value>6</value><value>50</value></condition>",
            &["Beta"],
        ),
        (
            "<condition attribute='numberofemployees' operator='not-between'><value>6</value><value>50</value></condition>",
            &["Alpha", hara],
        ),
        (
            "<filter type='or'><condition attribute='name' operator='eq' value='beta'/><condition attribute='revenue' operator='null'/></filter>",
            &["Beta", hara],
        ),
        (
            "<condition attribute='name' operator='ne' value='Beta'/><filter type='or'><condition attribute='name' operator='eq' value='beta'/><condition attribute='revenue' operator='gt' value='1'/></filter>",
            &["Alpha"],
        ),
    ] {
        assert_eq!(accounts(&office, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn dates_are_compared_by_day_and_by_age() {
    let office = office().await;
    office.create("tasks", json!({"subject": "t", "scheduledend": "2020-02-03T10:00:00Z"})).await;
    for (operator, value, expected) in [
        ("on", "2020-02-03", 1),
        ("on", "2020-02-04", 0),
        ("on-or-before", "2020-02-03", 1),
        ("on-or-before", "2020-02-02", 0),
        ("on-or-after", "2020-02-03T23:00:00Z", 1),
        ("on-or-after", "2020-02-04", 0),
        ("olderthan-x-years", "1", 1),
        ("last-x-years", "1", 0),
        ("next-x-days", "7", 0),
        ("gt", "2020-02-03 09:59:59", 1),
    ] {
        let xml = format!(
            "<fetch><entity name='task'><filter><condition attribute='scheduledend' operator='{operator}' value='{value}'/></filter></entity></fetch>"
        );
        assert_eq!(fetch(&office, "tasks", &xml).await.ok().rows().len(), expected, "{operator} {value}");
    }
}

#[tokio::test]
async fn multiple_choices_are_found_by_any_of_their_values() {
    let mut table =
        standard_tables().unwrap().into_iter().find(|table| table.logical_name == "account").unwrap();
    let mut column = table.columns["industrycode"].clone();
    let ColumnType::Choice { options } = column.column_type else { panic!("industrycode is a choice") };
    column.logical_name = "new_industries".to_owned();
    column.schema_name = "new_Industries".to_owned();
    column.column_type = ColumnType::MultiChoice { options };
    table.columns.insert(column.logical_name.clone(), column);
    let office = office_with(Options { metadata: vec![table], ..Options::default() }).await;
    office.create("accounts", json!({"name": "x", "new_industries": "1,2"})).await;
    let count = async |operator: &str, value: &str| {
        let filter = format!(
            "<condition attribute='new_industries' operator='{operator}'><value>{value}</value></condition>"
        );
        accounts(&office, &filter).await.len()
    };
    assert_eq!(count("contain-values", "2").await, 1);
    assert_eq!(count("not-contain-values", "2").await, 0);
    assert_eq!(count("contain-values", "3").await, 0);
}

#[tokio::test]
async fn nulls_are_left_out_and_the_primary_key_and_the_currency_come_along() {
    let office = stocked().await;
    let xml = "<fetch><entity name='account'><attribute name='revenue'/><attribute name='description'/><filter><condition attribute='name' operator='eq' value='Beta'/></filter></entity></fetch>";
    let reply = office.get(&format!("accounts?fetchXml={}", encoded(xml))).await.ok();
    let row = reply.rows()[0].clone();
    let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["@odata.etag", "_transactioncurrencyid_value", "accountid", "revenue"]);
    let context = reply.json()["@odata.context"].as_str().unwrap().to_owned();
    assert!(context.contains("$metadata#accounts(revenue,description"), "{context}");
}

#[tokio::test]
async fn attributes_and_joined_columns_are_called_by_their_aliases() {
    let office = stocked().await;
    let xml = "<fetch><entity name='account'><attribute name='name' alias='called'/><attribute name='primarycontactid'/>\
        <link-entity name='contact' from='contactid' to='primarycontactid'><attribute name='fullname'/>\
        <attribute name='lastname' alias='last'/><attribute name='parentcustomerid'/></link-entity></entity></fetch>";
    let rows = fetch(&office, "accounts", xml).await.ok().rows();
    assert_eq!(rows.len(), 1, "an inner join leaves out accounts without contact");
    let row = &rows[0];
    assert_eq!(
        (&row["called"], &row["contact.fullname"], &row["last"]),
        (&json!("Beta"), &json!("Ada L"), &json!("L"))
    );
    assert_eq!(row["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"], "Ada L");
    assert_eq!(row["contact.parentcustomerid@Microsoft.Dynamics.CRM.lookuplogicalname"], "account");
    assert_eq!(row["contact.parentcustomerid@OData.Community.Display.V1.FormattedValue"], "Alpha");
}

#[tokio::test]
async fn outer_joins_keep_rows_without_match_and_one_to_many_joins_repeat_rows() {
    let office = stocked().await;
    let link = |kind: &str, inside: &str| {
        format!(
            "<fetch><entity name='account'><attribute name='name'/><order attribute='name'/>\
             <link-entity name='contact' from='parentcustomerid' to='accountid' link-type='{kind}' alias='c'>{inside}\
             <attribute name='firstname'/><order attribute='firstname'/></link-entity></entity></fetch>"
        )
    };
    let pairs = async |xml: &str| -> Vec<String> {
        let rows = fetch(&office, "accounts", xml).await.ok().rows();
        rows.iter()
            .map(|row| {
                format!(
                    "{}-{}",
                    &row["name"].as_str().unwrap()[..1],
                    row["c.firstname"].as_str().unwrap_or("")
                )
            })
            .collect()
    };
    assert_eq!(pairs(&link("inner", "")).await, ["A-Ada", "A-Bob"]);
    assert_eq!(pairs(&link("outer", "")).await, ["A-Ada", "A-Bob", "B-", "O-"]);
    assert_eq!(pairs(&link("matchfirstrowusingcrossapply", "")).await.len(), 3);
    // A filter of the link belongs to the join; one that names the link by `entityname` comes after it.
    let bob = "<filter><condition attribute='firstname' operator='eq' value='Bob'/></filter>";
    assert_eq!(pairs(&link("outer", bob)).await, ["A-Bob", "B-", "O-"]);
    let none = link("outer", "").replace("<order attribute='name'/>", "<order attribute='name'/><filter><condition entityname='c' attribute='contactid' operator='null'/></filter>");
    assert_eq!(pairs(&none).await, ["B-", "O-"]);
    let without_alias = link("inner", "").replace(" alias='c'", "");
    let row = fetch(&office, "accounts", &without_alias).await.ok().rows()[0].clone();
    assert_eq!(
        row["contact1.firstname"], "Ada",
        "a number follows the table's name where many rows may match"
    );
}

#[tokio::test]
async fn many_to_many_relationships_are_joined_through_their_intersect_table() {
    let office = stocked().await;
    let list = office.create("lists", json!({"listname": "L", "createdfromcode": 2, "type": false})).await;
    let lead = office.create("leads", json!({"subject": "s", "lastname": "lead"})).await;
    let contacts = office.get("contacts?$select=contactid&$filter=firstname eq 'Bob'").await.rows();
    let bob = contacts[0]["contactid"].as_str().unwrap().to_owned();
    let url = format!(
        "{}contacts({bob})",
        office.emulator.url().trim_end_matches('/').to_owned() + "/api/data/v9.2/"
    );
    let body = json!({"@odata.id": url});
    office.post(&format!("leads({lead})/contactleads_association/$ref"), body).await.ok();
    let xml = "<fetch><entity name='contact'><attribute name='firstname'/>\
        <link-entity name='contactleads' from='contactid' to='contactid' intersect='true'>\
        <link-entity name='lead' from='leadid' to='leadid' alias='l'><attribute name='lastname'/></link-entity></link-entity></entity></fetch>";
    let rows = fetch(&office, "contacts", xml).await.ok().rows();
    assert_eq!(rows.len(), 1, "{list}");
    assert_eq!((&rows[0]["firstname"], &rows[0]["l.lastname"]), (&json!("Bob"), &json!("lead")));
}

#[tokio::test]
async fn linked_rows_may_decide_without_being_returned() {
    let office = stocked().await;
    let outside = |kind: &str| {
        format!(
            "<fetch><entity name='account'><attribute name='name'/><order attribute='name'/><link-entity name='contact' from='parentcustomerid' to='accountid' link-type='{kind}'/></entity></fetch>"
        )
    };
    for kind in ["exists", "in"] {
        assert_eq!(names(&office, "accounts", "name", &outside(kind)).await, ["Alpha"], "{kind}");
    }
    let inside = |kind: &str, name: &str| {
        let condition =
            format!("<filter><condition attribute='firstname' operator='eq' value='{name}'/></filter>");
        format!(
            "<link-entity name='contact' from='parentcustomerid' to='accountid' link-type='{kind}'>{condition}</link-entity>"
        )
    };
    let others = ["Beta", "O'Hara & Söhne <x>"];
    assert_eq!(accounts(&office, &inside("any", "Bob")).await, ["Alpha"]);
    assert_eq!(accounts(&office, &inside("any", "Cy")).await, [""; 0]);
    assert_eq!(accounts(&office, &inside("not any", "Bob")).await, others);
    // In spite of their names (documented): `all` means that there are rows and none fits, `not all` means any.
    assert_eq!(accounts(&office, &inside("all", "Cy")).await, ["Alpha"]);
    assert_eq!(accounts(&office, &inside("all", "Bob")).await, [""; 0]);
    assert_eq!(accounts(&office, &inside("not all", "Bob")).await, ["Alpha"]);
    let either = format!(
        "<filter type='or'>{}<condition attribute='name' operator='eq' value='Beta'/></filter>",
        inside("any", "Ada")
    );
    assert_eq!(accounts(&office, &either).await, ["Alpha", "Beta"]);
}

#[tokio::test]
async fn a_rows_collection_can_be_asked_too() {
    let office = stocked().await;
    let rows = office.get("accounts?$select=name&$filter=name eq 'Alpha'").await.rows();
    let set = format!("accounts({})/contact_customer_accounts", rows[0]["accountid"].as_str().unwrap());
    let xml = |inside: &str| {
        format!("<fetch><entity name='contact'><attribute name='firstname'/>{inside}</entity></fetch>")
    };
    assert_eq!(
        names(&office, &set, "firstname", &xml("<order attribute='firstname'/>")).await,
        ["Ada", "Bob"]
    );
    let bob = "<filter><condition attribute='firstname' operator='eq' value='Bob'/></filter>";
    assert_eq!(names(&office, &set, "firstname", &xml(bob)).await, ["Bob"]);
    office
        .get("accounts?savedQuery=00000000-0000-0000-0000-000000000001")
        .await
        .refused_with(501, "0x80040219");
}

#[tokio::test]
async fn columns_are_compared_with_columns() {
    let office = stocked().await;
    office.create("contacts", json!({"firstname": "Same", "lastname": "same"})).await;
    let xml = "<fetch><entity name='contact'><attribute name='firstname'/><filter><condition attribute='firstname' operator='eq' valueof='lastname'/></filter></entity></fetch>";
    assert_eq!(names(&office, "contacts", "firstname", xml).await, ["Same"]);
    let xml = "<fetch><entity name='contact'><attribute name='firstname'/><filter><condition attribute='firstname' operator='lt' valueof='a.name'/></filter>\
        <link-entity name='account' from='accountid' to='parentcustomerid' alias='a'/></entity></fetch>";
    assert_eq!(names(&office, "contacts", "firstname", xml).await, ["Ada"]);
}

#[tokio::test]
async fn orders_go_by_labels_and_names_and_links_come_last() {
    let office = stocked().await;
    // Ordered by label, not by value (documented), unless the raw order is asked for.
    let rows = office.get("EntityDefinitions(LogicalName='account')/Attributes(LogicalName='industrycode')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet").await;
    assert_eq!(rows.status, 200);
    let xml = |raw: &str| {
        format!(
            "<fetch {raw}><entity name='account'><attribute name='industrycode'/><attribute name='name'/><filter><condition attribute='industrycode' operator='not-null'/></filter><order attribute='industrycode'/></entity></fetch>"
        )
    };
    assert_eq!(names(&office, "accounts", "name", &xml("useraworderby='true'")).await, ["Alpha", "Beta"]);
    let rows = fetch(&office, "accounts", &xml("")).await.ok().rows();
    let labels: Vec<&str> = rows
        .iter()
        .map(|row| row["industrycode@OData.Community.Display.V1.FormattedValue"].as_str().unwrap())
        .collect();
    assert!(labels.is_sorted(), "{labels:?}");
    let xml = "<fetch><entity name='account'><attribute name='name'/><order attribute='primarycontactid' descending='true'/><order attribute='name' descending='true'/></entity></fetch>";
    assert_eq!(names(&office, "accounts", "name", xml).await, ["Beta", "O'Hara & Söhne <x>", "Alpha"]);
}

#[tokio::test]
async fn rows_are_found_by_the_teams_of_the_user() {
    let office = office().await;
    let user = office.get("WhoAmI").await.json()["UserId"].as_str().unwrap().to_owned();
    let units = office.get("businessunits?$select=name").await.rows();
    let unit = units[0]["businessunitid"].as_str().unwrap().to_owned();
    let mut teams = Vec::new();
    for name in ["mine", "other"] {
        let body = json!({"name": name, "teamtype": 0,
            "businessunitid@odata.bind": format!("/businessunits({unit})"),
            "administratorid@odata.bind": format!("/systemusers({user})")});
        teams.push(office.create("teams", body).await);
    }
    let roles = office.get("roles?$select=name").await.rows();
    let role = roles.iter().find(|role| role["name"] == "System Administrator").unwrap_or(&roles[0]);
    let role = json!({"@odata.id": format!("{}/api/data/v9.2/roles({})", office.emulator.url().trim_end_matches('/'),
        role["roleid"].as_str().unwrap())});
    for team in &teams {
        office.post(&format!("teams({team})/teamroles_association/$ref"), role.clone()).await.ok();
    }
    let member =
        json!({"Members": [{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": user}]});
    office.post(&format!("teams({})/Microsoft.Dynamics.CRM.AddMembersTeam", teams[0]), member).await.ok();
    for (name, owner) in [
        ("A", format!("/teams({})", teams[0])),
        ("B", format!("/teams({})", teams[1])),
        ("C", format!("/systemusers({user})")),
    ] {
        office.create("accounts", json!({"name": name, "ownerid@odata.bind": owner})).await;
    }
    assert_eq!(accounts(&office, "<condition attribute='ownerid' operator='eq-userteams'/>").await, ["A"]);
    assert_eq!(
        accounts(&office, "<condition attribute='ownerid' operator='eq-useroruserteams'/>").await,
        ["A", "C"]
    );
}

#[tokio::test]
async fn distinct_rows_come_once_and_without_key() {
    let office = stocked().await;
    let xml = "<fetch distinct='true'><entity name='account'><attribute name='address1_city'/><order attribute='address1_city'/></entity></fetch>";
    let rows = fetch(&office, "accounts", xml).await.ok().rows();
    assert_eq!(rows, [json!({"address1_city": "Graz"}), json!({"address1_city": "Linz"})]);
    let counted = xml.replace("<fetch ", "<fetch returntotalrecordcount='true' ");
    assert_eq!(fetch(&office, "accounts", &counted).await.ok().json()["@odata.count"], 2);
}

async fn fill(office: &Office, count: usize) {
    let rows: Vec<Value> = (0..count)
        .map(|n| json!({"@odata.type": "Microsoft.Dynamics.CRM.task", "subject": format!("t{:05} & <{n}>", (n * 7919) % count)}))
        .collect();
    office.post("tasks/Microsoft.Dynamics.CRM.CreateMultiple", json!({ "Targets": rows })).await.ok();
}

/// Pages as the documents prescribe: the cookie decoded twice, escaped into the next request.
async fn all(office: &Office, order: &str, size: usize) -> (Vec<String>, usize) {
    let (mut found, mut page, mut cookie) = (Vec::new(), 1, String::new());
    loop {
        let xml = format!(
            "<fetch count='{size}' page='{page}'{cookie}><entity name='task'><attribute name='subject'/>{order}</entity></fetch>"
        );
        let reply = fetch(office, "tasks", &xml).await.ok();
        found.extend(reply.rows().iter().map(|row| row["subject"].as_str().unwrap().to_owned()));
        let body = reply.json();
        // Documented: both annotations are there only when there is more.
        if body.get("@Microsoft.Dynamics.CRM.morerecords").is_none() {
            assert!(body.get("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie").is_none());
            return (found, page);
        }
        assert_eq!(body["@Microsoft.Dynamics.CRM.morerecords"], true);
        let annotation = body["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"].as_str().unwrap();
        let inner = annotation.split("pagingcookie=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(inner.starts_with("%253ccookie%2520page%253d%2522"), "{inner}");
        let decode = |text: &str| dataverse_wire::literal::percent_decode(text).unwrap();
        let decoded =
            decode(&decode(inner)).replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        cookie = format!(" paging-cookie=\"{decoded}\"");
        page += 1;
    }
}

#[tokio::test]
async fn pages_follow_each_other_by_cookie_without_gap_or_overlap() {
    let office = office().await;
    fill(&office, 250).await;
    for order in ["", "<order attribute='subject'/>", "<order attribute='subject' descending='true'/>"] {
        let (mut subjects, pages) = all(&office, order, 40).await;
        assert_eq!((subjects.len(), pages), (250, 7), "{order}");
        if order.contains("descending") {
            subjects.reverse();
        }
        assert!(order.is_empty() || subjects.is_sorted(), "{order}");
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), 250, "{order}");
    }
}

#[tokio::test]
async fn a_cookie_holds_its_place_while_rows_come_and_go() {
    let office = office().await;
    fill(&office, 30).await;
    let first = fetch(
        &office,
        "tasks",
        "<fetch count='10' page='1'><entity name='task'><attribute name='subject'/></entity></fetch>",
    )
    .await
    .ok();
    let ids: Vec<String> =
        first.rows().iter().map(|row| row["activityid"].as_str().unwrap().to_owned()).collect();
    office.send("DELETE", &format!("tasks({})", ids[0]), &[], b"").await.ok();
    let cookie = format!(
        "&lt;cookie page=\"1\"&gt;&lt;activityid last=\"{{{}}}\" first=\"{{{}}}\" /&gt;&lt;/cookie&gt;",
        ids[9], ids[0]
    );
    let next = format!(
        "<fetch count='100' page='2' paging-cookie='{cookie}'><entity name='task'><attribute name='subject'/></entity></fetch>"
    );
    assert_eq!(fetch(&office, "tasks", &next).await.ok().rows().len(), 20, "no row is lost by the deletion");
    let simple = "<fetch count='10' page='2'><entity name='task'/></fetch>";
    assert_eq!(fetch(&office, "tasks", simple).await.ok().rows().len(), 10, "simple paging needs no cookie");
    let far = "<fetch count='5000' page='11'><entity name='task'/></fetch>";
    fetch(&office, "tasks", far).await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn annotations_of_paging_come_only_when_asked_for() {
    let office = office().await;
    fill(&office, 3).await;
    let xml = encoded(
        "<fetch count='2' returntotalrecordcount='true'><entity name='task'><attribute name='subject'/></entity></fetch>",
    );
    let plain = office.get(&format!("tasks?fetchXml={xml}")).await.ok().json();
    assert!(plain.get("@Microsoft.Dynamics.CRM.morerecords").is_none());
    assert_eq!(plain["@odata.count"], 3);
    // As Microsoft's Python client asks.
    let prefer = "odata.include-annotations=\"Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords\"";
    let reply = office.send("GET", &format!("tasks?fetchXml={xml}"), &[("Prefer", prefer)], b"").await.ok();
    assert_eq!(reply.header("preference-applied"), prefer);
    let body = reply.json();
    assert_eq!(body["@Microsoft.Dynamics.CRM.morerecords"], true);
    assert!(body["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"].is_string());
    let prefer = "odata.include-annotations=\"Microsoft.Dynamics.CRM.totalrecordcount,Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\"";
    let body =
        office.send("GET", &format!("tasks?fetchXml={xml}"), &[("Prefer", prefer)], b"").await.ok().json();
    assert_eq!(body["@Microsoft.Dynamics.CRM.totalrecordcount"], 3);
    assert_eq!(body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"], false);
    let counted = encoded("<fetch><entity name='task'/></fetch>");
    assert_eq!(
        office.get(&format!("tasks?fetchXml={counted}&$count=true")).await.ok().json()["@odata.count"],
        3
    );
}

#[tokio::test]
async fn top_limits_and_does_not_page() {
    let office = office().await;
    fill(&office, 5).await;
    let reply = fetch(&office, "tasks", "<fetch top='3'><entity name='task'><attribute name='subject'/><order attribute='subject'/></entity></fetch>").await.ok();
    assert_eq!(reply.rows().len(), 3);
    assert!(reply.json().get("@Microsoft.Dynamics.CRM.morerecords").is_none());
    for attributes in ["top='5001'", "top='5' page='1'", "top='5' returntotalrecordcount='true'"] {
        let xml = format!("<fetch {attributes}><entity name='task'/></fetch>");
        fetch(&office, "tasks", &xml).await.refused_with(400, "0x80040203");
    }
}

/// The documents' own table of ten accounts.
async fn documented() -> Office {
    let office = office().await;
    for (employees, city) in [
        (None, None),
        (Some(1_500), Some("Redmond")),
        (Some(2_700), Some("Lynnwood")),
        (Some(2_900), Some("Los Angeles")),
        (Some(2_900), Some("Redmond")),
        (Some(3_900), Some("Phoenix")),
        (Some(4_300), Some("Santa Cruz")),
        (Some(4_800), Some("Missoula")),
        (Some(6_000), Some("Dallas")),
        (Some(6_200), Some("Redmond")),
    ] {
        let date = if city.is_none() { "2023-08-27T10:00:00Z" } else { "2023-03-25T10:00:00Z" };
        office.create("accounts", json!({"name": "x", "numberofemployees": employees, "address1_city": city, "overriddencreatedon": date})).await;
    }
    office
}

#[tokio::test]
async fn aggregates_give_the_documented_numbers() {
    let office = documented().await;
    let attributes: String = [
        ("Average", "avg"),
        ("Count", "count"),
        ("ColumnCount", "countcolumn"),
        ("Maximum", "max"),
        ("Minimum", "min"),
        ("Sum", "sum"),
    ]
    .map(|(alias, name)| format!("<attribute name='numberofemployees' alias='{alias}' aggregate='{name}'/>"))
    .concat();
    let distinct =
        "<attribute name='numberofemployees' alias='Distinct' aggregate='countcolumn' distinct='true'/>";
    let xml =
        format!("<fetch aggregate='true'><entity name='account'>{attributes}{distinct}</entity></fetch>");
    let rows = fetch(&office, "accounts", &xml).await.ok().rows();
    assert_eq!(
        rows,
        [
            json!({"Average": 3911, "Count": 10, "ColumnCount": 9, "Maximum": 6200, "Minimum": 1500, "Sum": 35200, "Distinct": 8})
        ]
    );
    let xml = "<fetch aggregate='true'><entity name='account'><attribute name='numberofemployees' alias='Total' aggregate='sum'/>\
        <attribute name='address1_city' alias='Count' aggregate='count'/><attribute name='address1_city' alias='City' groupby='true'/><order alias='City'/></entity></fetch>";
    let rows = fetch(&office, "accounts", xml).await.ok().rows();
    assert_eq!(rows[0], json!({"Total": 0, "Count": 1}), "a null group has no name");
    assert_eq!(rows[6], json!({"Total": 10600, "Count": 3, "City": "Redmond"}));
    assert_eq!(rows.len(), 8);
    let by_total = xml.replace("<order alias='City'/>", "<order alias='Total' descending='true'/>");
    assert_eq!(fetch(&office, "accounts", &by_total).await.ok().rows()[0]["City"], "Redmond");
}

#[tokio::test]
async fn dates_are_grouped_by_their_parts() {
    let office = documented().await;
    let parts = ["Day", "Week", "Month", "Year"]
        .map(|name| {
            format!(
                "<attribute name='createdon' alias='{name}' groupby='true' dategrouping='{}'/>",
                name.to_lowercase()
            )
        })
        .concat();
    let xml = format!(
        "<fetch aggregate='true'><entity name='account'><attribute name='numberofemployees' alias='Total' aggregate='sum'/>{parts}<order alias='Month'/></entity></fetch>"
    );
    let rows = fetch(&office, "accounts", &xml).await.ok().rows();
    assert_eq!(
        rows,
        [
            json!({"Total": 35200, "Day": 25, "Week": 12, "Month": 3, "Year": 2023}),
            json!({"Total": 0, "Day": 27, "Week": 35, "Month": 8, "Year": 2023})
        ]
    );
}

#[tokio::test]
async fn aggregates_over_joined_tables_and_their_limits() {
    let office = stocked().await;
    let xml = "<fetch aggregate='true'><entity name='account'><attribute name='name' alias='n' groupby='true'/>\
        <link-entity name='contact' from='parentcustomerid' to='accountid'><attribute name='contactid' alias='c' aggregate='count'/></link-entity></entity></fetch>";
    assert_eq!(fetch(&office, "accounts", xml).await.ok().rows(), [json!({"n": "Alpha", "c": 2})]);
    let small = "<fetch aggregate='true' aggregatelimit='2'><entity name='account'><attribute name='name' alias='c' aggregate='count'/></entity></fetch>";
    let message = fetch(&office, "accounts", small).await.refused_with(400, "0x8004e023");
    assert!(message.contains("AggregateQueryRecordLimit exceeded"), "{message}");
    let unnamed = "<fetch aggregate='true'><entity name='account'><attribute name='name' aggregate='count'/></entity></fetch>";
    fetch(&office, "accounts", unnamed).await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_with_its_code() {
    let office = office().await;
    for (set, xml, status, code) in [
        ("accounts", "<fetch><entity name='account'>", 400, "0x80040201"),
        ("accounts", "<fetch><entity name='account' surprise='1'/></fetch>", 400, "0x80040201"),
        ("accounts", "<fetch><entity name='nonsense'/></fetch>", 400, "0x80041102"),
        ("accounts", "<fetch><entity name='contact'/></fetch>", 400, "0x80060888"),
        (
            "accounts",
            "<fetch><entity name='account'><attribute name='nonsense'/></entity></fetch>",
            400,
            "0x80041103",
        ),
        (
            "accounts",
            "<fetch><entity name='account'><filter><condition attribute='name' operator='under' value='1'/></filter></entity></fetch>",
            501,
            "0x80040219",
        ),
        (
            "accounts",
            "<fetch><entity name='account'><filter><condition attribute='name' operator='null' value='1'/></filter></entity></fetch>",
            400,
            "0x80040203",
        ),
        (
            "accounts",
            "<fetch><entity name='account'><filter><condition attribute='numberofemployees' operator='eq' value='many'/></filter></entity></fetch>",
            400,
            "0x80060888",
        ),
        ("accounts", "<fetch datasource='retained'><entity name='account'/></fetch>", 501, "0x80040219"),
        ("accounts", "<fetch page='2' paging-cookie='x'><entity name='account'/></fetch>", 400, "0x80040203"),
    ] {
        fetch(&office, set, xml).await.refused_with(status, code);
    }
    let links =
        "<link-entity name='contact' from='contactid' to='primarycontactid' link-type='outer'/>".repeat(16);
    let xml = format!("<fetch><entity name='account'>{links}</entity></fetch>");
    let message = fetch(&office, "accounts", &xml).await.refused_with(400, "0x8004430d");
    assert_eq!(message, "Number of link entities in query exceeded maximum limit.");
    let both = format!(
        "accounts?fetchXml={}&$filter=name eq 'x'",
        encoded("<fetch><entity name='account'/></fetch>")
    );
    office.get(&both).await.refused_with(400, "0x80060888");
}

#[tokio::test]
async fn a_query_travels_in_a_batch_too() {
    let office = stocked().await;
    let xml = encoded("<fetch><entity name='account'><attribute name='name'/></entity></fetch>");
    let body = format!(
        "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET /api/data/v9.2/accounts?fetchXml={xml} HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n--b--\r\n"
    );
    let headers = [("Content-Type", "multipart/mixed;boundary=b")];
    let reply = office.send("POST", "$batch", &headers, body.as_bytes()).await.ok();
    assert!(reply.text().contains("\"name\":\"Alpha\""), "{}", reply.text());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Any text that a column may hold is found by its own value, and by nothing else.
    #[test]
    fn any_text_survives_the_way_through_xml_and_url(text in "[ -~äßЖ中]{1,60}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let office = office().await;
            let text = text.trim();
            if text.is_empty() {
                return;
            }
            office.create("accounts", json!({"name": text})).await;
            office.create("accounts", json!({"name": format!("{text}+")})).await;
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
            let found = accounts(&office, &format!("<condition attribute='name' operator='eq' value='{escaped}'/>")).await;
            assert_eq!(found, [text]);
        });
    }
}
