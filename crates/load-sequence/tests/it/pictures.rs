//! What pictures of plans say.

use load_sequence::picture::{dot, html, mermaid, svg};
use load_sequence::{
    Association, Combination, Ignore, Lookup, LookupGraph, Options, RowLevels, Sequence, Table, sequence,
};

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
        associations: vec![Association {
            table: "accountcontacts".to_owned(),
            first: "account".to_owned(),
            second: "contact".to_owned(),
            rows: 40,
        }],
        ..LookupGraph::default()
    };
    let plan = sequence(&graph, &Options::default()).unwrap();
    (graph, plan)
}

/// A table that `leaves` others need and that points back to each of them, with more rows each time.
fn hub(leaves: u64) -> (LookupGraph, Sequence) {
    let mut graph = LookupGraph { tables: vec![Table::new("hub", 10)], ..LookupGraph::default() };
    for n in 0..leaves {
        let leaf = format!("leaf{n:03}");
        graph.lookups.push(Lookup::new(&leaf, "hubid", "hub", 100_000).required());
        graph.lookups.push(Lookup::new("hub", format!("leaf{n:03}id"), &leaf, n + 1));
        graph.tables.push(Table::new(leaf, 100));
    }
    let plan = sequence(&graph, &Options::default()).unwrap();
    (graph, plan)
}

#[test]
fn graphviz_gets_a_box_around_each_wave_and_waiting_lookups_dashed_in_red() {
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
        "accountcontacts · 40",
        "account.primarycontactid → contact · 1,500 rows",
        "Wave 3",
        "it&#39;s &lt;&quot;odd&quot;&gt; &amp; #1 · 3",
    ] {
        assert!(picture.contains(text), "{text} is missing");
    }
    assert!(!picture.contains("<\"odd\""));
}

#[test]
fn a_wave_counts_its_tables_in_words_and_the_legend_says_what_every_sign_means() {
    let (mut graph, _) = plan();
    graph.tables.push(Table::new("post", 5).at_the_end());
    let plan = sequence(&graph, &Options::default()).unwrap();
    let picture = svg(&graph, &plan);
    for text in [
        ">1 table<",
        "written at insert",
        "waits and is written afterwards",
        "table with a lookup that waits",
        "special table",
        "N:N table, loaded when its wave is done",
        "level by level",
        "number of rows",
    ] {
        assert!(picture.contains(text), "{text} is missing");
    }
}

#[test]
fn texts_on_lines_have_their_halo_as_a_text_of_its_own_below() {
    let (graph, plan) = hub(5);
    let picture = svg(&graph, &plan);
    assert!(!picture.contains("paint-order"));
    let texts: Vec<&str> = picture.lines().filter(|line| line.starts_with("<text class=\"rows")).collect();
    assert!(!texts.is_empty());
    for text in texts {
        let place = text.find(" x=").unwrap();
        let halo = format!("<text class=\"halo\"{}", &text[place..]);
        let at = picture.find(&halo).unwrap_or_else(|| panic!("{text} has no halo"));
        assert!(at < picture.find(text).unwrap(), "the halo is painted over {text}");
    }
}

#[test]
fn a_waiting_lookup_is_told_at_both_ends_of_a_long_line() {
    // Ten tables in a row, and the first points to the last.
    let name = |n: usize| format!("table{n:02}");
    let mut graph = LookupGraph::default();
    for n in 0..10 {
        graph.tables.push(Table::new(name(n), 100));
        if n > 0 {
            graph.lookups.push(Lookup::new(name(n), "before", name(n - 1), 1_000));
        }
    }
    graph.lookups.push(Lookup::new(name(0), "lastid", name(9), 1));
    let plan = sequence(&graph, &Options::default()).unwrap();
    let picture = svg(&graph, &plan);
    assert!(picture.contains("#1  table00.lastid → table09 · 1 row<"));
    assert!(picture.contains("#1  from table00.lastid<"));
}

#[test]
fn many_waiting_lookups_between_the_same_waves_share_one_line_that_says_what_it_stands_for() {
    let (graph, plan) = hub(30);
    let picture = svg(&graph, &plan);
    assert_eq!(picture.matches("class=\"rows").count(), 1);
    assert!(picture.contains("30 lookups: hub → 30 tables · 465 rows"), "{picture}");
    // One way out of the hub, one line along, one way into each of the thirty.
    let lines: Vec<&str> = picture.lines().filter(|line| line.starts_with("<path class=\"waiting")).collect();
    assert_eq!(lines.len(), 32);
    assert_eq!(lines.iter().filter(|line| line.starts_with("<path class=\"waiting many")).count(), 2);
}

#[test]
fn the_list_is_ordered_by_rows_and_numbered_as_the_lines_are() {
    let (graph, plan) = hub(20);
    let picture = svg(&graph, &plan);
    let entries: Vec<&str> = picture.lines().filter(|line| line.starts_with("<text class=\"entry")).collect();
    assert_eq!(entries.len(), 20);
    for (i, entry) in entries.iter().enumerate() {
        let rows = 20 - i;
        assert!(entry.contains(&format!(">#{}<", i + 1)), "{entry}");
        assert!(
            entry.contains(&format!("leaf{:03}id", rows - 1)) && entry.contains(&format!(">{rows} row")),
            "{entry}"
        );
        assert!(picture.contains(&format!("#{}  hub.leaf{:03}id → leaf{:03}", i + 1, rows - 1, rows - 1)));
    }
}

#[test]
fn a_list_that_is_too_long_says_what_it_leaves_out() {
    let (graph, plan) = hub(300);
    let picture = svg(&graph, &plan);
    assert_eq!(picture.matches("<text class=\"entry").count(), 240);
    // The sixty smallest have one to sixty rows.
    assert!(picture.contains("60 more with together 1,830 rows"));
}

#[test]
fn a_very_long_name_ruins_neither_picture_nor_legend() {
    let long = "l".repeat(300);
    let graph = LookupGraph {
        tables: vec![Table::new(&long, 1), Table::new("account", 1)],
        lookups: vec![Lookup::new(&long, &long, "account", 5), Lookup::new("account", &long, &long, 1)],
        ..LookupGraph::default()
    };
    let plan = sequence(&graph, &Options::default()).unwrap();
    let picture = svg(&graph, &plan);
    let width = picture.split("width=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(width.parse::<f64>().unwrap() < 1_600.0, "{width}");
    assert!(picture.contains(&format!("<title>{long}, wave")), "the whole name is in the tooltip");
    let seen: String =
        picture.split("<title>").map(|part| part.split_once("</title>").map_or(part, |it| it.1)).collect();
    assert!(!seen.contains(&long), "and nowhere else");
}

#[test]
fn a_schema_of_hundreds_of_tables_is_drawn_with_few_lines() {
    let graph = crate::schema::organisation();
    let plan = sequence(&graph, &Options::default()).unwrap();
    let picture = svg(&graph, &plan);
    assert_eq!(picture.matches(" id=\"t").count(), graph.tables.len());
    assert!(picture.matches("class=\"kept").count() < graph.tables.len());
    within_what_mermaid_draws(&mermaid(&graph, &plan), plan.waves.len());
}

/// Mermaid refuses diagrams with more.
fn within_what_mermaid_draws(text: &str, waves: usize) {
    assert!(
        text.chars().count() <= 50_000 || text.contains("%% The tables alone need more"),
        "{}",
        text.len()
    );
    let links =
        text.lines().filter(|line| [" --> ", " -. ", " ~~~ "].iter().any(|it| line.contains(it))).count();
    assert!(links <= 500, "{links}");
    assert_eq!(text.matches(" ~~~ ").count(), waves - 1);
}

#[test]
fn mermaid_draws_the_dearest_lookups_first_and_says_what_it_leaves_out() {
    let (graph, plan) = hub(900);
    let text = mermaid(&graph, &plan);
    within_what_mermaid_draws(&text, plan.waves.len());
    assert!(text.contains("hub.leaf899id → leaf899: 900 rows") && !text.contains("hub.leaf000id"));
    let drawn = text.lines().filter(|line| line.contains(" -. ")).count();
    assert!(text.contains(&format!("Of 900 pairs of tables with lookups that wait, those with the most rows are drawn; {} are left out", 900 - drawn)), "{text}");
    let (graph, plan) = hub(3);
    assert!(!mermaid(&graph, &plan).contains("left out"));
}

#[test]
fn mermaid_keeps_all_tables_even_where_they_alone_are_too_many() {
    let (graph, plan) = hub(3_000);
    let text = mermaid(&graph, &plan);
    within_what_mermaid_draws(&text, plan.waves.len());
    assert!(text.contains("%% The tables alone need more than Mermaid's 50,000 characters"));
    assert_eq!(text.matches("\"leaf").count(), 3_000);
    assert!(text.contains("hub.leaf2999id → leaf2999: 3,000 rows"), "the dearest are drawn all the same");
}

#[test]
fn links_of_mermaid_all_run_from_later_to_earlier_waves() {
    let graph = crate::schema::standard();
    let plan = sequence(&graph, &Options::default()).unwrap();
    let text = mermaid(&graph, &plan);
    let sizes: Vec<usize> = plan.waves.iter().map(Vec::len).collect();
    let wave = |id: &str| {
        let node: usize = id[1..].parse().unwrap();
        (1..=sizes.len()).find(|&waves| node < sizes[..waves].iter().sum()).unwrap()
    };
    let mut links = 0;
    for line in text.lines().filter(|line| line.contains(" --> ") || line.contains(" -. ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(wave(words[0]) > wave(words[words.len() - 1]), "{line}");
        links += 1;
    }
    assert!(links > 100);
}

#[test]
fn graphviz_says_how_many_lookups_it_leaves_out() {
    let graph = crate::schema::standard();
    let plan = sequence(&graph, &Options::default()).unwrap();
    let text = dot(&graph, &plan);
    assert!(
        text.starts_with("// ")
            && text.lines().next().unwrap().contains("lookups written at insert are left out")
    );
    assert_eq!(text.matches("subgraph cluster_").count(), plan.waves.len());
    assert!(text.contains("label=\"Wave 1 (59 tables)\""));
}

#[test]
fn the_page_is_complete_in_itself() {
    let (graph, plan) = plan();
    let page = html(&graph, &plan);
    for text in ["<svg", "id=\"find\"", "href=\"#t0\"", "id=\"t0\""] {
        assert!(page.contains(text), "{text} is missing");
    }
    // The namespace is a name and no link.
    let outside = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("src=") && !outside.contains("<link") && !outside.contains("http"));
}

#[test]
fn the_page_has_everything_that_the_plan_has() {
    let (mut graph, _) = plan();
    graph.tables[0].inactive_rows = 321;
    graph.tables.push(Table::new("post", 5).at_the_end());
    graph.tables.push(Table::new("lead", 50));
    graph.lookups.push(Lookup::new("account", "originatingleadid", "lead", 400));
    graph.lookups.push(Lookup::new("lead", "parentaccountid", "account", 5_000));
    graph.lookups.push(Lookup::new("contact", "createdby", "systemuser", 77));
    graph.lookups.push(Lookup::new("contact", "preferredby", "lead", 88));
    graph.ignore = vec![Ignore::column("preferredby")];
    graph.combinations = vec![
        Combination::new("account", &[("primarycontactid", "contact"), ("originatingleadid", "lead")], 400),
        Combination::new("account", &[("primarycontactid", "contact")], 1_100),
    ];
    graph.row_levels = vec![RowLevels {
        tables: vec!["account".to_owned(), "contact".to_owned()],
        levels: vec![vec![2_000, 0], vec![0, 10_000]],
    }];
    let plan = sequence(&graph, &Options::default()).unwrap();
    let page = html(&graph, &plan);
    for text in [
        "<h2>N:N tables</h2>",
        "accountcontacts",
        "<h2>States last</h2>",
        ">321<",
        "<h2>Special tables</h2>",
        "<h2>Row waves</h2>",
        "worth it",
        "<h2>Ignored lookups</h2>",
        "the target is not among the tables",
        "asked for",
        "<h2>Second writes per table</h2>",
        "400 fewer than the sum over its waiting lookups, 1,900",
        "Two waiting lookups of one row cost one update",
        "<h2>Loaded level by level</h2>",
        "<h2>Tables that point at each other</h2>",
        "<h2>What each order writes twice</h2>",
    ] {
        assert!(page.contains(text), "{text} is missing");
    }
    for it in &plan.explanations {
        let text =
            it.text.replace('>', "&gt;").replace('\'', "&#39;").replace("<\"odd\"", "&lt;&quot;odd&quot;");
        assert!(page.contains(&text), "{text} is missing");
    }
}

#[test]
fn pictures_are_the_same_however_the_graph_is_listed() {
    let (mut graph, plan) = plan();
    let first = [svg(&graph, &plan), html(&graph, &plan), dot(&graph, &plan), mermaid(&graph, &plan)];
    graph.tables.reverse();
    graph.lookups.reverse();
    let again = [svg(&graph, &plan), html(&graph, &plan), dot(&graph, &plan), mermaid(&graph, &plan)];
    assert_eq!(first, again);
}
