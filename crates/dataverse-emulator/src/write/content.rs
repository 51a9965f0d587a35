//! Files, images and documents of rows: stored, replaced, taken away (reference §8.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use uuid::Uuid;

use super::{state_rules, system};
use crate::refusal::{self, Refusal};
use crate::schema::{ATTACHMENTS, AttachmentColumns, Content, Table, companion};
use crate::state::row::{self, Cell, ColumnId, Draft, Form, Mention};
use crate::state::{Key, Organisation, Transaction, key::named_id, sort_key};

/// Largest file and image that a column takes when its definition names no limit, in kilobytes.
const FILE_KILOBYTES: u64 = 32_768;
const IMAGE_KILOBYTES: u64 = 10_240;
/// No image may be larger.
const MOST_IMAGE_KILOBYTES: u64 = 30_720;
/// What `maxuploadfilesize` of the organisation is at first: it counts the base64 text.
pub(crate) const DOCUMENT_BYTES: i64 = 5_242_880;

/// A file that has arrived.
#[derive(Debug)]
pub(crate) struct NewFile<'a> {
    pub(crate) name: &'a str,
    /// Found by the name's ending where the client tells none.
    pub(crate) mime_type: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// A file that is there.
#[derive(Debug, Clone)]
pub(crate) struct KnownFile {
    pub(crate) name: String,
    pub(crate) mime_type: String,
    pub(crate) bytes: bytes::Bytes,
}

/// The column of a table that holds a file of this name.
pub(crate) fn content_column(table: &Table, name: &str) -> Option<(ColumnId, Content)> {
    let column = *table.by_name.get(name)?;
    Some((column, table.column(column).content?))
}

/// What a definition says about a column beyond what is compiled: `MaxSizeInKB` and its kin.
fn said(
    organisation: &Organisation,
    table: &Table,
    column: ColumnId,
    what: &str,
) -> Option<serde_json::Value> {
    let id = named_id(2, &format!("{}.{}", table.name, table.column(column).name));
    organisation.written.said(id, what).cloned()
}

/// Whether an image column keeps images as large as they were uploaded.
pub(crate) fn keeps_full_images(organisation: &Organisation, table: &Table, column: ColumnId) -> bool {
    said(organisation, table, column, "CanStoreFullImage").is_some_and(|it| it == true)
}

/// Refuses a file that is too large for its column.
pub(crate) fn check_size(
    organisation: &Organisation,
    table: &Table,
    column: ColumnId,
    size: u64,
) -> Result<(), Refusal> {
    let said = said(organisation, table, column, "MaxSizeInKB").and_then(|it| it.as_u64());
    match table.column(column).content {
        Some(Content::Image) => {
            let most = said.unwrap_or(IMAGE_KILOBYTES).min(MOST_IMAGE_KILOBYTES);
            if size > most * 1_024 {
                return Err(bad_image(format_args!(
                    "File size is too big. MaxSize: {} MB, Uploaded filesize: {} MB.",
                    most / 1_024,
                    size >> 20
                )));
            }
        }
        _ if size > said.unwrap_or(FILE_KILOBYTES) * 1_024 => return Err(too_big()),
        _ => {}
    }
    Ok(())
}

fn too_big() -> Refusal {
    refusal::refusal(400, 0x8004_4A02, "Attachment file size is too big.")
}

fn bad_image(reason: impl std::fmt::Display) -> Refusal {
    // The service's own spelling.
    refusal::refusal(400, 0x8007_2553, format!("Error occured when processing image. Reason: {reason}"))
}

/// Puts a file into a column of a row, in place of the one that was there; gives its id.
pub(crate) fn set_file(
    tx: &mut Transaction<'_>,
    table: &Table,
    id: Uuid,
    column: ColumnId,
    file: &NewFile<'_>,
) -> Result<Uuid, Refusal> {
    check_size(tx.organisation(), table, column, file.bytes.len() as u64)?;
    let mut cells = Draft::default();
    let file_id = tx.next_id();
    if table.column(column).content == Some(Content::Image) {
        cells.set(column, Cell::Text(&BASE64.encode(file.bytes)));
        note_images(tx, table, id, &mut cells)?;
    } else {
        let attachments = attachments(tx.organisation())?;
        let columns = AttachmentColumns::of(&attachments).ok_or_else(no_attachments)?;
        remove_file(tx, table, id, column);
        let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
        let mut attachment = Draft::with_capacity(8);
        attachment.set(columns.name, Cell::Text(file.name));
        attachment.set(columns.mime_type, Cell::Text(file.mime_type.unwrap_or_else(|| mime_type(file.name))));
        attachment.set(columns.size, Cell::Integer(size));
        attachment.set(columns.of_column, Cell::Text(&table.column(column).name));
        attachment.set(columns.of_row, Cell::Lookup(table.id, id));
        attachment.set(columns.of_table, Cell::Text(&table.name));
        attachment.set_bytes(columns.body, file.bytes);
        system::fill_appeared(tx, &attachments, &mut attachment);
        tx.insert(attachments.id, file_id, &mut attachment);
        cells.set(column, Cell::Id(file_id));
        if let Some(name) = companion(&table.by_name, &table.column(column).name, "_name") {
            cells.set(name, Cell::Text(file.name));
        }
    }
    change(tx, table, id, cells)?;
    Ok(file_id)
}

/// Empties a file column of a row.
pub(crate) fn clear_file(
    tx: &mut Transaction<'_>,
    table: &Table,
    id: Uuid,
    column: ColumnId,
) -> Result<(), Refusal> {
    remove_file(tx, table, id, column);
    let mut cells = Draft::default();
    cells.clear(column);
    if let Some(name) = companion(&table.by_name, &table.column(column).name, "_name") {
        cells.clear(name);
    }
    change(tx, table, id, cells)
}

fn change(tx: &mut Transaction<'_>, table: &Table, id: Uuid, mut cells: Draft) -> Result<(), Refusal> {
    let old: Box<[u8]> = tx.row(table.id, id).ok_or_else(|| refusal::no_row(&table.name, id))?.into();
    state_rules::change(tx, table, id, &old, &mut cells)?;
    system::fill_modified(tx, table, &mut cells);
    tx.change(table.id, id, &mut cells);
    Ok(())
}

fn remove_file(tx: &mut Transaction<'_>, table: &Table, id: Uuid, column: ColumnId) {
    let known = tx.row(table.id, id).and_then(|row| row::get(row, column, Form::Id));
    if let (Some(Cell::Id(known)), Ok(attachments)) = (known, attachments(tx.organisation())) {
        tx.remove(attachments.id, known);
    }
}

/// Files go with their row.
pub(super) fn remove_all(tx: &mut Transaction<'_>, table: &Table, id: Uuid) {
    if !table.columns.iter().any(|column| column.content == Some(Content::File)) {
        return;
    }
    let Ok(attachments) = attachments(tx.organisation()) else { return };
    let (Some(columns), Some(wanted)) = (AttachmentColumns::of(&attachments), sort_key(Cell::Id(id))) else {
        return;
    };
    for key in tx.organisation().rows(attachments.id).in_range(columns.of_row, &(wanted..=wanted)) {
        tx.remove(attachments.id, key.id());
    }
}

/// The row and the column that a file belongs to.
pub(crate) fn owner_of(
    organisation: &Organisation,
    file: Uuid,
) -> Option<(std::sync::Arc<Table>, Uuid, ColumnId)> {
    let attachments = attachments(organisation).ok()?;
    let columns = AttachmentColumns::of(&attachments)?;
    let row = organisation.row(attachments.id, file)?;
    let Some(Cell::Lookup(table, id)) = row::get(row, columns.of_row, Form::Lookup) else { return None };
    let Some(Cell::Text(column)) = row::get(row, columns.of_column, Form::Text) else { return None };
    let table = organisation.schema.table(table);
    let column = *table.by_name.get(column)?;
    Some((std::sync::Arc::clone(table), id, column))
}

/// The file that a column of a row holds; `None` where there is none.
pub(crate) fn find_file(
    organisation: &Organisation,
    table: &Table,
    id: Uuid,
    column: ColumnId,
) -> Result<Option<KnownFile>, Refusal> {
    let row = organisation.row(table.id, id).ok_or_else(|| refusal::no_row(&table.name, id))?;
    if table.column(column).content == Some(Content::Image) {
        let Cell::Text(text) = table.read(Key::from(id), row, column) else { return Ok(None) };
        let bytes = BASE64.decode(text).unwrap_or_default();
        let mime_type = image_type(&bytes).unwrap_or("application/octet-stream").to_owned();
        let name = format!("{}.{}", table.column(column).name, mime_type.rsplit('/').next().unwrap_or("bin"));
        return Ok(Some(KnownFile { name, mime_type, bytes: bytes.into() }));
    }
    let Some(Cell::Id(file)) = row::get(row, column, Form::Id) else { return Ok(None) };
    let attachments = attachments(organisation)?;
    let columns = AttachmentColumns::of(&attachments).ok_or_else(no_attachments)?;
    let Some(row) = organisation.row(attachments.id, file) else { return Ok(None) };
    let text = |column| match row::get(row, column, Form::Text) {
        Some(Cell::Text(text)) => text.to_owned(),
        _ => String::new(),
    };
    let bytes = row::find(row, columns.body).unwrap_or_default();
    Ok(Some(KnownFile {
        name: text(columns.name),
        mime_type: text(columns.mime_type),
        bytes: bytes::Bytes::copy_from_slice(bytes),
    }))
}

fn attachments(organisation: &Organisation) -> Result<std::sync::Arc<Table>, Refusal> {
    organisation.schema.named(ATTACHMENTS).cloned().ok_or_else(no_attachments)
}

fn no_attachments() -> Refusal {
    refusal::not_emulated("A file without the table fileattachment, which was replaced")
}

/// Checks images that a row brings, and fills what comes along with them.
pub(super) fn note_images(
    tx: &Transaction<'_>,
    table: &Table,
    id: Uuid,
    cells: &mut Draft,
) -> Result<(), Refusal> {
    let images: Vec<ColumnId> =
        cells.columns().filter(|column| table.column(*column).content == Some(Content::Image)).collect();
    for column in images {
        let name = table.column(column).name.clone();
        let of = |ending: &str| companion(&table.by_name, &name, ending);
        let (image_id, stamp, url) = (of("id"), of("_timestamp"), of("_url"));
        let Some(Mention::Set(text)) = cells.mention(column) else {
            [image_id, stamp, url].into_iter().flatten().for_each(|companion| cells.clear(companion));
            continue;
        };
        let is_image = BASE64.decode(text).ok().filter(|bytes| image_type(bytes).is_some());
        let Some(bytes) = is_image else {
            return Err(bad_image(format_args!(
                "Update image properties failed for objectid: {id}, logicalName: {}, attribute: {name}",
                table.name
            )));
        };
        check_size(tx.organisation(), table, column, bytes.len() as u64)?;
        let new_id = named_id(tx.organisation().counters().0, &format!("{id} {name}"));
        // .NET's ticks, as in the address.
        let ticks = (tx.caller.now.saturating_add(62_135_596_800)).saturating_mul(10_000_000);
        let address = format!(
            "/Image/download.aspx?Entity={}&Attribute={name}&Id={new_id}&Timestamp={ticks}",
            table.name
        );
        if let Some(column) = image_id {
            cells.set(column, Cell::Id(new_id));
        }
        if let Some(column) = stamp {
            cells.set(column, Cell::Integer(ticks));
        }
        if let Some(column) = url {
            cells.set(column, Cell::Text(&address));
        }
    }
    Ok(())
}

/// Only the table's primary image may come with a new row (documented).
pub(super) fn check_new_images(tx: &Transaction<'_>, table: &Table, cells: &Draft) -> Result<(), Refusal> {
    for id in cells.columns() {
        let column = table.column(id);
        if column.content != Some(Content::Image) || column.name == "entityimage" {
            continue;
        }
        let images = table.columns.iter().filter(|it| it.content == Some(Content::Image)).count();
        let is_primary =
            said(tx.organisation(), table, id, "IsPrimaryImage").map_or(images == 1, |it| it == true);
        if !is_primary && cells.find(id).is_some() {
            let text = format!(
                "Non-primary image attribute {} of entity {} is not allowed to upload during Create operation.",
                column.name, table.name
            );
            return Err(refusal::refusal(400, 0x8009_0487, text));
        }
    }
    Ok(())
}

/// The column with the base64 text of a note's or an attachment's file.
pub(crate) fn document_column(table: &Table) -> Option<ColumnId> {
    let name = match table.name.as_str() {
        "annotation" => "documentbody",
        "activitymimeattachment" => "body",
        _ => return None,
    };
    table.by_name.get(name).copied()
}

/// Checks the document that a note or an attachment brings, and fills its size.
pub(super) fn note_document(tx: &Transaction<'_>, table: &Table, cells: &mut Draft) -> Result<(), Refusal> {
    let Some(column) = document_column(table) else { return Ok(()) };
    let size = match cells.mention(column) {
        None => return Ok(()),
        Some(Mention::Cleared) => 0,
        Some(Mention::Set(text)) => {
            if i64::try_from(text.len()).unwrap_or(i64::MAX) > document_limit(tx.organisation()) {
                return Err(too_big());
            }
            let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
            (text.len() / 4 * 3).saturating_sub(padding)
        }
    };
    if let Some(column) = table.by_name.get("filesize") {
        cells.set(*column, Cell::Integer(i64::try_from(size).unwrap_or(i64::MAX)));
    }
    if let Some(column) = table.by_name.get("isdocument") {
        cells.set(*column, Cell::Boolean(size > 0));
    }
    Ok(())
}

/// `maxuploadfilesize` of the organisation: the most base64 text of a document.
fn document_limit(organisation: &Organisation) -> i64 {
    let limit = organisation.schema.named("organization").and_then(|table| {
        let column = *table.by_name.get("maxuploadfilesize")?;
        row::get(organisation.row(table.id, organisation.seeds.organization)?, column, Form::Integer)
    });
    match limit {
        Some(Cell::Integer(limit)) => limit,
        _ => DOCUMENT_BYTES,
    }
}

/// The kinds of images that are taken.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &'static str); 7] = [
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (&[0xFF, 0xD8, 0xFF], "image/jpeg"),
        (&[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A], "image/png"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"BM", "image/bmp"),
    ];
    starts.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, name)| *name)
}

/// By a file name's ending.
fn mime_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "txt" | "log" => "text/plain",
        "csv" => "text/csv",
        "htm" | "html" => "text/html",
        "json" => "application/json",
        "xml" => "text/xml",
        "pdf" => "application/pdf",
        "zip" => "application/x-zip-compressed",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "tif" | "tiff" => "image/tiff",
        "bmp" => "image/bmp",
        _ => "application/octet-stream",
    }
}
