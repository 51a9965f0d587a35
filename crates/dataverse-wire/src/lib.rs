//! dataverse-wire.
