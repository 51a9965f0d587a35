//! From JSON bodies to rows: reading, checking, normalising, storing.

mod address;
mod body;
mod cascade;
mod content;
mod create;
mod date;
mod delete;
mod elastic;
mod key_text;
mod pair;
mod party;
mod reference;
mod rights;
mod state_rules;
mod system;
mod update;
mod value;

pub(crate) use body::{Reader, RowDraft, read_parties, read_row, read_targets};
pub(crate) use content::{
    DOCUMENT_BYTES, NewFile, check_size, clear_file, content_column, document_column, find_file,
    keeps_full_images, owner_of, set_file,
};
pub(crate) use create::create;
pub(crate) use date::{format_day, format_instant, parse_day, parse_instant};
pub(crate) use delete::delete;
pub(crate) use elastic::{become_row, meant};
pub(crate) use pair::{associate, disassociate, pair_rows};
pub(crate) use party::replace_parties;
pub(crate) use reference::{ContentIds, Reference, alternate_key, read_reference, resolve};
pub(crate) use state_rules::{Closing, close};
pub(crate) use update::{Update, update};
