//! dataverse-client.
