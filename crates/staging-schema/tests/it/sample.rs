//! A table with every kind of column, and every statement about it.

use staging_schema::alternate_key::AlternateKey;
use staging_schema::lookup::{self, FallbackOwner, Fill, Parent};
use staging_schema::manifest::{self, Coverage};
use staging_schema::row_wave::{self, Group};
use staging_schema::settle::{self, RetryFilter};
use staging_schema::{
    Accents, GuidStrategy, Hierarchy, Levels, Mode, Pass, PrimaryKey, RequestState, Shape, StagedColumn,
    StagedKind, Statement, TableName, TargetTable, Towards, chunk, ddl, forecast, level, pace, pending,
    pilot, repair, rollback, summary,
};

fn targets(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// An activity with a column of every kind.
pub(crate) fn activity() -> TargetTable {
    let lookup = |names: &[&str], multi_table, multi_source| StagedKind::Lookup {
        targets: targets(names),
        multi_table,
        multi_source,
    };
    let columns = vec![
        ("subject", StagedKind::Text { max: 200 }),
        ("description", StagedKind::Text { max: 100_000 }),
        ("actualdurationminutes", StagedKind::Integer),
        ("versionnumber", StagedKind::BigInt),
        ("exchangerate", StagedKind::Decimal { precision: 10 }),
        ("new_score", StagedKind::Double { precision: 2 }),
        ("new_amount", StagedKind::Money { precision: 4 }),
        ("isbilled", StagedKind::Boolean),
        ("scheduledend", StagedKind::DateTime),
        ("new_day", StagedKind::Date),
        ("prioritycode", StagedKind::Choice),
        ("new_topics", StagedKind::MultiChoice),
        ("regardingobjectid", lookup(&["account", "incident"], true, false)),
        ("new_parentid", lookup(&["task"], false, false)),
        ("new_campaignid", lookup(&["campaign"], false, true)),
        ("ownerid", StagedKind::Owner),
        ("to", StagedKind::Parties { targets: targets(&["contact", "lead"]) }),
        ("new_token", StagedKind::Guid),
        ("statecode", StagedKind::State),
        ("statuscode", StagedKind::Status),
    ];
    let columns = columns.into_iter().map(|(name, kind)| StagedColumn::new(name, kind)).collect();
    TargetTable::new("task", columns).unwrap()
}

fn intersect() -> TargetTable {
    let end = |name: &str, target: &str| {
        let kind =
            StagedKind::Lookup { targets: targets(&[target]), multi_table: false, multi_source: false };
        StagedColumn::new(name, kind)
    };
    let columns = vec![end("accountid", "account"), end("leadid", "lead")];
    TargetTable::new("accountleads", columns).unwrap().with_shape(Shape::Intersect)
}

fn matched() -> TargetTable {
    let columns = vec![StagedColumn::new("isocurrencycode", StagedKind::Text { max: 5 })];
    TargetTable::new("transactioncurrency", columns)
        .unwrap()
        .with_mode(Mode::Match)
        .with_guid(GuidStrategy::Source)
}

type Named = (&'static str, Vec<Statement>);

/// Every statement by topic and name.
pub(crate) fn all() -> Vec<(&'static str, Vec<Named>)> {
    vec![
        ("ddl", tables()),
        ("control_tables", vec![("control_tables", ddl::control_tables())]),
        ("upgrade", upgrades()),
        ("grant", grants()),
        ("lookup", lookups()),
        ("pending", passes()),
        ("chunk", chunks()),
        ("manifest", requests()),
        ("settle", settling()),
        ("level", levels()),
        ("row_wave", row_waves()),
        ("summary", summaries()),
        ("forecast", forecasts()),
        ("rollback", rollbacks()),
        ("pace", paces()),
        ("pilot", pilots()),
        ("repair", repairs()),
        ("alternate_key", alternate_keys()),
    ]
}

fn alternate_keys() -> Vec<Named> {
    let named = |table: &TargetTable, columns: &[&str], accents| {
        let columns = targets(columns);
        let key = AlternateKey { table, columns: &columns, accents };
        let mut all = vec![key.recorded(), key.take_back(), key.faults()];
        all.extend(key.record());
        all.push(key.unaddressable());
        all
    };
    vec![
        ("a text and a choice", named(&activity(), &["subject", "prioritycode"], Accents::Ignored)),
        ("of matched rows", named(&matched(), &["isocurrencycode"], Accents::Distinguished)),
    ]
}

fn tables() -> Vec<Named> {
    let task = activity();
    let existing: Vec<String> =
        task.staged_names().into_iter().filter(|name| !name.starts_with("new_day")).collect();
    let control = ddl::columns_of(&task.name());
    let source = ddl::SourceTable::new("Task", ["Id", "Who Id", "a]b"]).unwrap();
    vec![
        ("source", vec![source.create(), ddl::drop_table(&source.name())]),
        ("activity", ddl::target_table(&task)),
        ("intersect", ddl::target_table(&intersect())),
        ("matched with client ids", ddl::target_table(&matched())),
        ("added columns", ddl::added_columns(&task, &existing).into_iter().skip(9).collect()),
        ("columns of", vec![control]),
        ("procedures", ddl::procedures(&[task.clone(), intersect()])),
        ("status views", ddl::status_views(&[task, intersect()])),
        ("money sums", ddl::money_sums(&money())),
    ]
}

fn grants() -> Vec<Named> {
    let (task, pairs) = (activity(), intersect());
    let masked = |table, columns: &[&str]| ddl::grant::Masked { table, columns: targets(columns) };
    let tables = [masked(&task, &["description", "prioritycode", "ownerid"]), masked(&pairs, &[])];
    let parts = ddl::grant::grants(&tables);
    vec![("grants", parts.into_iter().flat_map(|(_, statements)| statements).collect())]
}

fn money() -> Vec<ddl::MoneyColumn> {
    let column = |from: &[&str], style, condition| ddl::MoneyColumn {
        table: "task".to_owned(),
        column: "new_amount".to_owned(),
        source: "Task".to_owned(),
        from: targets(from),
        style,
        condition,
    };
    let condition = Statement::new(|d| format!("s.Kind = {}", d.param(1)), vec!["o'neil".into()]);
    vec![
        column(&["Amount"], ddl::NumberStyle::Plain, None),
        column(&["Betrag", "Summe"], ddl::NumberStyle::Comma, Some(condition)),
        column(&[], ddl::NumberStyle::Plain, None),
    ]
}

/// From the oldest version, with nothing there that came later.
fn upgrades() -> Vec<Named> {
    let mut catalog = ddl::Catalog::default();
    for table in ddl::control_schema() {
        let is_new = ["Pace", "Upgrade"].contains(&table.name.name());
        for column in table.columns.iter().filter(|_| !is_new) {
            catalog.add(table.name.schema().as_str(), table.name.name(), &column.name);
        }
        let key = match &table.key {
            PrimaryKey::Identity(name) | PrimaryKey::RowNumber(name) if !is_new => *name,
            _ => continue,
        };
        catalog.add(table.name.schema().as_str(), table.name.name(), key);
    }
    let upgrade = ddl::upgrade(ddl::OLDEST_VERSION, catalog).unwrap().unwrap();
    vec![
        ("version", vec![ddl::schema_version()]),
        ("catalog", vec![ddl::Catalog::read()]),
        ("from 1", [vec![upgrade.guard], upgrade.statements].concat()),
    ]
}

fn lookups() -> Vec<Named> {
    let task = activity();
    let rows = 1..=50_000;
    let parent = |name: &str, source: Option<&str>| Parent {
        table: name.to_owned(),
        source: source.map(str::to_owned),
    };
    let single = [parent("task", None)];
    let several = [parent("account", Some("Account")), parent("incident", None)];
    let campaigns = [parent("campaign", None)];
    let together = [Fill::new("new_campaignid", campaigns), Fill::new("new_parentid", single.clone())];
    let people = [parent("contact", None), parent("lead", None)];
    let fallback =
        FallbackOwner { table: "team".to_owned(), id: "00000000-0000-0000-0000-000000000001".to_owned() };
    let owner = lookup::resolve_owner(&task, "ownerid", &[parent("systemuser", None)], &fallback, &rows);
    vec![
        (
            "single",
            vec![lookup::preload(&task, &[Fill::new("new_parentid", single.clone())], &rows).unwrap()],
        ),
        (
            "several tables",
            vec![lookup::preload(&task, &[Fill::new("regardingobjectid", several.clone())], &rows).unwrap()],
        ),
        ("several lookups", vec![lookup::preload(&task, &together, &rows).unwrap()]),
        ("parties", vec![lookup::preload_parties(&task, &people, &rows).unwrap()]),
        ("owner", vec![owner.unwrap(), lookup::unmapped_owners(&task, "ownerid").unwrap()]),
        ("orphans", vec![lookup::orphans(&task, "new_parentid", &single).unwrap()]),
        ("aliases", vec![lookup::follow_aliases()]),
    ]
}

fn passes() -> Vec<Named> {
    let task = activity();
    let rows = 1..=1_000;
    let count = |table: &TargetTable, pass, levels| vec![pending::count(table, pass, levels)];
    vec![
        ("insert", count(&task, Pass::Insert, Levels::At(2))),
        ("insert on cycles", count(&task, Pass::Insert, Levels::Cycle)),
        ("update", count(&task, Pass::Update, Levels::All)),
        ("lookups", count(&task, Pass::Lookups, Levels::All)),
        ("state", count(&task, Pass::State, Levels::All)),
        ("delete", count(&task, Pass::Delete, Levels::All)),
        ("associate", count(&intersect(), Pass::Associate, Levels::All)),
        ("insert of matched rows", count(&matched(), Pass::Insert, Levels::All)),
        ("cut", vec![pending::cut(&task, Pass::Update, Levels::All, 1_000)]),
        ("read", vec![pending::read(&task, Pass::Update, Levels::All, &rows, &["subject", "ownerid"])]),
        ("read parties", vec![pending::read_parties(&task, &rows)]),
        ("levels", vec![pending::levels(&task)]),
        ("owed", vec![pending::owed(&task).unwrap(), pending::owed(&intersect()).unwrap()]),
        ("reopen late lookups", vec![pending::reopen_late_lookups(&task, &rows)]),
    ]
}

fn chunks() -> Vec<Named> {
    let held = chunk::Held { chunk: 1, number: 2, worker: "worker" };
    vec![
        ("insert", vec![chunk::insert("task", Pass::Insert, Levels::At(0), &[(1, 9, 5), (10, 20, 3)])]),
        ("open", vec![chunk::open("task")]),
        ("give up", vec![chunk::give_up_other_passes("task", Pass::Insert)]),
        ("take", vec![chunk::take("task", Pass::Insert, "worker", 4, 300_000)]),
        ("held", vec![held.check(), held.renew(300_000), held.finish(), held.release()]),
    ]
}

fn requests() -> Vec<Named> {
    let held = chunk::Held { chunk: 1, number: 2, worker: "worker" };
    let answer = |coverage| manifest::answer("id", &held, RequestState::Answered, &[1, 2], coverage);
    vec![
        ("answer", vec![answer(Coverage::Whole), answer(Coverage::Part)]),
        ("resolve", vec![manifest::resolve("id", "then", RequestState::Resolved, &[1, 2], Coverage::Whole)]),
        ("restamp", vec![manifest::restamp("id", &held)]),
        ("unresolved", vec![manifest::unresolved(Some("task")), manifest::unresolved(None)]),
        ("users", vec![manifest::application_users()]),
    ]
}

fn settling() -> Vec<Named> {
    let task = activity();
    let rows = 1..=50_000;
    let filter = RetryFilter { pass: Some(Pass::Insert), code: Some("0x80040237".to_owned()), row_id: None };
    let ids = [(1, "00000000-0000-0000-0000-000000000001".to_owned())];
    vec![
        ("activity", vec![settle::settle(&task, &rows)]),
        ("intersect", vec![settle::settle(&intersect(), &rows)]),
        ("retry", settle::retry_errors(&task, &filter).into()),
        ("assign ids", vec![settle::assign_ids(&task, &ids), settle::assign_client_ids(&matched(), &ids)]),
    ]
}

fn levels() -> Vec<Named> {
    let task = activity();
    let rounds = Hierarchy::of(&task);
    let rows = 1..=50_000;
    vec![
        ("clear", [vec![rounds.span()], rounds.clear(&rows).into()].concat()),
        ("parents", vec![level::parents(&task, "new_parentid", Some("Task"), &rows).unwrap()]),
        ("roots", vec![level::roots(&task, &rows)]),
        (
            "look",
            vec![
                rounds.unknown(),
                rounds.look(Towards::Children, 1, &rows),
                rounds.look(Towards::Parents, 1, &rows),
            ],
        ),
        (
            "follow",
            vec![rounds.follow(Towards::Children, 2, 50_000), rounds.follow(Towards::Parents, 2, 50_000)],
        ),
        ("settle", vec![rounds.settle(2, 50_000)]),
        ("write back", vec![level::write_back(&task, &rows), level::counts(&task)]),
    ]
}

fn row_waves() -> Vec<Named> {
    let (task, other) = (activity(), matched());
    let group = Group::new([&task, &other]);
    let rows = 1..=50_000;
    let link = group.links().into_iter().next().unwrap();
    vec![
        ("clear", group.hierarchy().clear(&rows).into()),
        ("parents", vec![row_wave::parents(&group, &link, &rows).unwrap()]),
        ("roots", vec![row_wave::roots(&group, 1, &rows)]),
        ("rounds", vec![group.hierarchy().follow(Towards::Children, 2, 50_000), row_wave::counts(&group)]),
        ("write back", vec![row_wave::write_back(&group, 1, &rows)]),
    ]
}

fn summaries() -> Vec<Named> {
    let task = activity();
    vec![
        ("table", vec![summary::table(&task)]),
        ("owed", summary::owed(&task).into_iter().collect()),
        ("pending", vec![summary::pending(&task)]),
        ("errors", vec![summary::errors(&task), summary::failed_rows(&task)]),
        ("refused", vec![summary::refused_rows(&task), summary::refused_rows(&matched())]),
        (
            "findings",
            std::iter::once(summary::clear_findings(&task)).chain(summary::flag_findings(&task)).collect(),
        ),
        ("name with a quote", vec![ddl::drop_table(&TableName::source("it's [one]"))]),
    ]
}

fn paces() -> Vec<Named> {
    let minute = |of| pace::Minute {
        worker: "worker-1",
        of,
        milliseconds: 60_000,
        requests: 240,
        rows: 23_900,
        execution_milliseconds: 232_000,
    };
    let user = pace::Of::User {
        user: "7f5b1c5e-0000-0000-0000-000000000001",
        in_flight: 12,
        throttled: 1,
        paused_milliseconds: 0,
        window_requests: Some(12_000),
        window_milliseconds: None,
    };
    let table = pace::Of::Table { table: "account", pass: Pass::Insert, batch_rows: 100, errors: 3 };
    vec![
        ("create", vec![pace::create()]),
        ("of a user", vec![pace::append(&minute(user))]),
        ("of a table", vec![pace::append(&minute(table))]),
        ("sizes", vec![pace::sizes()]),
    ]
}

fn forecasts() -> Vec<Named> {
    let later = |column: &str, target: Option<&str>, on_cycles| forecast::Later {
        column: column.to_owned(),
        target: target.map(str::to_owned),
        on_cycles,
    };
    let later = [later("regardingobjectid", Some("incident"), false), later("new_parentid", None, true)];
    let task = activity();
    vec![
        ("lookups", vec![forecast::count(&task, Pass::Lookups, &later)]),
        ("state", vec![forecast::count(&task, Pass::State, &[])]),
        ("associate", vec![forecast::count(&intersect(), Pass::Associate, &[])]),
        ("update of a matched table", vec![forecast::count(&matched(), Pass::Update, &[])]),
        ("measured", vec![forecast::measured()]),
    ]
}

fn rollbacks() -> Vec<Named> {
    let (task, pairs) = (activity(), intersect());
    let range = 1..=50_000;
    vec![
        ("open", vec![rollback::open()]),
        ("begin", rollback::begin(7).to_vec()),
        ("end", vec![rollback::end(7)]),
        ("forget_choice", vec![rollback::forget_choice(7)]),
        ("inserts", vec![rollback::inserts(&task)]),
        ("outcomes", vec![rollback::outcomes(7)]),
        (
            "choose",
            vec![rollback::choose(&task, "run-7", 7, true), rollback::choose(&task, "run-7", 7, false)],
        ),
        ("chosen", vec![rollback::chosen("task", 7), rollback::chosen_ids("task", 7, 0, 100)]),
        ("judge", vec![rollback::judge("task", &[&task], 7, "[]"), rollback::judge("task", &[], 7, "[]")]),
        ("mark", rollback::mark(&task, 7).to_vec()),
        ("note_deleted", vec![rollback::note_deleted(&task, 7)]),
        ("let_go", rollback::let_go(&task, 7, &range)),
        ("let_go of pairs", rollback::let_go(&pairs, 7, &range)),
        ("renew", rollback::renew(&task, 7, &range)),
        ("keep", rollback::keep(&task, 7).to_vec()),
    ]
}

fn pilots() -> Vec<Named> {
    let (task, pairs) = (activity(), intersect());
    let lookup = |table: &TargetTable, name: &str| table.column(name).unwrap().clone();
    let regarding = lookup(&task, "regardingobjectid");
    vec![
        ("clear", vec![pilot::clear()]),
        ("idle chunks", vec![chunk::give_up_idle()]),
        ("seed", vec![pilot::seed(&task, 100)]),
        ("hang", vec![pilot::hang(&task, &regarding, &Parent::new("account"))]),
        ("hang of pairs", vec![pilot::hang(&pairs, &lookup(&pairs, "leadid"), &Parent::new("lead"))]),
        ("need", vec![pilot::need(&task, &regarding, &Parent::new("account"))]),
        ("hang_parties", vec![pilot::hang_parties(&task, &Parent::new("contact"))]),
        ("need_parties", vec![pilot::need_parties(&task, &Parent::new("contact"))]),
        ("counts", vec![pilot::counts()]),
        ("pending in a pilot", vec![pending::count(&task.with_pilot(true), Pass::Insert, Levels::All)]),
    ]
}

fn repairs() -> Vec<Named> {
    let task = activity();
    let change = repair::Repair {
        row_id: 7,
        source_key: Some("T7".to_owned()),
        column: "subject".to_owned(),
        from: Some("too long".to_owned()),
        to: Some("too".to_owned()),
        rule: "trim",
        code: None,
    };
    vec![
        ("refused", vec![repair::refused(&task, &(1..=50_000))]),
        ("cells", vec![repair::cells(&task, 7, &["subject".to_owned()])]),
        (
            "set",
            [repair::Form::Text, repair::Form::Guid].map(|form| repair::set(&task, &change, form)).to_vec(),
        ),
        ("record", vec![repair::record(&task, &change)]),
    ]
}
