//! The T-SQL form of each function gives the answers of the Rust one, on the same generated inputs.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use row_transform::functions;
use staging_schema::{Statement, Value, ddl};
use staging_store::Store;
use staging_store::contract::TEST_SERVER;

use crate::support::{Project, definitions};

/// Inputs of each kind; one query asks about all of them.
const INPUTS: usize = 300;

fn generated(strategy: impl Strategy<Value = String>) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    (0..INPUTS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Asks the server, in one statement, what `call` is for each input, which the call names as `@x`; NULL is one of them.
///
/// The inputs stand in a table: not every server undoes the escapes of JSON.
async fn asked(store: &Store, call: &str, inputs: &[String]) -> Vec<Value> {
    let table = ddl::SourceTable::new("Inputs", ["Input"]).unwrap();
    store.execute(&table.create()).await.unwrap();
    let forget = Statement::new(|d| format!("DELETE FROM {}", d.table(&table.name())), Vec::new());
    store.execute(&forget).await.unwrap();
    let mut appender = store.append(&table.name(), ["Input", "DataMigration_ArrivedAt"]);
    let mut batch = appender.batch();
    for input in inputs.iter().map(Some).chain([None]) {
        match input {
            Some(text) => batch.push_text(text),
            None => batch.push_null(),
        }
        batch.push_text("2026-11-21T09:00:00.000Z");
    }
    drop(appender.push(batch).await.unwrap());
    appender.finish().await.unwrap();
    let call = call.replace("@x", "s.[Input]");
    let text = format!("SELECT {call} FROM [source].[Inputs] s ORDER BY s.[DataMigration_RowId]");
    let rows = store.query(&Statement::same(text, Vec::new())).await.unwrap();
    rows.iter().map(|row| row.get(0).clone()).collect()
}

/// Holds a call in T-SQL against the function of that name with the same arguments.
async fn same(store: &Store, name: &str, call: &str, arguments: &[Value], inputs: &[String]) {
    let functions = functions();
    let function = functions.iter().find(|function| function.name == name).unwrap();
    let answers = asked(store, call, inputs).await;
    assert_eq!(answers.len(), inputs.len() + 1);
    let inputs = inputs.iter().map(|text| Value::from(text.as_str())).chain([Value::Null]);
    let mut wrong = Vec::new();
    for (input, answer) in inputs.zip(answers) {
        let all: Vec<Value> = std::iter::once(input.clone()).chain(arguments.iter().cloned()).collect();
        let expected = (function.call)(&all).unwrap();
        if answer != expected {
            let shown = |value: &Value| match value {
                Value::Text(text) => format!("{text:?}"),
                Value::Null => "NULL".to_owned(),
                Value::Integer(n) => n.to_string(),
                Value::Real(n) => n.to_string(),
                Value::Blob(_) => "bytes".to_owned(),
            };
            wrong.push(format!("{}: {} instead of {}", shown(&input), shown(&answer), shown(&expected)));
        }
    }
    assert!(wrong.is_empty(), "{call} {} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

async fn server() -> Option<Project> {
    if std::env::var_os(TEST_SERVER).is_none() {
        eprintln!("skipped: {TEST_SERVER} is not set");
        return None;
    }
    let toml = r#"
[[map]]
table = "contact"
source = "Contact"
key = "Id"
[map.columns]
lastname = "Name"
overriddencreatedon = { from = "A", zone = "Europe/Vienna" }
birthdate = { from = "B", zone = "America/New_York" }
anniversary = { from = "C", zone = "Australia/Lord_Howe" }
"#;
    let project = Project::new(toml, definitions()).await;
    // Staging writes down the zones' offsets.
    project.write("source/Contact.csv", "Id,Name,A,B,C\n");
    let plan = project.plan().unwrap();
    let source = ddl::SourceTable::new("Contact", ["Id", "Name", "A", "B", "C"]).unwrap();
    project.store.execute(&source.create()).await.unwrap();
    for table in plan.tables() {
        project.store.execute_all(&ddl::target_table(table.target())).await.unwrap();
        row_transform::stage(&project.store, &plan, &table.target().logical_name).await.unwrap();
    }
    Some(project)
}

fn texts(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..9).prop_map(|pieces| pieces.concat())
}

fn around(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let blank =
        || prop::sample::select(vec!["", "", "", " ", "\t", "\u{a0} ", "\r\n", "\u{feff}", "\u{3000}"]);
    (blank(), text, blank()).prop_map(|(before, text, behind)| format!("{before}{text}{behind}"))
}

#[tokio::test]
async fn texts_are_trimmed_fitted_and_measured_alike() {
    let Some(project) = server().await else { return };
    let store = &project.store;
    let mut inputs = generated(texts(&[
        " ", "\u{a0}", "\u{3000}", "\t", "\n", "\u{2009}", "\u{85}", "\u{feff}", "\u{2029}", "a", "Z", "ß",
        "é", "-", "^", "]", "[", "%", "_", "x y", "İ", "你",
    ]));
    let others = generated(texts(&[
        "a", " ", "\u{7}", "\u{1f}", "\u{b}", "\t", "\n", "\r", "\u{fffe}", "\u{ffff}", "ü",
    ]));
    same(store, "dv_control", "[migration].[dv_control](@x)", &[], &others).await;
    // Babelfish leaves control characters out of its searches, so that none is among what is trimmed.
    inputs.extend(generated(texts(&["a", "😀", " ", "\u{1F1E6}", "ß"])));
    same(store, "dv_trim", "[migration].[dv_trim](@x)", &[], &inputs).await;
    same(store, "dv_length", "[migration].[dv_length](@x)", &[], &inputs).await;
    for max in [0, 1, 2, 3, 5, 8, 200] {
        let call = format!("[migration].[dv_fit](@x, {max})");
        same(store, "dv_fit", &call, &[Value::Integer(max)], &inputs).await;
    }
}

fn numbers() -> impl Strategy<Value = String> {
    around(prop_oneof![
        "[-+\u{2212}]?[0-9]{0,24}(\\.[0-9]{0,14})?([eE][-+]?[0-9]{1,3})?",
        "[-+]?[0-9]{1,4}([ ,.'\u{a0}\u{2019}\u{202f}_][0-9]{2,4}){0,3}([.,][0-9]{0,4})?",
        "0{0,3}[0-9]{0,3}[.,]?[0-9]{0,3}0{0,3}",
        "-?922337203685477580[6-9]",
        "-?92233720368547(6|7|8)(\\.[0-9]{0,5})?",
        "[-+.,eE0-9 ]{0,7}",
        texts(&["1", "a", "-", "²", "１", ".", "e", "\u{a0}"]),
    ])
}

#[tokio::test]
async fn numbers_are_read_digit_by_digit_alike() {
    let Some(project) = server().await else { return };
    let store = &project.store;
    let mut inputs = generated(numbers());
    inputs.extend(
        ["1e400", "1e401", "1e-400", "1e00000000005", "1e+", "-0.000", ".", "-", "1 e5", "NaN"]
            .map(str::to_owned),
    );
    for (sign, text) in [(Value::Null, "NULL"), (Value::from("."), "N'.'"), (Value::from(","), "N','")] {
        for name in ["dv_number", "dv_integer"] {
            let call = format!("[migration].[{name}](@x, {text})");
            same(store, name, &call, std::slice::from_ref(&sign), &inputs).await;
        }
        let call = format!("CAST([migration].[dv_double](@x, {text}) AS float)");
        same(store, "dv_double", &call, &[sign], &inputs).await;
    }
    let canonical = |text: &String| {
        row_transform::values::canonical_number(text, row_transform::values::DecimalSign::Plain)
    };
    let digits: Vec<String> =
        inputs.iter().filter_map(canonical).filter(|digits| digits.len() < 60).collect();
    assert!(digits.len() > 50);
    same(store, "dv_scale", "[migration].[dv_scale](@x)", &[], &digits).await;
    for places in [0, 2, 4, 10] {
        let call = format!("[migration].[dv_round](@x, {places})");
        same(store, "dv_round", &call, &[Value::Integer(places)], &digits).await;
    }
}

#[tokio::test]
async fn booleans_and_guids_are_read_alike() {
    let Some(project) = server().await else { return };
    let store = &project.store;
    let words =
        generated(around(texts(&["yes", "YES", "ja", "JA", "ДА", "да", "n", "No", "NO", "0", "1", "ÜBER"])));
    let mut inputs: Vec<String> = words;
    let single =
        ["yes", "Ja", "ДА", "NO", "n", "0", "1", "", " ", "y\u{1f}es", "yes\u{1f}ja", "Über", "es", "ｙｅｓ"];
    inputs.extend(single.map(str::to_owned));
    let (yes, no) = ("yes\u{1f}ja\u{1f}да\u{1f}1\u{1f}", "no\u{1f}n\u{1f}0\u{1f}\u{1f}über\u{1f}");
    let written = |list: &str| format!("REPLACE(N'{}', N'|', NCHAR(31))", list.replace('\u{1f}', "|"));
    let call = format!("[migration].[dv_boolean](@x, {}, {})", written(yes), written(no));
    same(store, "dv_boolean", &call, &[yes.into(), no.into()], &inputs).await;

    let hex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
    let guids = generated(around(prop_oneof![
        hex,
        format!("\\{{{hex}\\}}").as_str(),
        "[{]{0,2}[0-9a-fg-]{30,38}[}]{0,2}",
        texts(&["{", "}", "-", "0000", " "]),
    ]));
    same(store, "dv_guid", "[migration].[dv_guid](@x)", &[], &guids).await;
}

fn pick(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(choices)
}

/// Dates in the neighbourhood of ISO 8601: most are right, some are not.
fn iso() -> impl Strategy<Value = String> {
    let year = pick(&[
        "0001", "0000", "1582", "1752", "1753", "1893", "1969", "2023", "2024", "2100", "2499", "2500",
        "9999", "+002024", "-000001", "24",
    ]);
    let month = pick(&["01", "02", "03", "04", "10", "10", "11", "12", "13", "3"]);
    let day = pick(&["01", "03", "06", "07", "27", "28", "29", "30", "31", "31", "32", "00"]);
    let time = pick(&[
        "",
        "",
        "T00:00",
        " 00:30:00",
        "T01:30",
        "T01:59:59",
        "T02:00:00",
        "T02:30",
        "T02:59:59.999",
        "T03:00:00",
        "t23:59:60",
        "T23:59:59,5",
        " 1:00",
        "T24:00",
        "T12",
        "T1230",
        "T123045",
        "T123045.123456789",
        "T12:30:",
        "T12:3045",
        "T12:30:45.",
        "  12:00",
        "T12:60",
        "T12:30:45.1234567890",
    ]);
    let offset = pick(&[
        "",
        "",
        "",
        "Z",
        "z",
        "+00:00",
        "-05:00",
        "+0530",
        "+13",
        "-01:30:30",
        "+25:59",
        "+26:00",
        "+1",
        " +01:00",
        "+01:00[Europe/Vienna]",
        "[UTC]",
        "[]",
        "[a",
        "Z[Etc/GMT+1]",
        "+01:0030",
    ]);
    let (dash, other) = (pick(&["-", "-", "-", "-", "", "/"]), pick(&["", "", "", "", "", "", "-", "x"]));
    around((year, dash, month, day, time, offset, other).prop_map(
        |(year, dash, month, day, time, offset, other)| {
            format!("{year}{dash}{month}{dash}{day}{time}{offset}{other}")
        },
    ))
}

/// Times on the wall around the hours in which clocks change, in three zones.
fn around_changes() -> impl Strategy<Value = String> {
    let day = pick(&[
        "2024-03-31",
        "2024-10-27",
        "2024-03-10",
        "2024-11-03",
        "2024-04-07",
        "2024-10-06",
        "1980-04-06",
        "2499-03-29",
        "2525-03-29",
        "1893-04-01",
        "9998-10-25",
    ]);
    (day, 0..5_u8, pick(&["00:00", "15:00", "29:59", "30:00", "59:59"]), pick(&["", "Z", "+01:00", "-05:00"]))
        .prop_map(|(day, hour, rest, offset)| format!("{day} {hour:02}:{rest}{offset}"))
}

#[tokio::test]
async fn dates_are_read_alike_at_the_limits_and_where_clocks_change() {
    let Some(project) = server().await else { return };
    let store = &project.store;
    let inputs: Vec<String> = generated(iso()).into_iter().chain(generated(around_changes())).collect();
    for zone in [None, Some("Europe/Vienna"), Some("America/New_York"), Some("Australia/Lord_Howe")] {
        for form in ["instant", "day", "wall"] {
            let written = zone.map_or_else(|| "NULL".to_owned(), |zone| format!("N'{zone}'"));
            let call = format!("[migration].[dv_date](@x, N'', {written}, N'{form}')");
            let arguments = ["".into(), zone.map_or(Value::Null, Value::from), form.into()];
            same(store, "dv_date", &call, &arguments, &inputs).await;
        }
    }
}

#[tokio::test]
async fn dates_in_formats_are_read_alike() {
    let Some(project) = server().await else { return };
    let store = &project.store;
    // What the format writes, now and then with one character changed.
    let lists: [&[&str]; 9] = [
        &["%m/%d/%Y", "%d.%m.%Y %H:%M"],
        &["%d/%b/%Y %I:%M:%S %p %z"],
        &["%A, %B %d, %Y"],
        &["%a %e %h %y %k:%M"],
        &["%s"],
        &["%Y-%j", "%F %T%.f"],
        &["%D %R", "%d%m%Y"],
        &["%Y-%m-%dT%H:%M:%S.%3f%:z"],
        &["%H:%M on %Y%m%d (100%%)", "%n%d. %B %Y%t%l %P"],
    ];
    for list in lists {
        let at = (-62_135_596_800_i64..253_402_200_000, any::<prop::sample::Index>());
        let change = prop::option::weighted(
            0.5,
            (any::<prop::sample::Index>(), pick(&["", "0", "9", " ", "-", "x", "3"])),
        );
        let inputs = generated(around((at, change).prop_map(move |((seconds, which), change)| {
            let at = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let mut text = at.strftime(list[which.index(list.len())]).to_string();
            if let Some((position, other)) = change
                && text.is_ascii()
            {
                let position = position.index(text.len());
                text.replace_range(position..=position, other);
            }
            text
        })));
        let formats: String = list.iter().flat_map(|format| [*format, "\u{1f}"]).collect();
        for (zone, form) in
            [(None, "day"), (Some("Europe/Vienna"), "instant"), (Some("America/New_York"), "wall")]
        {
            let written = zone.map_or_else(|| "NULL".to_owned(), |zone| format!("N'{zone}'"));
            let list = formats.replace('\u{1f}', "' + NCHAR(31) + N'");
            let call = format!("[migration].[dv_date](@x, N'{list}', {written}, N'{form}')");
            let arguments = [formats.as_str().into(), zone.map_or(Value::Null, Value::from), form.into()];
            same(store, "dv_date", &call, &arguments, &inputs).await;
        }
    }
}
