//! The standard tables, embedded.

use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use dataverse_wire::metadata::{Overrides, TableDefinition, parse_definitions};
use flate2::read::GzDecoder;

use crate::Error;
use crate::schema::{Schema, build};

/// 170 tables of a real organisation; `fixtures/metadata/README.md` says where they come from.
const TABLES: &[u8] = include_bytes!("../../../fixtures/metadata/standard-tables.json.gz");
/// What the metadata has wrong, each entry with its source.
const OVERRIDES: &[u8] = include_bytes!("../../../fixtures/metadata/overrides.json");

/// The standard tables as this emulator serves them, corrected by the project's overrides.
///
/// They take a tenth of a second to read, once per process.
pub fn standard_tables() -> Result<Vec<TableDefinition>, Error> {
    let mut json = Vec::with_capacity(6 << 20);
    GzDecoder::new(TABLES).read_to_end(&mut json).map_err(|error| Error::Metadata(error.to_string()))?;
    let mut tables = parse_definitions(&json).map_err(|error| explain(&error))?;
    let overrides = Overrides::parse(OVERRIDES).map_err(|error| explain(&error))?;
    overrides.apply(&mut tables).map_err(|error| explain(&error))?;
    Ok(tables)
}

/// Tables from a file in the shape of the Web API's `EntityDefinitions`, plain or gzipped.
pub fn tables_from(content: &[u8]) -> Result<Vec<TableDefinition>, Error> {
    if content.starts_with(&[0x1F, 0x8B]) {
        let mut json = Vec::new();
        GzDecoder::new(content).read_to_end(&mut json).map_err(|error| Error::Metadata(error.to_string()))?;
        return parse_definitions(&json).map_err(|error| explain(&error));
    }
    parse_definitions(content).map_err(|error| explain(&error))
}

fn explain(error: &dyn std::error::Error) -> Error {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Error::Metadata(text)
}

/// The standard tables, compiled once per process.
pub(crate) fn standard_schema(change_tracking: bool) -> Result<Schema, Error> {
    static COMPILED: [OnceLock<Arc<Schema>>; 2] = [OnceLock::new(), OnceLock::new()];
    let compiled = &COMPILED[usize::from(change_tracking)];
    if let Some(schema) = compiled.get() {
        return Ok(Schema::clone(schema));
    }
    let mut tables = standard_tables()?;
    for table in &mut tables {
        table.change_tracking |= change_tracking;
    }
    let schema = build(&Schema::default(), tables);
    Ok(Schema::clone(compiled.get_or_init(|| Arc::new(schema))))
}
