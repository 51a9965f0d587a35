//! The file behind `--data`: what was committed, in order, each record whole or not there.
//!
//! A record is its length, the same inverted, an XXH3 checksum and the payload. One `write` hands it to the operating
//! system before its request is answered, so that it outlives the process, however that ends. A loss of power may
//! take the last moments: nothing waits for the disk but a rewrite of the whole file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_64;

use crate::Error;

const HEADER_BYTES: usize = 16;

/// The open file of a data folder; the folder is this process's alone as long as it lives.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// Locked; the lock ends with the process.
    _lock: File,
    file: File,
    length: u64,
    /// Why nothing can be appended any more.
    broken: Option<String>,
}

/// A record being filled.
#[derive(Debug)]
pub(crate) struct Record(Vec<u8>);

impl Record {
    pub(crate) fn new(kind: u8) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.push(kind);
        Self(bytes)
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// With its length in front.
    pub(crate) fn put_sized(&mut self, bytes: &[u8]) {
        // What one request brings is limited to far below four gigabytes.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.put(&length.to_le_bytes());
        self.put(bytes);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn sealed(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - HEADER_BYTES).unwrap_or(u32::MAX);
        let checksum = XxHash3_64::oneshot(&self.0[HEADER_BYTES..]);
        self.0[..4].copy_from_slice(&length.to_le_bytes());
        self.0[4..8].copy_from_slice(&(!length).to_le_bytes());
        self.0[8..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        self.0
    }
}

/// Reads fixed and sized parts off a payload.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or_else(cut)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(crate) fn sized(&mut self) -> Result<&'a [u8], String> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (head, tail) = self.0.split_at_checked(length).ok_or_else(cut)?;
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn cut() -> String {
    "a record ends too early".to_owned()
}

impl Journal {
    /// Takes a folder, and hands every whole record of its file to `take`. A record that the end of its process tore
    /// is cut off: nobody was told that it was kept.
    pub(crate) fn open(
        folder: &Path,
        take: &mut dyn FnMut(u8, Fields<'_>) -> Result<(), String>,
    ) -> Result<Opened, Error> {
        let failed = |reason: String| Error::Data { path: folder.to_owned(), reason };
        std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(|error| failed(error.to_string()))?;
        lock.try_lock().map_err(|error| {
            failed(match error {
                TryLockError::WouldBlock => "another emulator keeps its rows there".to_owned(),
                TryLockError::Error(error) => error.to_string(),
            })
        })?;
        let lock = Lock { folder: folder.to_owned(), file: lock };
        let path = folder.join("journal");
        let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::New(lock)),
            Err(error) => return Err(failed(format!("journal: {error}"))),
        };
        let size = file.metadata().map_err(|error| failed(error.to_string()))?.len();
        let mut reader = BufReader::with_capacity(1 << 20, &mut file);
        let mut at = 0_u64;
        let mut payload = Vec::new();
        loop {
            match read_record(&mut reader, size - at, &mut payload) {
                Ok(Found::Record) => {
                    let (kind, rest) = payload.split_first().ok_or_else(|| failed(damaged(at)))?;
                    take(*kind, Fields(rest))
                        .map_err(|reason| failed(format!("journal at byte {at}: {reason}")))?;
                    at += (HEADER_BYTES + payload.len()) as u64;
                }
                Ok(Found::End) => break,
                Ok(Found::Torn) => {
                    tracing::warn!(at, lost = size - at, "the last record was torn and is dropped");
                    break;
                }
                Ok(Found::Damaged) => return Err(failed(damaged(at))),
                Err(error) => return Err(failed(error.to_string())),
            }
        }
        file.set_len(at)
            .and_then(|()| file.seek(SeekFrom::Start(at)))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Opened::Known(Self {
            folder: folder.to_owned(),
            _lock: lock.file,
            file,
            length: at,
            broken: None,
        }))
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Appends a record. What this returned `Ok` for is there after the process has been killed.
    pub(crate) fn append(&mut self, record: Record) -> Result<(), String> {
        if let Some(reason) = &self.broken {
            return Err(reason.clone());
        }
        let bytes = record.sealed();
        if let Err(error) = self.file.write_all(&bytes) {
            // Half a record must not stand before the next one.
            let mended =
                self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            if let Err(worse) = mended {
                self.broken = Some(format!("the journal could not be mended: {worse}"));
            }
            return Err(format!("{}: {error}", self.folder.join("journal").display()));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// From now on nothing can be appended.
    pub(crate) fn break_off(&mut self, reason: String) {
        self.broken.get_or_insert(reason);
    }

    /// Replaces the file by what `write` writes, as a whole or not at all.
    pub(crate) fn rewrite(&mut self, write: impl FnOnce(&mut Rewriter) -> io::Result<()>) -> io::Result<()> {
        let (file, length) = write_anew(&self.folder, write)?;
        self.file = file;
        self.length = length;
        Ok(())
    }
}

/// A folder that has been taken.
#[derive(Debug)]
pub(crate) enum Opened {
    New(Lock),
    /// All records were handed over.
    Known(Journal),
}

/// A folder that is taken, before there is a journal in it.
#[derive(Debug)]
pub(crate) struct Lock {
    folder: PathBuf,
    file: File,
}

impl Lock {
    /// Makes the first journal.
    pub(crate) fn create(
        self,
        write: impl FnOnce(&mut Rewriter) -> io::Result<()>,
    ) -> Result<Journal, Error> {
        match write_anew(&self.folder, write) {
            Ok((file, length)) => {
                Ok(Journal { folder: self.folder, _lock: self.file, file, length, broken: None })
            }
            Err(error) => Err(Error::Data { path: self.folder, reason: error.to_string() }),
        }
    }
}

/// Takes the records of a new file.
#[derive(Debug)]
pub(crate) struct Rewriter {
    file: io::BufWriter<File>,
    length: u64,
}

impl Rewriter {
    pub(crate) fn append(&mut self, record: Record) -> io::Result<()> {
        let bytes = record.sealed();
        self.file.write_all(&bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn write_anew(folder: &Path, write: impl FnOnce(&mut Rewriter) -> io::Result<()>) -> io::Result<(File, u64)> {
    let beside = folder.join("journal.new");
    let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&beside)?;
    let mut rewriter = Rewriter { file: io::BufWriter::with_capacity(1 << 20, file), length: 0 };
    write(&mut rewriter)?;
    let file = rewriter.file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(&beside, folder.join("journal"))?;
    // Directories cannot be opened everywhere; the rename itself outlives the process in any case.
    if let Ok(folder) = File::open(folder) {
        drop(folder.sync_all());
    }
    Ok((file, rewriter.length))
}

enum Found {
    Record,
    End,
    /// The file ends before the record does.
    Torn,
    Damaged,
}

fn read_record(reader: &mut impl Read, left: u64, payload: &mut Vec<u8>) -> io::Result<Found> {
    if left == 0 {
        return Ok(Found::End);
    }
    if left < HEADER_BYTES as u64 {
        return Ok(Found::Torn);
    }
    let mut header = [0; HEADER_BYTES];
    reader.read_exact(&mut header)?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (length, inverted) = (word(0), word(4));
    if length != !inverted {
        return Ok(Found::Damaged);
    }
    if u64::from(length) > left - HEADER_BYTES as u64 {
        return Ok(Found::Torn);
    }
    payload.resize(length as usize, 0);
    reader.read_exact(payload)?;
    let is_last = left == HEADER_BYTES as u64 + u64::from(length);
    let checksum = u64::from(word(8)) | u64::from(word(12)) << 32;
    Ok(if XxHash3_64::oneshot(payload) == checksum {
        Found::Record
    } else if is_last {
        Found::Torn
    } else {
        Found::Damaged
    })
}

fn damaged(at: u64) -> String {
    format!("the journal is damaged at byte {at}; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        let mut record = Record::new(7);
        record.put(text.as_bytes());
        record
    }

    fn read(folder: &Path) -> Result<Vec<String>, Error> {
        let mut texts = Vec::new();
        Journal::open(folder, &mut |kind, fields| {
            assert_eq!(kind, 7);
            texts.push(String::from_utf8(fields.0.to_vec()).unwrap());
            Ok(())
        })?;
        Ok(texts)
    }

    fn filled(folder: &Path) -> Journal {
        let Opened::New(lock) = Journal::open(folder, &mut |_, _| Ok(())).unwrap() else { panic!() };
        let mut journal = lock.create(|file| file.append(record("first"))).unwrap();
        for text in ["second", "", "fourth"] {
            journal.append(record(text)).unwrap();
        }
        journal
    }

    #[test]
    fn records_come_back_in_order_and_a_torn_one_is_dropped_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path()));
        let path = folder.path().join("journal");
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read(folder.path()).unwrap(), ["first", "second", "", "fourth"]);
        let last = whole.len() - HEADER_BYTES - 1 - "fourth".len();
        for length in last..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(read(folder.path()).unwrap(), ["first", "second", ""], "cut to {length}");
            assert_eq!(std::fs::metadata(&path).unwrap().len(), last as u64, "the tear is cut off");
        }
    }

    #[test]
    fn damage_before_the_end_is_an_error_that_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path()));
        let path = folder.path().join("journal");
        let whole = std::fs::read(&path).unwrap();
        for at in [0, 5, 9, HEADER_BYTES + 2] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            std::fs::write(&path, &bytes).unwrap();
            let error = read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("damaged at byte 0"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let journal = filled(folder.path());
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("another emulator"), "{error}");
        drop(journal);
        assert_eq!(read(folder.path()).unwrap().len(), 4);
    }

    #[test]
    fn a_rewrite_replaces_everything() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = filled(folder.path());
        journal.rewrite(|file| file.append(record("only"))).unwrap();
        journal.append(record("and then")).unwrap();
        drop(journal);
        assert_eq!(read(folder.path()).unwrap(), ["only", "and then"]);
    }
}
