//! What the text says.

use serde_json::json;

use crate::{CRM, HEADER, plan, run, written};

fn text(list: &str, arguments: &[&str]) -> String {
    let (_folder, path) = written(list);
    let output = run(&path, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_text_has_what_the_plan_has_with_the_dearest_lookups_first() {
    let list = format!(
        "{CRM}lead,campaignid,campaign,false,20\ncampaign,leadid,lead,false,2000\naccount,createdby,user,false,5\nlead,createdby,user,false,6\n"
    );
    insta::assert_snapshot!(text(&list, &["--ignore", "createdby,opportunity.customerid"]));
}

#[test]
fn a_required_self_reference_is_noted() {
    let text = text(&format!("{HEADER}a,p,a,true,5\nb,q,b,false,5\n"), &[]);
    assert!(text.contains("note: a.p is loaded level by level, but is required: each row names"), "{text}");
    assert!(!text.contains("note: b.q"), "{text}");
    assert!(text.contains("an edge list does not tell which rows sit on a cycle of rows"), "{text}");
    assert!(text.starts_with("2 tables in 1 wave; nothing is written twice\n"), "{text}");
}

/// By lookup count `order` comes before `customer`.
const BY_COUNT: &str =
    "order,customer,customer,true,1000\ncustomer,region,region,false,100\ncustomer,owner,owner,false,100\n";

#[test]
fn an_order_that_cannot_be_loaded_is_refused_beside_what_all_orders_cost() {
    let (folder, path) = written(&format!("{HEADER}{BY_COUNT}"));
    let output = run(&path, &["--strategy", "lookup-count"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!(stderr.replace(&format!("{}/", folder.path().display()), ""), @"
    error: graph.csv: lookup-count order cannot be loaded, since it leaves empty what must be there at insert: order.customer -> customer (required)
    hint: use the cheapest order, which never defers a required or create-only lookup
    ");
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @"
    what each order writes twice
                 0 rows  cheapest: 0 lookups wait
             1,000 rows  lookup-count: 1 lookup waits; cannot be loaded, since 1 of them is required
                 0 rows  first-back-edge: 0 lookups wait
    ");
    assert!(run(&path, &["--strategy", "lookup-count", "--json"]).stdout.is_empty());
}

#[test]
fn json_has_what_all_strategies_cost_beside_the_plan() {
    let plan = plan(&format!("{HEADER}{BY_COUNT}"), &[]);
    assert_eq!(
        plan["strategies"],
        json!([
            { "strategy": "cheapest", "cost": 0, "deferred": 0, "self_reference_rows": 0, "impossible": [] },
            { "strategy": "lookup-count", "cost": 1000, "deferred": 1, "self_reference_rows": 0, "impossible": [
                { "table": "order", "column": "customer", "target": "customer", "why": "required" }
            ] },
            { "strategy": "first-back-edge", "cost": 0, "deferred": 0, "self_reference_rows": 0, "impossible": [] },
        ])
    );
}

#[test]
fn another_strategys_plan_has_the_bound_of_the_cheapest() {
    let plan = plan(CRM, &["--strategy", "first-back-edge"]);
    assert_eq!((&plan["cost"], &plan["bound"], &plan["proven"]), (&json!(9000), &json!(1500), &json!(false)));
}
