//! The key of an encrypted file: from the options to every connection, and nowhere else.

use rusqlite::Connection;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;

/// Digits of a raw key: 32 bytes, or these and the 16 of the file's salt.
const RAW_DIGITS: [usize; 2] = [64, 96];

/// Whether the library that is linked encrypts: SQLCipher says its version, SQLite knows no such pragma.
///
/// It is asked rather than the cargo feature, since the system's library can take the place of the bundled one, and would take
/// a key without a word and write plain text.
pub(super) fn library_encrypts() -> rusqlite::Result<bool> {
    let connection = Connection::open_in_memory()?;
    let mut statement = connection.prepare("PRAGMA cipher_version")?;
    statement.exists([])
}

/// Refuses what SQLCipher would take for something else than was meant.
pub(super) fn check(key: &SecretString) -> Result<(), Error> {
    let key = key.expose_secret();
    let unusable = |why: &str| Err(Error::UnusableKey { why: why.to_owned() });
    if key.is_empty() {
        return unusable("it is empty");
    }
    if key.contains('\0') {
        return unusable("it holds a NUL character");
    }
    let raw = key.strip_prefix(['x', 'X']).and_then(|rest| rest.strip_prefix('\'')?.strip_suffix('\''));
    match raw {
        Some(digits)
            if !RAW_DIGITS.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            unusable("between x' and ' stand 64 hexadecimal digits, or 96 where the salt is among them")
        }
        Some(_) | None => Ok(()),
    }
}

/// Hands the key to a fresh connection, before it reads anything. Whether it is the right one shows when it does.
pub(super) fn give(connection: &Connection, key: &SecretString) -> Result<(), Error> {
    // The error would quote the statement, and with it the key.
    connection
        .pragma_update(None, "key", key.expose_secret())
        .map_err(|_| Error::UnusableKey { why: "SQLCipher does not take it".to_owned() })?;
    // What goes wrong comes back as an error; by itself it would write to standard error as well.
    connection
        .pragma_update(None, "cipher_log_level", "NONE")
        .map_err(|_| Error::UnusableKey { why: "SQLCipher does not answer".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(key: &str, why: &str) {
        let error = check(&key.into()).unwrap_err();
        assert!(matches!(&error, Error::UnusableKey { why: said } if said.contains(why)), "{error}");
        assert!(error.is_usage());
    }

    #[test]
    fn a_key_that_would_be_taken_for_something_else_is_refused() {
        refused("", "empty");
        refused("a\0b", "NUL");
        refused("x''", "64 hexadecimal digits");
        refused(&format!("x'{}'", "ab".repeat(31)), "64 hexadecimal digits");
        refused(&format!("X'{}'", "xy".repeat(32)), "64 hexadecimal digits");
    }

    #[test]
    fn passphrases_and_raw_keys_are_taken() {
        let raw = ["ab", "0F"].map(|byte| format!("x'{}'", byte.repeat(32)));
        let salted = format!("x'{}'", "ab".repeat(48));
        for key in ["it's a secret; -- x'", "x'", "'", "x marks the spot", &salted]
            .into_iter()
            .chain(raw.iter().map(String::as_str))
        {
            check(&key.into()).unwrap();
        }
    }

    #[test]
    fn the_library_encrypts_where_it_was_built_so() {
        assert_eq!(library_encrypts().unwrap(), cfg!(feature = "sqlcipher"));
    }
}
