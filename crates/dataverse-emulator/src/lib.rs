//! dataverse-emulator.
