//! Table definitions, compiled into what reading and writing rows need.

mod build;
mod cascade;
mod column;
mod content;
mod elastic;
mod set;
mod table;

pub(crate) use build::build;
pub(crate) use cascade::Dependent;
pub(crate) use column::{Column, Kind};
pub(crate) use content::{ATTACHMENTS, AttachmentColumns, Content, companion};
pub(crate) use elastic::{ElasticKey, PARTITION_BYTES, partition_parameter};
pub(crate) use set::{AddressSlot, Collection, Pair, Schema};
pub(crate) use table::{AlternateKey, Belonging, Property, Table};
