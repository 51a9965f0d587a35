//! Functions, actions and the types that they take and give.

use std::fmt::Write as _;

use roxmltree::{Document, Node};

use crate::schema::{Schema, Table};

/// Complex types, enums and operations, as they stand in the document.
const OPERATIONS: &str = include_str!("operations.xml");

/// An operation that is called by its name alone.
pub(super) struct Import {
    /// `Function` or `Action`.
    pub(super) kind: String,
    pub(super) name: String,
}

/// Appends all that this organisation's tables allow, and says which are to be imported: an operation on opportunities
/// needs opportunities.
pub(super) fn write(schema: &Schema, out: &mut String) -> Vec<Import> {
    // The file is part of this program, and a test reads it.
    let Ok(document) = Document::parse(OPERATIONS) else { return Vec::new() };
    let root = document.root_element();
    let mut imports = Vec::new();
    for node in root.children().filter(Node::is_element) {
        let is_possible = types_of(node).all(|name| is_known(schema, root, name));
        let Some(name) = node.attribute("Name").filter(|_| is_possible) else { continue };
        out.push_str("      ");
        out.push_str(&OPERATIONS[node.range()]);
        out.push('\n');
        let kind = node.tag_name().name();
        if matches!(kind, "Function" | "Action") && node.attribute("IsBound").is_none() {
            imports.push(Import { kind: kind.to_owned(), name: name.to_owned() });
        }
    }
    imports
}

/// The types within our namespace that an element names.
fn types_of<'a>(node: Node<'a, 'a>) -> impl Iterator<Item = &'a str> {
    node.descendants().filter_map(|part| part.attribute("Type")).filter_map(|name| {
        let name = name.strip_prefix("Collection(").and_then(|name| name.strip_suffix(')')).unwrap_or(name);
        name.strip_prefix("mscrm.")
    })
}

fn is_known(schema: &Schema, root: Node<'_, '_>, name: &str) -> bool {
    name == "crmbaseentity"
        || schema.named(name).is_some()
        || root.children().any(|node| node.attribute("Name") == Some(name))
}

/// Appends the bulk messages of a table.
pub(super) fn write_bulk(table: &Table, out: &mut String) {
    let name = &table.name;
    let answer = "\n        <ReturnType Type=\"mscrm.CreateMultipleResponse\" Nullable=\"false\" />";
    let delete = table.elastic.as_ref().map(|_| ("DeleteMultiple", ""));
    let messages = [("CreateMultiple", answer), ("UpdateMultiple", ""), ("UpsertMultiple", "")];
    for (message, answer) in messages.into_iter().chain(delete) {
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "      <Action Name=\"{message}\" IsBound=\"true\">
        <Parameter Name=\"entityset\" Type=\"Collection(mscrm.{name})\" Nullable=\"false\" />
        <Parameter Name=\"Targets\" Type=\"Collection(mscrm.{name})\" Nullable=\"false\" />{answer}
      </Action>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tables_only_what_needs_none_is_left() {
        let mut out = String::new();
        let imports = write(&Schema::default(), &mut out);
        assert!(imports.iter().any(|import| import.kind == "Function" && import.name == "WhoAmI"));
        assert!(imports.iter().any(|import| import.name == "UploadBlock"));
        assert!(imports.iter().all(|import| import.name != "WinOpportunity"));
        assert!(!out.contains("opportunityclose") && out.contains("WhoAmIResponse"));
    }
}
