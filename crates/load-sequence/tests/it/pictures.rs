//! Pictures of plans.

use load_sequence::picture::{dot, html, mermaid, svg};
use load_sequence::{Lookup, LookupGraph, Options, Sequence, Table, sequence};

fn plan() -> (LookupGraph, Sequence) {
    let graph = LookupGraph {
        tables: vec![
            Table::new("account", 2_000),
            Table::new("contact", 10_000),
            Table::new("it's <\"odd\"> & #1", 3),
        ],
        lookups: vec![
            Lookup::new("account", "parentaccountid", "account", 10),
            Lookup::new("account", "primarycontactid", "contact", 1_500),
            Lookup::new("contact", "parentcustomerid", "account", 9_000),
            Lookup::new("it's <\"odd\"> & #1", "owner", "contact", 3),
        ],
        ..LookupGraph::default()
    };
    let plan = sequence(&graph, &Options::default()).unwrap();
    (graph, plan)
}

#[test]
fn graphviz_gets_waves_as_ranks_and_waiting_lookups_dashed_in_red() {
    let (graph, plan) = plan();
    insta::assert_snapshot!(dot(&graph, &plan));
}

#[test]
fn mermaid_gets_a_group_per_wave_and_waiting_lookups_dashed_in_red() {
    let (graph, plan) = plan();
    insta::assert_snapshot!(mermaid(&graph, &plan));
}

#[test]
fn svg_shows_every_table_and_the_rows_of_waiting_lookups() {
    let (graph, plan) = plan();
    let picture = svg(&graph, &plan);
    for text in [
        "account ↻ · 2,000",
        "contact · 10,000",
        "1,500 rows",
        "Wave 3",
        "it&#39;s &lt;&quot;odd&quot;&gt; &amp; #1 · 3",
    ] {
        assert!(picture.contains(text), "{text} is missing");
    }
    assert_eq!(picture.matches("class=\"waiting").count(), 1);
    assert!(!picture.contains("<\"odd\""));
}

#[test]
fn the_page_is_complete_in_itself() {
    let (graph, plan) = plan();
    let page = html(&graph, &plan);
    assert!(
        page.contains("<svg") && page.contains("Lookups that wait") && page.contains("Loaded level by level")
    );
    assert!(!page.contains("src=") && !page.contains("<link"));
}

#[test]
fn a_schema_of_hundreds_of_tables_is_drawn_with_few_lines() {
    let graph = crate::schema::organisation();
    let plan = sequence(&graph, &Options::default()).unwrap();
    let picture = svg(&graph, &plan);
    assert_eq!(picture.matches("data-n=").count(), graph.tables.len());
    assert!(picture.matches("class=\"kept").count() < graph.tables.len());
}

#[test]
fn many_waiting_lookups_between_the_same_waves_share_a_line() {
    // Thirty tables need "hub", which points back to each of them.
    let mut graph = LookupGraph { tables: vec![Table::new("hub", 10)], ..LookupGraph::default() };
    for n in 0..30 {
        let leaf = format!("leaf{n:02}");
        graph.lookups.push(Lookup::new(&leaf, "hubid", "hub", 100).required());
        graph.lookups.push(Lookup::new("hub", format!("leaf{n:02}id"), &leaf, 2));
        graph.tables.push(Table::new(leaf, 100));
    }
    let plan = sequence(&graph, &Options::default()).unwrap();
    let picture = svg(&graph, &plan);
    assert_eq!(picture.matches("class=\"waiting").count(), 30, "each is drawn");
    assert_eq!(picture.matches("class=\"rows").count(), 1, "and all are told in one place");
    assert!(picture.contains("hub.30 columns → 30 tables · 60 rows"), "{picture}");
}
