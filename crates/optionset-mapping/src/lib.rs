//! optionset-mapping.
