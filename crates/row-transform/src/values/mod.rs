//! From the text of a cell to the staged form of a value: laws of single values, without SQL.

mod boolean;
mod date;
mod number;
mod text;

pub use boolean::{Words, read_boolean};
#[cfg(test)]
pub(crate) use date::offset_on_the_wall;
pub use date::{DateForm, DateReader};
pub use number::{DecimalSign, canonical_number, round_number, scale_of};
pub use text::{fit_text, has_control_character, trim_text, utf16_length};
