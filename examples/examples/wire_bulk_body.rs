//! Writes the body of a bulk message for a task that regards a case, and measures how fast that goes.
//!
//! `cargo run --example wire_bulk_body`

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::time::Instant;

use anyhow::Context as _;
use dataverse_wire::fault::ServiceFault;
use dataverse_wire::metadata::parse_definitions;
use dataverse_wire::write::TargetsWriter;
use uuid::Uuid;

const TASK: &[u8] =
    br#"{"LogicalName":"task","EntitySetName":"tasks","PrimaryIdAttribute":"activityid","IsActivity":true,
    "Attributes":[{"LogicalName":"subject","AttributeType":"String","MaxLength":200},
        {"LogicalName":"regardingobjectid","AttributeType":"Lookup","Targets":["account","incident"]}]}"#;

fn main() -> anyhow::Result<()> {
    let tables = parse_definitions(TASK)?;
    let task = tables.first().context("one table")?;
    // The property to bind is the activity's own: regardingobjectid_incident_task.
    let regarding = task.navigation_property("regardingobjectid", "incident").context("a lookup to cases")?;

    let mut targets = TargetsWriter::new(&task.logical_name);
    targets.row().text("subject", "call \"Contoso\" back").bind(&regarding, "incidents", &Uuid::nil());
    println!("{}", String::from_utf8(targets.finish())?);

    let rows = 100_000;
    let start = Instant::now();
    let mut targets = TargetsWriter::new(&task.logical_name);
    for number in 0..rows {
        let mut row = targets.row();
        row.text("subject", "call back")
            .text("description", "about the invoice of March")
            .text("category", "x");
        row.integer("prioritycode", 1).integer("statuscode", 2).integer("importsequencenumber", number);
        row.number("new_amount", "1250.50").boolean("isbilled", false).null("scheduledend");
        row.bind(&regarding, "incidents", &Uuid::nil());
    }
    let bytes = targets.finish().len();
    let each = start.elapsed() / u32::try_from(rows)?;
    println!("{rows} rows of ten columns: {bytes} bytes, {each:?} a row");

    let fault = ServiceFault::parse(400, br#"{"error":{"code":"0x80044331","message":"A validation error occurred.  The length of the 'subject' attribute of the 'task' entity exceeded the maximum allowed length of '200'."}}"#);
    println!("{:?} fault of column {:?}: {fault}", fault.class(), fault.column().unwrap_or("?"));
    Ok(())
}
