//! Lambda operators: `any` and `all` over collections (reference §13).

use serde_json::json;

use crate::client::{Office, office};

async fn names(office: &Office, filter: &str) -> Vec<String> {
    let rows = office.get(&format!("accounts?$select=name&$orderby=name&$filter={filter}")).await.ok().rows();
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// Alpha has Ada (with a task) and Bob, Beta has Cy, Gamma has nobody; Bob is of a lead.
async fn stocked() -> Office {
    let office = office().await;
    let mut contacts = Vec::new();
    for (account, people) in [("Alpha", &["Ada", "Bob"][..]), ("Beta", &["Cy"]), ("Gamma", &[])] {
        let id = office.create("accounts", json!({ "name": account })).await;
        for name in people {
            let body = json!({"firstname": name, "lastname": format!("of {account}"),
                "parentcustomerid_account@odata.bind": format!("/accounts({id})")});
            contacts.push(office.create("contacts", body).await);
        }
    }
    let regarding = format!("/contacts({})", contacts[0]);
    office
        .create("tasks", json!({"subject": "call", "regardingobjectid_contact_task@odata.bind": regarding}))
        .await;
    let lead = office.create("leads", json!({"subject": "s", "lastname": "lead"})).await;
    let other =
        format!("{}/api/data/v9.2/contacts({})", office.emulator.url().trim_end_matches('/'), contacts[1]);
    office
        .post(&format!("leads({lead})/contactleads_association/$ref"), json!({"@odata.id": other}))
        .await
        .ok();
    office
}

#[tokio::test]
async fn any_finds_parents_of_at_least_one_row_that_fits() {
    let office = stocked().await;
    let people = "contact_customer_accounts";
    for (filter, expected) in [
        (format!("{people}/any()"), &["Alpha", "Beta"][..]),
        (format!("not {people}/any()"), &["Gamma"]),
        (format!("{people}/any(o:o/firstname eq 'ada')"), &["Alpha"]),
        (format!("{people}/any(o:o/firstname eq 'Ada' or o/firstname eq 'Cy')"), &["Alpha", "Beta"]),
        (format!("{people}/any(o:(o/firstname eq 'Ada' and o/lastname eq 'of Beta'))"), &[]),
        (format!("{people}/any(o:contains(o/lastname,'Beta'))"), &["Beta"]),
        (format!("{people}/any(o:o/parentcustomerid_account/name eq 'Beta')"), &["Beta"]),
        (format!("{people}/any(o:not (o/firstname eq 'Ada'))"), &["Alpha", "Beta"]),
        (format!("name eq 'Alpha' and {people}/any(o:o/firstname eq 'Bob')"), &["Alpha"]),
        // Within each other, and over many-to-many relationships.
        (format!("{people}/any(o:o/Contact_Tasks/any(t:t/subject eq 'call'))"), &["Alpha"]),
        (format!("{people}/any(o:o/contactleads_association/any(l:l/lastname eq 'lead'))"), &["Alpha"]),
        (format!("{people}/any(o:o/contactleads_association/any(l:l/lastname eq 'other'))"), &[]),
    ] {
        assert_eq!(names(&office, &filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn all_finds_parents_of_rows_that_all_fit_and_those_without_any() {
    let office = stocked().await;
    let people = "contact_customer_accounts";
    assert_eq!(names(&office, &format!("{people}/all(o:o/firstname eq 'Cy')")).await, ["Beta", "Gamma"]);
    assert_eq!(names(&office, &format!("{people}/all(o:startswith(o/lastname,'of'))")).await.len(), 3);
    let both = format!("{people}/any() and {people}/all(o:o/firstname ne 'Ada')");
    assert_eq!(names(&office, &both).await, ["Beta"]);
}

#[tokio::test]
async fn collections_of_parents_are_reached_through_lookups() {
    let office = stocked().await;
    let filter = "parentcustomerid_account/contact_customer_accounts/any(o:o/firstname eq 'Bob')";
    let target = format!("contacts?$select=firstname&$orderby=firstname&$filter={filter}");
    let rows = office.get(&target).await.ok().rows();
    let names: Vec<&str> = rows.iter().map(|row| row["firstname"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ada", "Bob"], "colleagues of Bob");
    let counted = office.get(&format!("contacts/$count?$filter={filter}")).await.ok();
    assert_eq!(counted.text(), "2");
}

#[tokio::test]
async fn what_a_lambda_does_not_know_is_refused() {
    let office = office().await;
    for filter in [
        "nonsense/any(o:o/name eq 'x')",
        "contact_customer_accounts/any(o:o/nonsense eq 'x')",
        "contact_customer_accounts/any(o:firstname eq 'x')",
        "contact_customer_accounts/any(o:p/firstname eq 'x')",
        "contact_customer_accounts/any(o)",
        "contact_customer_accounts/all()",
        "name/any()",
    ] {
        office.get(&format!("accounts?$filter={filter}")).await.refused_with(400, "0x80060888");
    }
}
