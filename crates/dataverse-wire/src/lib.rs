//! What goes over the wire between a client and Microsoft Dataverse, as plain values.
//!
//! Names, literals, row keys, bodies of writes, the `$batch` codec, faults with their classes, the service's limits and
//! table definitions: everything that a client and a server must agree on, and nothing that opens a socket. Both
//! directions are here, so that a client and an emulator share one reading of the protocol.
//!
//! ```
//! use dataverse_wire::fault::{FaultClass, ServiceFault};
//! use dataverse_wire::literal::RowKey;
//! use dataverse_wire::write::TargetsWriter;
//!
//! // The body of `POST /contacts/Microsoft.Dynamics.CRM.CreateMultiple`, without building a map per row.
//! let mut targets = TargetsWriter::new("contact");
//! for name in ["Anna", "Bo"] {
//!     targets.row().text("lastname", name).integer("importsequencenumber", 7);
//! }
//! assert!(targets.finish().starts_with(br#"{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact","#));
//!
//! // A row named by an alternate key, ready for a URL.
//! assert_eq!(RowKey::text("accountnumber", "O'Hara & Co").to_string(), "(accountnumber='O''Hara%20%26%20Co')");
//!
//! // What an answer means for whoever sent the request.
//! let fault = ServiceFault::parse(429, br#"{"error":{"code":"0x80072326","message":"Too many."}}"#);
//! assert_eq!(fault.class(), FaultClass::Throttled);
//! ```

mod error;
mod name;
mod participation;

pub mod batch;
pub mod fault;
pub mod limits;
pub mod literal;
pub mod metadata;
pub mod write;

pub use error::Error;
pub use name::LogicalName;
pub use participation::participation_mask;

/// The README's example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
