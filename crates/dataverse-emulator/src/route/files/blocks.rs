//! Messages that carry files in blocks: of file and image columns, of notes, of attachments of e-mails.

use std::collections::HashMap;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use dataverse_wire::literal::parse_guid;
use serde_json::{Value, json};
use uuid::Uuid;

use super::session::{Place, Session, unknown};
use super::{CHUNK_BYTES, MOST_BYTES, bad, write};
use crate::refusal::{self, Refusal};
use crate::route::dispatch::Context;
use crate::route::exchange::{Answer, Request};
use crate::schema::Content;
use crate::state::row::{Cell, Form};
use crate::state::{Key, row};
use crate::write::{
    ContentIds, NewFile, Reader, Update, clear_file, content_column, document_column, find_file,
    keeps_full_images, owner_of, read_row, set_file, update,
};

/// A message about files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Begin,
    /// For a note (`annotation`) or an attachment (`activitymimeattachment`).
    BeginDocument(&'static str),
    Block,
    Commit,
    CommitDocument(&'static str),
    Open,
    OpenDocument(&'static str),
    Read,
    Delete,
}

const NOTE: &str = "annotation";
const ATTACHMENT: &str = "activitymimeattachment";

impl Message {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("Microsoft.Dynamics.CRM.").unwrap_or(name) {
            "InitializeFileBlocksUpload" => Self::Begin,
            "InitializeAnnotationBlocksUpload" => Self::BeginDocument(NOTE),
            "InitializeAttachmentBlocksUpload" => Self::BeginDocument(ATTACHMENT),
            "UploadBlock" => Self::Block,
            "CommitFileBlocksUpload" => Self::Commit,
            "CommitAnnotationBlocksUpload" => Self::CommitDocument(NOTE),
            "CommitAttachmentBlocksUpload" => Self::CommitDocument(ATTACHMENT),
            "InitializeFileBlocksDownload" => Self::Open,
            "InitializeAnnotationBlocksDownload" => Self::OpenDocument(NOTE),
            "InitializeAttachmentBlocksDownload" => Self::OpenDocument(ATTACHMENT),
            "DownloadBlock" => Self::Read,
            "DeleteFile" => Self::Delete,
            _ => return None,
        })
    }
}

pub(super) fn answer(context: &Context<'_>, request: &Request, message: Message) -> Result<Answer, Refusal> {
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|error| refusal::payload("files", error))?;
    let name = request.path().trim_start_matches("Microsoft.Dynamics.CRM.");
    let respond = |mut value: Value| {
        value["@odata.context"] =
            format!("{}$metadata#Microsoft.Dynamics.CRM.{name}Response", context.root).into();
        Answer::value(&value)
    };
    match message {
        Message::Begin => {
            let place = Some(place(context, &body)?);
            Ok(respond(json!({ "FileContinuationToken": begin(context, place) })))
        }
        Message::BeginDocument(table) => {
            check_target(&body, table)?;
            if table == NOTE && body["Target"]["annotationid"].as_str().and_then(parse_guid).is_none() {
                return Err(bad("The Target must have an annotationid, also for a new note."));
            }
            Ok(respond(json!({ "FileContinuationToken": begin(context, None) })))
        }
        Message::Block => take_block(context, &body).map(|()| Answer::no_content()),
        Message::Commit => commit(context, &body).map(respond),
        Message::CommitDocument(table) => commit_document(context, &body, table).map(respond),
        Message::Open => open(context, &body).map(respond),
        Message::OpenDocument(table) => open_document(context, &body, table).map(respond),
        Message::Read => read_block(context, &body).map(respond),
        Message::Delete => {
            let file =
                text(&body, "FileId").and_then(|id| parse_guid(id).ok_or_else(|| bad("FileId is no id.")))?;
            write(context, |tx| {
                let (table, row, column) = owner_of(tx.organisation(), file)
                    .ok_or_else(|| refusal::no_row(crate::schema::ATTACHMENTS, file))?;
                clear_file(tx, &table, row, column)
            })?;
            Ok(Answer::no_content())
        }
    }
}

fn begin(context: &Context<'_>, place: Option<Place>) -> String {
    let session = Session::Blocks { place, blocks: HashMap::new() };
    context.service.file_sessions().begin(context.service.next_number(), session)
}

fn text<'v>(body: &'v Value, name: &str) -> Result<&'v str, Refusal> {
    body[name]
        .as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| bad(format!("Required field '{name}' is missing.")))
}

fn check_target(body: &Value, table: &str) -> Result<(), Refusal> {
    let named = body["Target"]["@odata.type"].as_str().unwrap_or_default();
    let named = named.trim_start_matches('#').trim_start_matches("Microsoft.Dynamics.CRM.");
    if named == table { Ok(()) } else { Err(bad(format!("The Target must be of the type {table}."))) }
}

/// The row and the column that a message names.
fn place(context: &Context<'_>, body: &Value) -> Result<Place, Refusal> {
    let target = &body["Target"];
    let named =
        text(target, "@odata.type")?.trim_start_matches('#').trim_start_matches("Microsoft.Dynamics.CRM.");
    let schema = context.service.schema();
    let table = schema.named(named).ok_or_else(|| {
        refusal::refusal(400, 0x8004_1102, format!("The entity with a name = '{named}' was not found."))
    })?;
    let row = text(target, &table.column(table.primary).name)?;
    let row = parse_guid(row).ok_or_else(|| bad(format!("'{row}' is no id.")))?;
    let name = text(body, "FileAttributeName")?;
    let (column, _) = content_column(table, name)
        .ok_or_else(|| bad(format!("'{name}' of '{named}' is neither a file nor an image column.")))?;
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    if organisation.row(table.id, row).is_none() {
        return Err(refusal::no_row(&table.name, row));
    }
    Ok(Place { table: table.id, row, column })
}

fn take_block(context: &Context<'_>, body: &Value) -> Result<(), Refusal> {
    let id = text(body, "BlockId")?;
    let plain = BASE64.decode(id).map_err(|_| bad("BlockId is no base64 text."))?;
    if plain.len() > 64 {
        return Err(bad("BlockId is longer than 64 bytes."));
    }
    let data = BASE64.decode(text(body, "BlockData")?).map_err(|_| bad("BlockData is no base64 text."))?;
    if data.len() > CHUNK_BYTES {
        return Err(bad("BlockData is larger than 4 MB."));
    }
    let mut sessions = context.service.file_sessions();
    let Session::Blocks { blocks, .. } = sessions.get(text(body, "FileContinuationToken")?)? else {
        return Err(unknown());
    };
    if blocks.keys().any(|known| known.len() != id.len()) {
        return Err(bad("All BlockIds of a file must be of the same length."));
    }
    if blocks.values().map(Bytes::len).sum::<usize>() as u64 + data.len() as u64 > MOST_BYTES {
        return Err(refusal::not_emulated("A file of more than one gigabyte"));
    }
    blocks.insert(id.to_owned(), data.into());
    Ok(())
}

/// The blocks of a list, one after the other.
fn assembled(context: &Context<'_>, body: &Value) -> Result<(Option<Place>, Vec<u8>), Refusal> {
    let mut sessions = context.service.file_sessions();
    let Session::Blocks { place, blocks } = sessions.get(text(body, "FileContinuationToken")?)? else {
        return Err(unknown());
    };
    let list = body["BlockList"].as_array().ok_or_else(|| bad("Required field 'BlockList' is missing."))?;
    let mut bytes = Vec::new();
    for id in list {
        let block = id.as_str().and_then(|id| blocks.get(id));
        bytes.extend_from_slice(block.ok_or_else(|| bad(format!("The block {id} was not uploaded.")))?);
    }
    Ok((*place, bytes))
}

fn commit(context: &Context<'_>, body: &Value) -> Result<Value, Refusal> {
    let (place, bytes) = assembled(context, body)?;
    let place = place.ok_or_else(unknown)?;
    let file = NewFile { name: text(body, "FileName")?, mime_type: body["MimeType"].as_str(), bytes: &bytes };
    let id = write(context, |tx| {
        let table = tx.table(place.table);
        set_file(tx, &table, place.row, place.column, &file)
    })?;
    context.service.file_sessions().end(text(body, "FileContinuationToken")?);
    Ok(json!({ "FileId": id, "FileSizeInBytes": bytes.len() }))
}

/// Makes a note or an attachment with its file, or (a note only) changes one.
fn commit_document(context: &Context<'_>, body: &Value, name: &str) -> Result<Value, Refusal> {
    check_target(body, name)?;
    let (place, bytes) = assembled(context, body)?;
    if place.is_some() {
        return Err(unknown());
    }
    let schema = context.service.schema();
    let table = schema.named(name).ok_or_else(|| refusal::no_segment(name))?;
    let column = document_column(table).ok_or_else(|| refusal::no_segment(name))?;
    let content_ids = ContentIds::new();
    let reader = Reader { schema: &schema, settings: context.service.settings(), content_ids: &content_ids };
    let mut draft = read_row(reader, table, body["Target"].to_string().as_bytes())?;
    draft.cells.set(column, Cell::Text(&BASE64.encode(&bytes)));
    let id = write(context, |tx| {
        let id = draft.id.unwrap_or_else(|| tx.next_id());
        let how = if name == NOTE { Update::Upsert } else { Update::CreateOnly };
        update(tx, table.id, id, draft, how)?;
        Ok(id)
    })?;
    context.service.file_sessions().end(text(body, "FileContinuationToken")?);
    let id_name = if name == NOTE { "AnnotationId" } else { "ActivityMimeAttachmentId" };
    let mut answer = json!({ "FileSizeInBytes": bytes.len() });
    answer[id_name] = id.to_string().into();
    Ok(answer)
}

fn open(context: &Context<'_>, body: &Value) -> Result<Value, Refusal> {
    let place = place(context, body)?;
    let settings = context.service.settings();
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let table = organisation.schema.table(place.table);
    settings.must_keep(table, place.column)?;
    let name = &table.column(place.column).name;
    let is_image = table.column(place.column).content == Some(Content::Image);
    let file = match find_file(&organisation, table, place.row, place.column)? {
        Some(file) if !is_image || keeps_full_images(&organisation, table, place.column) => file,
        _ if is_image => {
            let text = format!(
                "No FileAttachment records found for imagedescriptorId: {} for image attribute: {name} of {} record \
                 with id {}.",
                Uuid::nil(),
                table.name,
                place.row
            );
            return Err(refusal::refusal(404, 0x8004_0217, text));
        }
        _ => {
            let text = format!("No file attachment found for attribute: {name} EntityId: {}.", place.row);
            return Err(refusal::refusal(404, 0x8004_0217, text));
        }
    };
    let (size, name) = (file.bytes.len(), file.name.clone());
    let token = offer(context, file.bytes);
    Ok(json!({
        "FileSizeInBytes": size, "FileName": name, "FileContinuationToken": token,
        "IsChunkingSupported": !settings.files_in_database
    }))
}

fn offer(context: &Context<'_>, bytes: Bytes) -> String {
    context.service.file_sessions().begin(context.service.next_number(), Session::Download(bytes))
}

fn open_document(context: &Context<'_>, body: &Value, name: &str) -> Result<Value, Refusal> {
    check_target(body, name)?;
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let table = organisation.schema.named(name).ok_or_else(|| refusal::no_segment(name))?;
    let column = document_column(table).ok_or_else(|| refusal::no_segment(name))?;
    context.service.settings().must_keep(table, column)?;
    let id = text(&body["Target"], &table.column(table.primary).name)?;
    let id = parse_guid(id).ok_or_else(|| bad(format!("'{id}' is no id.")))?;
    let bytes = organisation.row(table.id, id).ok_or_else(|| refusal::no_row(&table.name, id))?;
    let Cell::Text(document) = table.read(Key::from(id), bytes, column) else {
        return Err(refusal::refusal(404, 0x8004_0217, format!("{name} With Id = {id} has no file.")));
    };
    let document = BASE64.decode(document).map_err(|_| bad("The document is no base64 text."))?;
    let file_name = table.by_name.get("filename").and_then(|column| row::get(bytes, *column, Form::Text));
    let file_name = match file_name {
        Some(Cell::Text(name)) => name.to_owned(),
        _ => String::new(),
    };
    let size = document.len();
    let token = offer(context, document.into());
    Ok(json!({ "FileSizeInBytes": size, "FileName": file_name, "FileContinuationToken": token }))
}

fn read_block(context: &Context<'_>, body: &Value) -> Result<Value, Refusal> {
    let number = |name: &str| {
        let number = body[name].as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| bad(format!("Required field '{name}' is missing.")))
    };
    let (offset, length) = (number("Offset")?, number("BlockLength")?);
    let mut sessions = context.service.file_sessions();
    let Session::Download(bytes) = sessions.get(text(body, "FileContinuationToken")?)? else {
        return Err(unknown());
    };
    if offset > bytes.len() || (length == 0 && !bytes.is_empty()) {
        return Err(bad("The block lies outside of the file."));
    }
    let end = offset.saturating_add(length).min(bytes.len());
    if context.service.settings().files_in_database && end - offset < bytes.len() {
        return Err(refusal::no_chunks());
    }
    Ok(json!({ "Data": BASE64.encode(&bytes[offset..end]) }))
}
