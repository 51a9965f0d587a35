//! `$metadata`: the service's own description of itself, as CSDL (OData 4.0, part 3; reference §7.3).
//!
//! Tables, what connects them, and the messages that this emulator serves. The types of definitions
//! (`EntityMetadata` and its kin) are not in it.

mod entity_type;
mod operations;

use std::sync::PoisonError;

use self::entity_type::Writer;
use super::bulk::takes_bulk;
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use crate::query::QueryOptions;
use crate::refusal::Refusal;

/// Answers `GET $metadata`; with `?annotations=true`, or the preference for annotations, with more of them (documented).
pub(super) fn document(context: &Context<'_>, request: &Request) -> Result<Answer, Refusal> {
    let options = QueryOptions::parse(request.query())?;
    let annotated = options.others.get("annotations").is_some_and(|value| value == "true")
        || request.headers.preference("odata.include-annotations") == Some("*");
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let schema = &organisation.schema;

    let mut writer = Writer::new(schema, annotated);
    writer.open();
    for table in schema.tables() {
        writer.entity_type(table);
    }
    let imports = operations::write(schema, writer.text_mut());
    for table in schema.tables() {
        if takes_bulk(table, context.service.settings()) {
            operations::write_bulk(table, writer.text_mut());
        }
    }
    writer.container(&imports);
    let answer = Answer::text(200, writer.close());
    Ok(Answer { headers: vec![("content-type", "application/xml".to_owned())], ..answer })
}

/// Escapes for attributes in double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
