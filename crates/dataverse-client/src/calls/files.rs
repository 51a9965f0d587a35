//! Files and images of rows, in parts: neither side holds a whole file (reference §8.2).

use bytes::{Bytes, BytesMut};
use dataverse_wire::literal::{RowKey, percent_encode};
use futures::Stream;
use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::send::{Answer, Repeat, Request};
use crate::{Client, Deleted, Error, WriteOptions};

/// What the service recommends where it names no size.
const CHUNK_BYTES: usize = 4 << 20;
/// No part is longer, whatever the service recommends.
const MOST_CHUNK_BYTES: usize = 64 << 20;
/// `UploadingAndDownloadingInMultipleChunksNotSupported`: the file lies in the database.
const NO_CHUNKS: u32 = 0x8009_0017;
const BINARY: &str = "application/octet-stream";

/// A file or image column of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct FileColumn<'a> {
    entity_set: &'a str,
    key: &'a RowKey,
    column: &'a str,
    in_full: bool,
}

impl<'a> FileColumn<'a> {
    /// The column `column` (logical name) of a row.
    pub fn new(entity_set: &'a str, key: &'a RowKey, column: &'a str) -> Self {
        Self { entity_set, key, column, in_full: false }
    }

    /// An image as large as it was uploaded, where its column keeps that; without, its thumbnail is downloaded.
    #[must_use]
    pub fn in_full(mut self) -> Self {
        self.in_full = true;
        self
    }

    fn path(&self) -> String {
        format!("{}{}/{}", self.entity_set, self.key, self.column)
    }

    /// For people: `accounts/new_contract`.
    fn target(&self) -> String {
        format!("{}/{}", self.entity_set, self.column)
    }

    fn patch(&self, operation: &'static str, path: impl Into<String>, options: &WriteOptions) -> Request {
        let mut request =
            Request::write(operation, Method::PATCH, self.target(), path, options).row(self.key);
        BINARY.clone_into(&mut request.content_type);
        request.repeat(Repeat::Safe)
    }
}

/// A file on its way here. Each part is asked for by itself, and again when it gets lost.
#[derive(Debug)]
pub struct Download {
    client: Client,
    path: String,
    target: String,
    key: RowKey,
    name: Option<String>,
    mime_type: Option<String>,
    size: u64,
    position: u64,
    chunk: usize,
    /// Arrived and not yet handed out.
    ready: Option<Bytes>,
}

impl Client {
    /// Uploads a file of less than 128 MB in one request, in place of the one that was there. A longer one, or one that
    /// is not in memory, takes [`Self::upload_file_from`].
    ///
    /// # Errors
    /// As every write; never in doubt, since a repetition ends the same. [`Error::Refused`] if it is too large for its
    /// column, or no image.
    pub async fn upload_file(
        &self,
        place: &FileColumn<'_>,
        name: &str,
        content: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let content = content.into();
        let Some(header) = header_form(name) else {
            // A header is ASCII; the parameter that takes any letter belongs to uploads in parts.
            let length = content.len() as u64;
            return self.upload_file_from(place, name, length, content.as_ref(), options).await;
        };
        let request =
            place.patch("upload", place.path(), options).header("x-ms-file-name", header).body(content);
        self.send(request).await.map(drop)
    }

    /// Uploads a file in parts while it is read, in place of the one that was there. `length` is its length in bytes.
    /// The old file stays until the last part has arrived.
    ///
    /// # Errors
    /// [`Error::Input`] if `content` cannot be read or is not as long as `length`; [`Error::InDoubt`] if the answer to
    /// the last part is lost: uploading it again is safe. Otherwise as [`Self::upload_file`].
    pub async fn upload_file_from(
        &self,
        place: &FileColumn<'_>,
        name: &str,
        length: u64,
        content: impl AsyncRead + Send,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let mut content = std::pin::pin!(content);
        let unread = |reason: String| Error::Input { operation: "upload", reason };
        let path = format!("{}?x-ms-file-name={}", place.path(), percent_encode(name));
        let begin =
            place.patch("upload", path, options).header("x-ms-transfer-mode", "chunked").body(Bytes::new());
        let session = self.send(begin).await?;
        let chunk = chunk_size(&session);
        let location = match session.header("location").map(str::to_owned) {
            Some(location) if self.is_own(&location) => location,
            _ => return Err(session.unreadable("it tells no place of this service to upload to")),
        };
        if length == 0 {
            // No range describes nothing.
            let header = header_form(name).unwrap_or_else(|| percent_encode(name));
            let request = place.patch("upload", place.path(), options).header("x-ms-file-name", header);
            return self.send(request.body(Bytes::new())).await.map(drop);
        }
        let mut position = 0_u64;
        while position < length {
            let left = usize::try_from(length - position).unwrap_or(usize::MAX);
            let mut part = BytesMut::with_capacity(chunk.min(left));
            while part.len() < chunk.min(left) {
                let room = chunk.min(left) - part.len();
                let read = (&mut content)
                    .take(room as u64)
                    .read_buf(&mut part)
                    .await
                    .map_err(|error| unread(format!("{name} cannot be read: {error}")))?;
                if read == 0 {
                    let reached = position + part.len() as u64;
                    return Err(unread(format!("{name} ends after {reached} of {length} bytes")));
                }
            }
            let end = position + part.len() as u64;
            let is_last = end == length;
            if is_last && content.read(&mut [0]).await.is_ok_and(|read| read > 0) {
                return Err(unread(format!("{name} is longer than {length} bytes")));
            }
            let mut request = place
                .patch("upload", location.as_str(), options)
                .header("Content-Range", format!("bytes {position}-{}/{length}", end - 1))
                .body(part.freeze())
                // The session ends with the last part: a repetition would not find it.
                .repeat(if is_last { Repeat::AskFirst } else { Repeat::Safe });
            if let Some(header) = header_form(name) {
                request = request.header("x-ms-file-name", header);
            }
            self.send(request).await?;
            position = end;
        }
        Ok(())
    }

    /// Begins to download a file; none if the column is empty or the row is not there.
    ///
    /// # Errors
    /// As every read.
    pub async fn download_file(&self, place: &FileColumn<'_>) -> Result<Option<Download>, Error> {
        let size = if place.in_full { "?size=full" } else { "" };
        let mut download = Download {
            client: self.clone(),
            path: format!("{}/$value{size}", place.path()),
            target: place.target(),
            key: place.key.clone(),
            name: None,
            mime_type: None,
            size: 0,
            position: 0,
            chunk: CHUNK_BYTES,
            ready: None,
        };
        let answer = match download.ask(true).await {
            Err(error) if error.is_not_found() => return Ok(None),
            // Some files come in one piece only, and of an empty file there is no part.
            Err(error) if comes_whole(&error) => download.ask(false).await?,
            answer => answer?,
        };
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        download.chunk = chunk_size(&answer);
        download.name = answer.header("x-ms-file-name").map(plain_name);
        download.mime_type = answer.header("mimetype").map(str::to_owned);
        download.size = file_size(&answer).unwrap_or(answer.body.len() as u64);
        download.ready = Some(answer.body);
        Ok(Some(download))
    }

    /// Empties a file or image column. One that is empty is no error.
    ///
    /// # Errors
    /// As every write; never in doubt.
    pub async fn delete_file(
        &self,
        place: &FileColumn<'_>,
        options: &WriteOptions,
    ) -> Result<Deleted, Error> {
        let request = Request::write("delete file", Method::DELETE, place.target(), place.path(), options)
            .row(place.key)
            .repeat(Repeat::Safe);
        match self.send(request).await {
            Ok(_) => Ok(Deleted::Removed),
            Err(error) if error.is_not_found() => Ok(Deleted::WasGone),
            Err(error) => Err(error),
        }
    }
}

impl Download {
    /// The file's name, if the service tells it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The kind of content, if the service tells it.
    pub fn mime_type(&self) -> Option<&str> {
        self.mime_type.as_deref()
    }

    /// The file's length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next part; none at the end. After an error the same part can be asked for again.
    ///
    /// # Errors
    /// As every read; [`Error::Unreadable`] if the file was replaced meanwhile by one of another length.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let part = match self.ready.take() {
            Some(part) => part,
            None if self.position >= self.size => return Ok(None),
            None => {
                let answer = self.ask(true).await?;
                match file_size(&answer) {
                    Some(size) if size != self.size => {
                        let reason = format!("the file has {size} bytes now, and had {} at first", self.size);
                        return Err(answer.unreadable(reason));
                    }
                    _ if answer.body.is_empty() => {
                        return Err(answer.unreadable("it has no part of the file"));
                    }
                    _ => answer.body,
                }
            }
        };
        self.position += part.len() as u64;
        Ok(Some(part).filter(|part| !part.is_empty()))
    }

    /// The parts as a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        futures::stream::try_unfold(self, |mut download| async move {
            Ok(download.next_chunk().await?.map(|part| (part, download)))
        })
    }

    /// Writes the whole file, and says how many bytes that were.
    ///
    /// # Errors
    /// As [`Self::next_chunk`]; [`Error::Input`] if `sink` takes no more.
    pub async fn write_to(mut self, sink: impl AsyncWrite + Send) -> Result<u64, Error> {
        let mut sink = std::pin::pin!(sink);
        let refused = |error: std::io::Error| Error::Input {
            operation: "download",
            reason: format!("what was downloaded cannot be written: {error}"),
        };
        while let Some(part) = self.next_chunk().await? {
            sink.write_all(&part).await.map_err(refused)?;
        }
        sink.flush().await.map_err(refused)?;
        Ok(self.position)
    }

    async fn ask(&self, in_parts: bool) -> Result<Answer, Error> {
        let mut request = Request::get("download", self.target.as_str(), self.path.as_str()).row(&self.key);
        if in_parts {
            let last = self.position + self.chunk as u64 - 1;
            request = request.header("Range", format!("bytes={}-{last}", self.position));
        }
        self.client.send(request).await
    }
}

fn chunk_size(answer: &Answer) -> usize {
    let told = answer.header("x-ms-chunk-size").and_then(|size| size.trim().parse().ok());
    told.filter(|size| *size > 0).map_or(CHUNK_BYTES, |size: usize| size.min(MOST_CHUNK_BYTES))
}

fn file_size(answer: &Answer) -> Option<u64> {
    answer.header("x-ms-file-size")?.trim().parse().ok()
}

fn comes_whole(error: &Error) -> bool {
    error.fault().is_some_and(|fault| fault.status == 416 || fault.code.0 == NO_CHUNKS)
}

/// A name that a header can hold.
fn header_form(name: &str) -> Option<String> {
    name.chars().all(|c| c == ' ' || c.is_ascii_graphic()).then(|| name.to_owned())
}

/// Names beyond ASCII come percent-encoded.
fn plain_name(header: &str) -> String {
    dataverse_wire::literal::percent_decode(header).unwrap_or_else(|| header.to_owned())
}
