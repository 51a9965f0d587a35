//! Bodies of writes, built without maps: values go straight into the JSON text.
//!
//! ```
//! use dataverse_wire::write::TargetsWriter;
//! let mut targets = TargetsWriter::new("contact");
//! let mut row = targets.row();
//! row.text("lastname", "O\"Hara").number("annualincome", "1.50").null("description");
//! let body = targets.finish();
//! assert_eq!(body, br#"{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact","lastname":"O\"Hara","annualincome":1.50,"description":null}]}"#);
//! ```

mod fields;
mod related;
mod targets;

pub use fields::{Fields, Items, Row, RowWriter, is_json_number};
pub use related::{Party, PartyKind};
pub use targets::TargetsWriter;
