//! What a plan says about itself.

use load_sequence::{Ignore, Lookup, Options, Sequence, Strategy, sequence};

use crate::cases::{accounts_and_contacts, graph, plan};

#[test]
fn each_decision_is_explained() {
    let plan = plan(&accounts_and_contacts());
    let lines: Vec<String> =
        plan.explanations.iter().map(|it| format!("{}: {}", it.table, it.text)).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    account: wave 1: nothing has to be loaded before it
    contact: wave 2: parentcustomerid points to account, loaded in wave 1
    account: waits, since it would close a cycle with contact.parentcustomerid -> account; it fills 1,500 rows, the other one 9,000; 1,500 rows are written twice
    ");
}

/// The sentence about a lookup.
#[track_caller]
fn why<'p>(plan: &'p Sequence, table: &str, column: &str) -> &'p str {
    let about = |it: &&load_sequence::Explanation| it.table == table && it.column.as_deref() == Some(column);
    &plan.explanations.iter().find(about).unwrap().text
}

#[test]
fn a_waiting_lookup_says_why_it_waits_and_no_other_of_its_cycle() {
    let ring = |rows: [u64; 3]| {
        vec![
            Lookup::new("a", "x", "b", rows[0]),
            Lookup::new("b", "y", "c", rows[1]),
            Lookup::new("c", "z", "a", rows[2]),
        ]
    };
    let tables = [("a", 9), ("b", 9), ("c", 9)];
    let told = |lookups: Vec<Lookup>| why(&plan(&graph(&tables, lookups)), "a", "x").to_owned();
    let all_may = told(ring([2, 2_000, 5]));
    assert!(all_may.contains("; it fills 2 rows, each of the others 5 or more; "), "{all_may}");
    let mut one_cannot = ring([2, 1, 5]);
    one_cannot[1].required = true;
    let one_cannot = told(one_cannot);
    assert!(
        one_cannot.contains("; it fills 2 rows, each of the others 5 or more or cannot wait; "),
        "{one_cannot}"
    );
    let none_may = told(
        ring([2, 1, 1])
            .into_iter()
            .enumerate()
            .map(|(i, it)| if i == 0 { it } else { it.create_only() })
            .collect(),
    );
    assert!(none_may.contains("; the others cannot wait; 2 rows are written twice"), "{none_may}");
    // Two cycles share a.x: alone b.y or b.w would be cheaper, both together are not.
    let mut two = ring([3, 2, 9]);
    two.extend([Lookup::new("b", "w", "d", 2), Lookup::new("d", "v", "a", 9)]);
    let two = plan(&graph(&[("a", 9), ("b", 9), ("c", 9), ("d", 9)], two));
    let shared = why(&two, "a", "x");
    assert!(
        shared.contains("; another one of it fills fewer rows, but no order as a whole is cheaper; "),
        "{shared}"
    );
    let first = Options { strategy: Strategy::FirstBackEdge, ..Options::default() };
    let first = sequence(&graph(&tables, ring([2, 2, 5])), &first).unwrap();
    assert!(
        why(&first, "c", "z").contains("; it was the first to close one; 5 rows"),
        "{}",
        why(&first, "c", "z")
    );
}

#[test]
fn a_required_self_reference_says_that_no_row_can_be_the_first() {
    let graph =
        graph(&[("account", 100)], vec![Lookup::new("account", "parentaccountid", "account", 80).required()]);
    for strategy in [Strategy::Cheapest, Strategy::LookupCount, Strategy::FirstBackEdge] {
        let plan = sequence(&graph, &Options { strategy, ..Options::default() }).unwrap();
        let told = why(&plan, "account", "parentaccountid");
        assert!(told.contains("no row can be the first: point the top rows to a placeholder row"), "{told}");
    }
}

#[test]
fn the_headline_agrees_with_its_counts_and_says_what_leaves_the_migration() {
    let mut graph = graph(&[("account", 1)], vec![Lookup::new("account", "createdby", "systemuser", 1)]);
    assert_eq!(
        plan(&graph).headline(),
        "1 table in 1 wave; nothing is written twice; 1 lookup leaves the migration"
    );
    graph.lookups.push(Lookup::new("account", "modifiedby", "systemuser", 1));
    assert!(plan(&graph).headline().ends_with("; 2 lookups leave the migration"));
    graph.ignore = vec![Ignore::target("systemuser")];
    assert_eq!(plan(&graph).headline(), "1 table in 1 wave; nothing is written twice");
}
