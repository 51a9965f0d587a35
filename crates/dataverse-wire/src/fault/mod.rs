//! What the service says when it refuses, and what to do about it.
//!
//! Codes and their classes are those of reference §12.3; every reader of an answer asks here and nowhere else.
//!
//! ```
//! use dataverse_wire::fault::{FaultClass, ServiceFault};
//! let body = br#"{"error":{"code":"0x80044331","message":"A validation error occurred.  The length of the 'subject'"}}"#;
//! let fault = ServiceFault::parse(400, body);
//! assert_eq!(fault.class(), FaultClass::Row);
//! assert_eq!(fault.code.name(), Some("StringLengthTooLong"));
//! ```

mod body;
mod code;
mod table;

pub use body::{RowFault, ServiceFault};
pub use code::ServiceCode;
pub use table::{FaultClass, KNOWN_CODES, KnownCode};
