//! File and image columns: what comes along with them (reference §8.2).

use std::collections::HashMap;

use dataverse_wire::metadata::{ColumnDefinition, ColumnType, ManyToOne, Ownership, TableDefinition};

use super::set::Schema;
use super::table::Table;
use crate::state::row::ColumnId;

/// Where the contents of file columns are kept.
pub(crate) const ATTACHMENTS: &str = "fileattachment";

/// A column whose value is a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// The row has the id of an attachment.
    File,
    /// The row has the image itself.
    Image,
}

/// What a column holds, if it is a file. Older exports of metadata call the images of standard tables virtual.
pub(super) fn content_of(column: &ColumnDefinition) -> Option<Content> {
    match &column.column_type {
        ColumnType::File => Some(Content::File),
        ColumnType::Image => Some(Content::Image),
        ColumnType::Virtual(_) if column.logical_name == "entityimage" => Some(Content::Image),
        _ => None,
    }
}

impl Content {
    /// What the names of its companions end in.
    pub(crate) fn endings(self) -> &'static [&'static str] {
        match self {
            Self::File => &["_name"],
            Self::Image => &["id", "_timestamp", "_url"],
        }
    }
}

/// The columns of an attachment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttachmentColumns {
    pub(crate) name: ColumnId,
    pub(crate) mime_type: ColumnId,
    pub(crate) size: ColumnId,
    pub(crate) of_column: ColumnId,
    pub(crate) of_row: ColumnId,
    pub(crate) of_table: ColumnId,
    pub(crate) body: ColumnId,
}

impl AttachmentColumns {
    pub(crate) fn of(table: &Table) -> Option<Self> {
        let column = |name: &str| table.by_name.get(name).copied();
        Some(Self {
            name: column("filename")?,
            mime_type: column("mimetype")?,
            size: column("filesizeinbytes")?,
            of_column: column("regardingfieldname")?,
            of_row: column("objectid")?,
            of_table: column("objecttypecode")?,
            body: column("body")?,
        })
    }
}

/// Adds companions to file and image columns, and the table of attachments with a relationship to each table that has
/// files.
pub(super) fn complete(existing: &Schema, definitions: &mut Vec<TableDefinition>) {
    let mut with_files = Vec::new();
    for definition in &mut *definitions {
        if definition.logical_name == ATTACHMENTS {
            continue;
        }
        let columns: Vec<(ColumnDefinition, Content)> = definition
            .columns
            .values()
            .filter_map(|column| Some((column.clone(), content_of(column)?)))
            .collect();
        for (column, content) in &columns {
            for companion in companions(column, *content) {
                definition.columns.entry(companion.logical_name.clone()).or_insert(companion);
            }
        }
        if columns.iter().any(|(_, content)| *content == Content::File) {
            with_files.push((definition.logical_name.clone(), definition.primary_id.clone()));
        }
    }
    if with_files.is_empty() {
        return;
    }
    let place = definitions.iter().position(|it| it.logical_name == ATTACHMENTS);
    let mut attachments = match place {
        Some(place) => definitions.remove(place),
        None => existing.named(ATTACHMENTS).map_or_else(attachments, |table| table.definition.clone()),
    };
    for (table, primary_id) in with_files {
        relate(&mut attachments, &table, &primary_id);
    }
    definitions.push(attachments);
}

fn companions(column: &ColumnDefinition, content: Content) -> Vec<ColumnDefinition> {
    let (name, schema) = (&column.logical_name, &column.schema_name);
    let text = |max_length| ColumnType::String { max_length };
    let list = match content {
        Content::File => vec![("_name", "_Name", text(512))],
        Content::Image => vec![
            ("id", "Id", ColumnType::UniqueIdentifier),
            ("_timestamp", "_Timestamp", ColumnType::BigInt),
            ("_url", "_URL", text(200)),
        ],
    };
    list.into_iter()
        .map(|(ending, spelled, column_type)| {
            let mut companion = ColumnDefinition::new(format!("{name}{ending}"), column_type);
            companion.schema_name = format!("{schema}{spelled}");
            companion.valid_for_create = false;
            companion.valid_for_update = false;
            companion
        })
        .collect()
}

fn attachments() -> TableDefinition {
    let mut definition =
        TableDefinition::new(ATTACHMENTS, format!("{ATTACHMENTS}s"), format!("{ATTACHMENTS}id"));
    "FileAttachment".clone_into(&mut definition.schema_name);
    definition.ownership = Ownership::None;
    definition.primary_name = Some("filename".to_owned());
    let text = |max_length| ColumnType::String { max_length };
    for (name, column_type) in [
        ("filename", text(512)),
        ("mimetype", text(256)),
        ("filesizeinbytes", ColumnType::BigInt),
        ("regardingfieldname", text(128)),
        ("objectid", ColumnType::Lookup { targets: Vec::new() }),
        ("objecttypecode", ColumnType::Virtual("EntityNameType".to_owned())),
        (
            "createdon",
            ColumnType::DateTime {
                behavior: dataverse_wire::metadata::DateTimeBehavior::UserLocal,
                date_only_format: false,
            },
        ),
        ("versionnumber", ColumnType::BigInt),
        ("body", ColumnType::Memo { max_length: u32::MAX }),
    ] {
        let mut column = ColumnDefinition::new(name, column_type);
        column.valid_for_create = false;
        column.valid_for_update = false;
        // The content is downloaded, never read as a column.
        column.valid_for_read = name != "body";
        definition.columns.insert(name.to_owned(), column);
    }
    definition
}

fn relate(attachments: &mut TableDefinition, table: &str, primary_id: &str) {
    let schema_name = format!("{table}_FileAttachments");
    if attachments.many_to_one.iter().any(|relation| relation.schema_name == schema_name) {
        return;
    }
    if let Some(ColumnType::Lookup { targets }) =
        attachments.columns.get_mut("objectid").map(|column| &mut column.column_type)
    {
        targets.push(table.to_owned());
    }
    attachments.many_to_one.push(ManyToOne {
        schema_name: schema_name.clone(),
        referencing_table: ATTACHMENTS.to_owned(),
        column: "objectid".to_owned(),
        referenced_table: table.to_owned(),
        referenced_column: primary_id.to_owned(),
        navigation_property: format!("objectid_{table}"),
        collection_property: Some(schema_name),
        cascade: None,
    });
}

/// The companion of a column, by its ending.
pub(crate) fn companion(by_name: &HashMap<String, ColumnId>, column: &str, ending: &str) -> Option<ColumnId> {
    by_name.get(&format!("{column}{ending}")).copied()
}
