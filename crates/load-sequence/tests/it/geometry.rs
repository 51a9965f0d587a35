//! Pictures are true: read back from the SVG, no line runs through a table that it does not concern, and no text lies on one.

use load_sequence::picture::svg;
use load_sequence::{Association, Lookup, LookupGraph, Options, Sequence, Table, sequence};

/// A box of a table or of an N:N table.
#[derive(Debug)]
struct Box {
    name: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Box {
    fn has(&self, (x, y): (f64, f64)) -> bool {
        x > self.x + 0.5
            && x < self.x + self.width - 0.5
            && y > self.y + 0.5
            && y < self.y + self.height - 0.5
    }
}

fn value<'t>(text: &'t str, name: &str) -> &'t str {
    let start = text.find(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name} in {text}"));
    let rest = &text[start + name.len() + 3..];
    &rest[..rest.find('"').unwrap()]
}

fn number(text: &str, name: &str) -> f64 {
    value(text, name).parse().unwrap()
}

fn boxes(picture: &str) -> Vec<Box> {
    let groups = picture
        .lines()
        .filter(|line| line.starts_with("<g class=\"table") || line.starts_with("<g class=\"pair"));
    let read = |line: &str| {
        let rect = &line[line.find("<rect").unwrap()..];
        let name = line.split("<title>").nth(1).unwrap().split("</title>").next().unwrap().to_owned();
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|it| number(rect, it));
        Box { name, x, y, width, height }
    };
    groups.map(read).collect()
}

/// Points along a path of `M`, `H`, `V`, `Q` and `C` with absolute coordinates.
fn points(path: &str) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let spaced: String = path
        .chars()
        .flat_map(|it| if it.is_ascii_alphabetic() { vec![' ', it, ' '] } else { vec![it] })
        .collect();
    let mut words = spaced.split_whitespace();
    while let Some(command) = words.next() {
        let mut next = || words.next().unwrap().parse::<f64>().unwrap();
        let from = points.last().copied().unwrap_or_default();
        let curve = match command {
            "M" => {
                points.push((next(), next()));
                continue;
            }
            "H" => {
                let to = (next(), from.1);
                [from, from, to, to]
            }
            "V" => {
                let to = (from.0, next());
                [from, from, to, to]
            }
            "Q" => {
                let (middle, to) = ((next(), next()), (next(), next()));
                [from, middle, middle, to]
            }
            "C" => [from, (next(), next()), (next(), next()), (next(), next())],
            other => panic!("{other} in {path}"),
        };
        for step in 1..=200 {
            let t = f64::from(step) / 200.0;
            let s = 1.0 - t;
            let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
            let sum = |part: fn(&(f64, f64)) -> f64| -> f64 {
                curve.iter().zip(weights).map(|(point, weight)| part(point) * weight).sum()
            };
            points.push((sum(|it| it.0), sum(|it| it.1)));
        }
    }
    points
}

/// Three hundred tables whose lookups point anywhere, by a rule that is the same on every machine.
fn random(tables: u64) -> LookupGraph {
    let mut state: u64 = 7;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let name = |number: u64| format!("table_with_number_{number}");
    let mut graph = LookupGraph::default();
    for table in 0..tables {
        graph.tables.push(Table::new(name(table), next(100_000)));
        for column in 0..next(5) {
            // Mostly to tables with smaller numbers, so that there are many waves.
            let target = if next(12) == 0 { next(tables) } else { next(table + 1) };
            graph.lookups.push(Lookup::new(
                name(table),
                format!("column{column}id"),
                name(target),
                next(5_000),
            ));
        }
        if table % 9 == 1 {
            let association = Association {
                table: format!("nn_{table}"),
                first: name(table),
                second: name(next(table)),
                rows: next(1_000),
            };
            graph.associations.push(association);
        }
    }
    graph
}

/// Five tables, the standard tables and three hundred.
fn drawn() -> Vec<(LookupGraph, Sequence, String)> {
    let five = LookupGraph {
        tables: ["account", "contact", "lead", "opportunity", "incident"]
            .map(|it| Table::new(it, 9))
            .to_vec(),
        lookups: vec![
            Lookup::new("account", "parentaccountid", "account", 3),
            Lookup::new("account", "primarycontactid", "contact", 1),
            Lookup::new("contact", "parentcustomerid", "account", 9),
            Lookup::new("contact", "originatingleadid", "lead", 8),
            Lookup::new("lead", "parentaccountid", "account", 7),
            Lookup::new("opportunity", "originatingleadid", "lead", 6),
            Lookup::new("lead", "qualifyingopportunityid", "opportunity", 2),
            Lookup::new("incident", "customerid", "account", 5),
            Lookup::new("incident", "primarycontactid", "contact", 4),
        ],
        ..LookupGraph::default()
    };
    let draw = |graph: LookupGraph| {
        let plan = sequence(&graph, &Options::default()).unwrap();
        let picture = svg(&graph, &plan);
        (graph, plan, picture)
    };
    [five, crate::schema::standard(), random(300)].map(draw).into()
}

#[test]
fn every_table_and_every_association_has_a_box_of_its_own_with_its_full_name() {
    for (graph, _, picture) in drawn() {
        let boxes = boxes(&picture);
        assert_eq!(boxes.len(), graph.tables.len() + graph.associations.len());
        for table in &graph.tables {
            let title = format!("{}, wave ", table.name);
            assert_eq!(boxes.iter().filter(|it| it.name.starts_with(&title)).count(), 1, "{}", table.name);
        }
        for (i, a) in boxes.iter().enumerate() {
            let apart = |b: &Box| {
                a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
            };
            assert!(boxes[..i].iter().all(apart), "{} lies on another box", a.name);
        }
    }
}

#[test]
fn no_line_runs_through_a_table() {
    for (_, _, picture) in drawn() {
        let boxes = boxes(&picture);
        let lines: Vec<&str> = picture
            .lines()
            .filter(|line| {
                line.starts_with("<path class=\"kept n") || line.starts_with("<path class=\"waiting")
            })
            .collect();
        assert!(lines.len() > 5);
        for line in lines {
            for point in points(value(line, "d")) {
                let hit = boxes.iter().find(|it| it.has(point));
                assert!(hit.is_none(), "{} is crossed at {point:?} by {line}", hit.unwrap().name);
            }
        }
    }
}

#[test]
fn no_text_of_a_waiting_lookup_lies_on_a_table_or_on_another() {
    for (_, _, picture) in drawn() {
        let boxes = boxes(&picture);
        let texts = picture.lines().filter(|line| line.starts_with("<text class=\"rows"));
        let place = |line: &str| {
            let text = line.split('>').nth(1).unwrap().split('<').next().unwrap();
            // As wide as DejaVu Sans Bold is on average.
            let width = 7.4 * f64::from(u32::try_from(text.replace("&gt;", ">").chars().count()).unwrap());
            let (x, y) = (number(line, "x"), number(line, "y"));
            Box { name: text.to_owned(), x, y: y - 9.0, width, height: 11.0 }
        };
        let texts: Vec<Box> = texts.map(place).collect();
        assert!(!texts.is_empty());
        for (i, a) in texts.iter().enumerate() {
            let apart = |b: &&Box| {
                a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
            };
            let hit = boxes.iter().chain(&texts[..i]).find(|it| !apart(it));
            assert!(hit.is_none(), "{} lies on {}", a.name, hit.unwrap().name);
        }
    }
}

#[test]
fn everything_lies_within_the_picture() {
    for (_, _, picture) in drawn() {
        let head = picture.lines().next().unwrap();
        let (width, height) = (number(head, "width"), number(head, "height"));
        for it in boxes(&picture) {
            assert!(it.x >= 0.0 && it.x + it.width <= width && it.y >= 0.0 && it.y + it.height <= height);
        }
        for line in picture.lines().filter(|line| line.starts_with("<path class")) {
            for (x, y) in points(value(line, "d")) {
                assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{line}");
            }
        }
    }
}
