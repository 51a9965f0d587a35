//! From the bytes on disk to UTF-8: decompression, byte order mark, legacy encodings.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read};
use std::path::Path;

use encoding_rs::{DecoderResult, Encoding, UTF_8};
use flate2::read::MultiGzDecoder;
use twox_hash::XxHash3_64;

use crate::Error;
use crate::table::Reading;

/// Bytes read at a time.
const BLOCK: usize = 256 * 1024;

/// Opens a file as a stream of UTF-8 without byte order mark.
///
/// UTF-8 itself is passed through unchecked: the CSV reader checks it cell by cell and can then name the column.
pub(crate) fn open(table: &str, path: &Path, reading: &Reading) -> Result<Box<dyn Read + Send>, Error> {
    let missing = |source: io::Error| {
        if source.kind() == io::ErrorKind::NotFound {
            Error::FileMissing { table: table.to_owned(), path: path.to_path_buf() }
        } else {
            Error::FileUnreadable { path: path.to_path_buf(), line: 0, source }
        }
    };
    let file = File::open(path).map_err(missing)?;
    if !file.metadata().map_err(missing)?.is_file() {
        return Err(Error::FileMissing { table: table.to_owned(), path: path.to_path_buf() });
    }
    let bytes: Box<dyn Read + Send> = if reading.gzip {
        Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(BLOCK, file)))
    } else {
        Box::new(file)
    };
    if reading.encoding == UTF_8 {
        return Ok(Box::new(WithoutMark { inner: bytes, checked: false, held: Vec::new() }));
    }
    Ok(Box::new(Decoded::new(bytes, reading.encoding)))
}

/// The hash of a file's bytes as they lie on disk, in memory that does not grow with it.
pub(crate) fn hash_of_file(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut hasher = XxHash3_64::with_seed(0);
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hasher.finish()),
            read => hasher.write(&block[..read]),
        }
    }
}

/// Drops a UTF-8 byte order mark and refuses those of UTF-16.
struct WithoutMark<R> {
    inner: R,
    checked: bool,
    held: Vec<u8>,
}

impl<R: Read> Read for WithoutMark<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.checked {
            self.checked = true;
            let mut start = Vec::with_capacity(3);
            self.inner.by_ref().take(3).read_to_end(&mut start)?;
            for (mark, encoding) in [([0xFF, 0xFE], "utf-16le"), ([0xFE, 0xFF], "utf-16be")] {
                if start.starts_with(&mark) {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, Marked { encoding }));
                }
            }
            if start != [0xEF, 0xBB, 0xBF] {
                self.held = start;
            }
        }
        if self.held.is_empty() {
            return self.inner.read(out);
        }
        let taken = self.held.len().min(out.len());
        out[..taken].copy_from_slice(&self.held[..taken]);
        self.held.drain(..taken);
        Ok(taken)
    }
}

/// Where a legacy encoding broke: carried through the CSV reader inside an I/O error.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, character {character}")]
pub(crate) struct Malformed {
    pub(crate) line: u64,
    pub(crate) character: u64,
}

/// A file whose byte order mark says another encoding; carried in the same way.
#[derive(Debug, thiserror::Error)]
#[error("marked as {encoding}")]
pub(crate) struct Marked {
    pub(crate) encoding: &'static str,
}

fn malformed(line: u64, character: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Malformed { line, character })
}

/// Decodes a declared encoding on the way, refusing what is not text in it.
struct Decoded<R> {
    inner: R,
    decoder: encoding_rs::Decoder,
    input: Vec<u8>,
    /// The part of `input` not yet decoded.
    rest: std::ops::Range<usize>,
    at_end: bool,
    line: u64,
    character: u64,
}

impl<R: Read> Decoded<R> {
    fn new(inner: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { inner, decoder, input: vec![0; BLOCK], rest: 0..0, at_end: false, line: 1, character: 1 }
    }

    fn count(&mut self, decoded: &[u8]) {
        for &byte in decoded {
            if byte == b'\n' {
                self.line += 1;
                self.character = 1;
            } else if byte & 0xC0 != 0x80 {
                self.character += 1;
            }
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The decoder needs room for one character at least; the CSV reader's buffer is far larger.
        if out.len() < 16 {
            return Err(io::Error::other("the read buffer is too small to decode into"));
        }
        loop {
            if self.rest.is_empty() && !self.at_end {
                let read = self.inner.read(&mut self.input)?;
                self.rest = 0..read;
                self.at_end = read == 0;
            }
            let (result, used, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.input[self.rest.clone()],
                out,
                self.at_end,
            );
            self.rest.start += used;
            self.count(&out[..written]);
            match result {
                DecoderResult::Malformed(..) => return Err(malformed(self.line, self.character)),
                DecoderResult::InputEmpty if self.at_end || written > 0 => return Ok(written),
                DecoderResult::InputEmpty => {}
                DecoderResult::OutputFull => return Ok(written),
            }
        }
    }
}
