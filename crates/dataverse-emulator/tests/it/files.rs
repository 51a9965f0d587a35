//! Files, images, notes and attachments (reference §8.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dataverse_emulator::{Options, Settings};
use serde_json::{Value, json};

use crate::client::{Office, Reply, office, office_with};

const CHUNK: usize = 4 << 20;
const BINARY: (&str, &str) = ("Content-Type", "application/octet-stream");
/// The smallest thing that starts like a PNG.
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3];

/// An office whose accounts have the file column `new_file`, and an account.
async fn with_column(settings: Settings, column: Value) -> (Office, String) {
    let office = office_with(Options { settings, ..Options::default() }).await;
    office.post("EntityDefinitions(LogicalName='account')/Attributes", column).await.ok();
    let account = office.create("accounts", json!({"name": "x"})).await;
    (office, account)
}

fn file_column() -> Value {
    json!({"@odata.type": "Microsoft.Dynamics.CRM.FileAttributeMetadata", "SchemaName": "new_File", "MaxSizeInKB": 10_240})
}

fn image_column(name: &str) -> Value {
    json!({"@odata.type": "Microsoft.Dynamics.CRM.ImageAttributeMetadata", "SchemaName": name, "MaxSizeInKB": 10,
        "CanStoreFullImage": true, "IsPrimaryImage": name == "new_Photo"})
}

async fn with_file_column() -> (Office, String) {
    with_column(Settings::default(), file_column()).await
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect()
}

async fn upload(office: &Office, place: &str, name: &str, content: &[u8]) -> Reply {
    office.send("PATCH", place, &[BINARY, ("x-ms-file-name", name)], content).await
}

#[tokio::test]
async fn a_file_is_uploaded_in_one_request_and_downloaded_again() {
    let (office, account) = with_file_column().await;
    let place = format!("accounts({account})/new_file");
    let content = bytes(100_000);
    assert_eq!(upload(&office, &place, "report.txt", &content).await.status, 204);
    let row = office.get(&format!("accounts({account})?$select=new_file,new_file_name")).await.json();
    assert_eq!(row["new_file_name"], "report.txt");
    assert_eq!(row["new_file"].as_str().unwrap().len(), 36, "reading gives the file's id");
    let reply = office.get(&format!("{place}/$value")).await;
    assert_eq!((reply.status, reply.body.len()), (200, content.len()));
    assert_eq!(reply.body, content);
    assert_eq!(reply.header("x-ms-file-size"), "100000");
    assert_eq!(reply.header("x-ms-file-name"), "report.txt");
    assert_eq!(reply.header("mimetype"), "text/plain");
    assert_eq!(reply.header("access-control-expose-headers"), "x-ms-file-size; x-ms-file-name; mimetype");
}

#[tokio::test]
async fn a_file_asked_for_without_value_comes_as_base64_in_json() {
    let (office, account) = with_file_column().await;
    let place = format!("accounts({account})/new_file");
    upload(&office, &place, "a \"b\".txt", b"0123456789").await.ok();
    let reply = office.get(&place).await.ok();
    assert_eq!(reply.json()["value"], BASE64.encode(b"0123456789"));
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"a %22b%22.txt\"");
    let part = office.send("GET", &format!("{place}?size=full"), &[("Range", "bytes=2-3")], b"").await;
    assert_eq!((part.status, part.json()["value"].clone()), (206, json!(BASE64.encode(b"23"))));
}

#[tokio::test]
async fn a_file_never_comes_with_its_row() {
    let (office, account) = with_file_column().await;
    let id = "11111111-2222-3333-4444-555555555555";
    office.patch(&format!("accounts({account})"), json!({"new_file": id})).await.ok();
    let row = office.get(&format!("accounts({account})?$select=new_file,new_file_name")).await.json();
    assert_eq!((&row["new_file"], &row["new_file_name"]), (&Value::Null, &Value::Null));
    let strict =
        Settings { unwritable_columns: dataverse_emulator::Strictness::Refuse, ..Settings::default() };
    let (office, _) = with_column(strict, file_column()).await;
    assert_eq!(office.post("accounts", json!({"name": "y", "new_file": id})).await.status, 400);
}

#[tokio::test]
async fn a_part_of_a_file_is_206_and_tells_the_size() {
    let (office, account) = with_file_column().await;
    let place = format!("accounts({account})/new_file");
    upload(&office, &place, "a.pdf", b"0123456789").await.ok();
    let value = format!("{place}/$value");
    let reply = office.send("GET", &value, &[("Range", "bytes=2-5")], b"").await;
    assert_eq!((reply.status, reply.body.as_slice()), (206, &b"2345"[..]));
    assert_eq!((reply.header("x-ms-file-size"), reply.header("x-ms-chunk-size")), ("10", "4194304"));
    assert_eq!(reply.header("mimetype"), "application/pdf");
    let reply = office.send("GET", &value, &[("Range", "bytes=8-4194303")], b"").await;
    assert_eq!((reply.status, reply.body.as_slice()), (206, &b"89"[..]));
    assert_eq!(office.send("GET", &value, &[("Range", "bytes=10-12")], b"").await.status, 416);
}

/// Begins a chunked upload and gives the path of its location.
async fn begin(office: &Office, place: &str, name: &str) -> (Reply, String) {
    let target = format!("{place}?x-ms-file-name={name}");
    let reply = office.send("PATCH", &target, &[("x-ms-transfer-mode", "chunked")], b"").await;
    let location = reply.header("location").to_owned();
    let at = location.find("/api/data").unwrap_or_default();
    (reply, location[at..].to_owned())
}

async fn send_chunk(office: &Office, location: &str, content: &[u8], from: usize, to: usize) -> Reply {
    let range = format!("bytes {from}-{}/{}", to - 1, content.len());
    let headers = [BINARY, ("x-ms-file-name", "25mb.pdf"), ("Content-Range", range.as_str())];
    office.send("PATCH", location, &headers, &content[from..to]).await
}

#[tokio::test]
async fn a_file_is_uploaded_in_chunks_of_which_the_last_is_answered_with_204() {
    let (office, account) = with_file_column().await;
    let place = format!("accounts({account})/new_file");
    let content = bytes(CHUNK * 2 + 1_000);
    let (begun, location) = begin(&office, &place, "gr%C3%B6sse.pdf").await;
    assert_eq!(begun.status, 200);
    assert_eq!((begun.header("x-ms-chunk-size"), begun.header("accept-ranges")), ("4194304", "bytes"));
    assert!(location.contains("/new_file?sessiontoken="), "{location}");
    for (from, to, status) in [(0, CHUNK, 206), (CHUNK, CHUNK * 2, 206), (CHUNK * 2, content.len(), 204)] {
        assert_eq!(send_chunk(&office, &location, &content, from, to).await.status, status);
        let is_there = office.get(&format!("{place}/$value")).await.status == 200;
        assert_eq!(is_there, status == 204, "nothing is there before all of it is");
    }
    assert_eq!(office.get(&format!("{place}/$value")).await.body, content);
    let row = office.get(&format!("accounts({account})?$select=new_file_name")).await.json();
    assert_eq!(row["new_file_name"], "grösse.pdf", "the parameter takes any letter");
    let again = send_chunk(&office, &location, &content, 0, CHUNK).await;
    again.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn chunks_may_come_in_any_order_and_twice_but_must_be_what_they_say() {
    let (office, account) = with_file_column().await;
    let place = format!("accounts({account})/new_file");
    let content = bytes(3_000);
    let (_, location) = begin(&office, &place, "x.bin").await;
    for (from, to, status) in [(2_000, 3_000, 206), (0, 1_000, 206), (0, 1_000, 206), (1_000, 2_000, 204)] {
        assert_eq!(send_chunk(&office, &location, &content, from, to).await.status, status);
    }
    assert_eq!(office.get(&format!("{place}/$value")).await.body, content);
    let (_, location) = begin(&office, &place, "x.bin").await;
    let short = [BINARY, ("Content-Range", "bytes 0-9/10")];
    office.send("PATCH", &location, &short, b"123").await.refused_with(400, "0x80040203");
    office.send("PATCH", &location, &[BINARY], b"123").await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn a_file_that_is_too_large_for_its_column_is_refused_however_it_comes() {
    let (office, account) = with_file_column().await;
    let place = format!("accounts({account})/new_file");
    let content = bytes(10_241 << 10);
    let message = upload(&office, &place, "x", &content).await.refused_with(400, "0x80044a02");
    assert_eq!(message, "Attachment file size is too big.");
    let (_, location) = begin(&office, &place, "x").await;
    let reply = send_chunk(&office, &location, &content, 0, CHUNK).await;
    reply.refused_with(400, "0x80044a02");
}

#[tokio::test]
async fn a_file_goes_with_a_delete_of_its_column_or_its_row_and_by_its_id() {
    let (office, account) = with_file_column().await;
    let place = format!("accounts({account})/new_file");
    for deletes_by_id in [false, true] {
        upload(&office, &place, "x.txt", b"hello").await.ok();
        let row = office.get(&format!("accounts({account})?$select=new_file")).await.json();
        if deletes_by_id {
            office.post("DeleteFile", json!({"FileId": row["new_file"]})).await.ok();
        } else {
            assert_eq!(office.delete(&place).await.status, 204);
        }
        let row = office.get(&format!("accounts({account})?$select=new_file,new_file_name")).await.json();
        assert_eq!((&row["new_file"], &row["new_file_name"]), (&Value::Null, &Value::Null));
        office.get(&format!("{place}/$value")).await.refused_with(404, "0x80040217");
    }
    upload(&office, &place, "x.txt", b"hello").await.ok();
    upload(&office, &place, "y.txt", b"hello again").await.ok();
    let files = format!(
        "accounts({account})?$select=accountid&$expand=account_FileAttachments($select=filename,mimetype,filesizeinbytes,regardingfieldname)"
    );
    let files = office.get(&files).await.ok().json()["account_FileAttachments"].clone();
    assert_eq!(files.as_array().unwrap().len(), 1, "a new file replaces the old one");
    assert_eq!((&files[0]["filename"], &files[0]["filesizeinbytes"]), (&json!("y.txt"), &json!(11)));
    assert_eq!(files[0]["regardingfieldname"], "new_file");
    office.delete(&format!("accounts({account})")).await.ok();
    assert!(office.get("fileattachments?$select=filename").await.rows().is_empty());
}

fn target(account: &str) -> Value {
    json!({"accountid": account, "@odata.type": "Microsoft.Dynamics.CRM.account"})
}

fn block(token: &str, number: u8, data: &[u8]) -> Value {
    json!({"BlockId": BASE64.encode([b'b', number]), "BlockData": BASE64.encode(data), "FileContinuationToken": token})
}

#[tokio::test]
async fn a_file_is_uploaded_in_blocks_in_the_order_of_the_list() {
    let (office, account) = with_file_column().await;
    let begin = json!({"Target": target(&account), "FileName": "b.bin", "FileAttributeName": "new_file"});
    let started = office.post("InitializeFileBlocksUpload", begin).await.ok().json();
    let token = started["FileContinuationToken"].as_str().unwrap().to_owned();
    for (number, data) in [(2_u8, "world"), (1, "hello "), (3, "unused")] {
        assert_eq!(office.post("UploadBlock", block(&token, number, data.as_bytes())).await.status, 204);
    }
    let list = |numbers: &[u8]| numbers.iter().map(|n| BASE64.encode([b'b', *n])).collect::<Vec<_>>();
    let commit = |numbers: &[u8]| json!({"BlockList": list(numbers), "FileName": "b.bin", "MimeType": "text/x-greeting", "FileContinuationToken": token});
    office.post("CommitFileBlocksUpload", commit(&[1, 9])).await.refused_with(400, "0x80040203");
    let committed = office.post("CommitFileBlocksUpload", commit(&[1, 2])).await.ok().json();
    assert_eq!(committed["FileSizeInBytes"], 11);
    let row = office.get(&format!("accounts({account})?$select=new_file")).await.json();
    assert_eq!(row["new_file"], committed["FileId"]);
    let reply = office.get(&format!("accounts({account})/new_file/$value")).await;
    assert_eq!((reply.text().as_str(), reply.header("mimetype")), ("hello world", "text/x-greeting"));
    office.post("CommitFileBlocksUpload", commit(&[1, 2])).await.refused_with(400, "0x80040203");

    let open = json!({"Target": target(&account), "FileAttributeName": "new_file"});
    let opened = office.post("InitializeFileBlocksDownload", open).await.ok().json();
    assert_eq!((&opened["FileSizeInBytes"], &opened["FileName"]), (&json!(11), &json!("b.bin")));
    assert_eq!(opened["IsChunkingSupported"], true);
    let part =
        json!({"Offset": 6, "BlockLength": 100, "FileContinuationToken": opened["FileContinuationToken"]});
    let part = office.post("DownloadBlock", part).await.ok().json();
    assert_eq!(BASE64.decode(part["Data"].as_str().unwrap()).unwrap(), b"world");
}

#[tokio::test]
async fn blocks_have_ids_of_one_length_and_at_most_four_megabytes() {
    let (office, account) = with_file_column().await;
    let begin = json!({"Target": target(&account), "FileName": "b.bin", "FileAttributeName": "new_file"});
    let started = office.post("InitializeFileBlocksUpload", begin).await.ok().json();
    let token = started["FileContinuationToken"].as_str().unwrap();
    office.post("UploadBlock", block(token, 1, b"x")).await.ok();
    let mut other = block(token, 2, b"x");
    other["BlockId"] = BASE64.encode("longer id").into();
    office.post("UploadBlock", other).await.refused_with(400, "0x80040203");
    let mut long = block(token, 2, b"x");
    long["BlockId"] = BASE64.encode([b'x'; 65]).into();
    office.post("UploadBlock", long).await.refused_with(400, "0x80040203");
    office.post("UploadBlock", block(token, 2, &bytes(CHUNK + 1))).await.refused_with(400, "0x80040203");
    office.post("UploadBlock", block("unknown", 2, b"x")).await.refused_with(400, "0x80040203");
    let wrong = json!({"Target": target(&account), "FileName": "b", "FileAttributeName": "name"});
    office.post("InitializeFileBlocksUpload", wrong).await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn files_in_the_database_come_in_one_piece_only() {
    let settings = Settings { files_in_database: true, ..Settings::default() };
    let (office, account) = with_column(settings, file_column()).await;
    let place = format!("accounts({account})/new_file");
    upload(&office, &place, "x", b"0123456789").await.ok();
    let open = json!({"Target": target(&account), "FileAttributeName": "new_file"});
    let opened = office.post("InitializeFileBlocksDownload", open).await.ok().json();
    assert_eq!(opened["IsChunkingSupported"], false);
    let part = |length: u32| json!({"Offset": 0, "BlockLength": length, "FileContinuationToken": opened["FileContinuationToken"]});
    office.post("DownloadBlock", part(4)).await.refused_with(400, "0x80090017");
    office.post("DownloadBlock", part(10)).await.ok();
    office.get(&format!("{place}/$value")).await.ok();
    let range = [("Range", "bytes=0-3")];
    office.send("GET", &format!("{place}/$value"), &range, b"").await.refused_with(400, "0x80090017");
}

#[tokio::test]
async fn an_image_comes_with_its_row_as_base64_and_has_companions() {
    let (office, account) = with_column(Settings::default(), image_column("new_Photo")).await;
    let place = format!("accounts({account})");
    office.patch(&place, json!({"new_photo": BASE64.encode(PNG)})).await.ok();
    let select = format!("{place}?$select=new_photo,new_photoid,new_photo_timestamp,new_photo_url");
    let row = office.get(&select).await.ok().json();
    assert_eq!(row["new_photo"], BASE64.encode(PNG));
    let url = row["new_photo_url"].as_str().unwrap();
    assert!(url.starts_with("/Image/download.aspx?Entity=account&Attribute=new_photo&Id="), "{url}");
    assert!(url.ends_with(&format!("&Timestamp={}", row["new_photo_timestamp"])), "{url}");
    assert!(office.get(&place).await.json().get("new_photo").is_none(), "only who asks gets images");
    let reply = office.get(&format!("{place}/new_photo/$value?size=full")).await;
    assert_eq!((reply.body.as_slice(), reply.header("mimetype")), (PNG, "image/png"));
    office.put(&format!("{place}/new_photo"), json!({"value": null})).await.ok();
    assert_eq!(office.get(&select).await.json()["new_photo_url"], Value::Null);
    assert_eq!(office.get(&format!("{place}/new_photo/$value")).await.status, 204);
    upload(&office, &format!("{place}/new_photo"), "p.png", PNG).await.ok();
    assert_eq!(office.get(&select).await.json()["new_photo"], BASE64.encode(PNG));
    assert_eq!(office.delete(&format!("{place}/new_photo")).await.status, 204);
    assert_eq!(office.get(&select).await.json()["new_photo"], Value::Null);
}

#[tokio::test]
async fn what_is_no_image_or_too_large_a_one_is_refused() {
    let (office, account) = with_column(Settings::default(), image_column("new_Photo")).await;
    let place = format!("accounts({account})/new_photo");
    let message = upload(&office, &place, "x.png", b"no image").await.refused_with(400, "0x80072553");
    assert!(message.contains(&format!("failed for objectid: {account}, logicalName: account")), "{message}");
    let mut large = PNG.to_vec();
    large.resize(11 << 10, 0);
    let message = upload(&office, &place, "x.png", &large).await.refused_with(400, "0x80072553");
    assert!(message.contains("File size is too big."), "{message}");
    office
        .patch(&format!("accounts({account})"), json!({"new_photo": "!"}))
        .await
        .refused_with(400, "0x80072553");
}

#[tokio::test]
async fn only_the_primary_image_comes_with_a_new_row() {
    let (office, _) = with_column(Settings::default(), image_column("new_Photo")).await;
    let attributes = "EntityDefinitions(LogicalName='account')/Attributes";
    office.post(attributes, image_column("new_Other")).await.ok();
    let image = BASE64.encode(PNG);
    office.create("accounts", json!({"name": "a", "new_photo": image, "entityimage": image})).await;
    let reply = office.post("accounts", json!({"name": "b", "new_other": image})).await;
    let message = reply.refused_with(400, "0x80090487");
    assert!(message.starts_with("Non-primary image attribute new_other of entity account"), "{message}");
}

#[tokio::test]
async fn an_image_without_full_size_is_204_or_missing_in_full() {
    let mut column = image_column("new_Photo");
    column["CanStoreFullImage"] = false.into();
    let (office, account) = with_column(Settings::default(), column).await;
    let place = format!("accounts({account})/new_photo");
    upload(&office, &place, "x.png", PNG).await.ok();
    office.get(&format!("{place}/$value")).await.ok();
    assert_eq!(office.get(&format!("{place}/$value?size=full")).await.status, 204);
    let open = json!({"Target": target(&account), "FileAttributeName": "new_photo"});
    let message = office.post("InitializeFileBlocksDownload", open).await.refused_with(404, "0x80040217");
    assert!(message.starts_with("No FileAttachment records found"), "{message}");
}

#[tokio::test]
async fn notes_carry_base64_up_to_the_limit_of_the_organisation_which_counts_the_text() {
    let office = office().await;
    let note = |length: usize| json!({"subject": "n", "filename": "x.bin", "documentbody": BASE64.encode(bytes(length))});
    let id = office.create("annotations", note(1_000)).await;
    let row = office.get(&format!("annotations({id})?$select=filesize,isdocument")).await.json();
    assert_eq!((&row["filesize"], &row["isdocument"]), (&json!(1_000), &json!(true)));
    let text = office.get(&format!("annotations({id})/documentbody/$value")).await.text();
    assert_eq!(BASE64.decode(text).unwrap(), bytes(1_000));
    let most = 5_242_880 / 4 * 3;
    office.create("annotations", note(most)).await;
    let message = office.post("annotations", note(most + 1)).await.refused_with(400, "0x80044a02");
    assert_eq!(message, "Attachment file size is too big.");
}

#[tokio::test]
async fn a_note_is_made_or_changed_in_blocks_and_an_attachment_only_made() {
    let office = office().await;
    let email = office.create("emails", json!({"subject": "m"})).await;
    let note = "11111111-2222-3333-4444-555555555555";
    let cases = [
        (
            "Annotation",
            "annotations",
            json!({"annotationid": note, "subject": "s", "filename": "n.txt", "mimetype": "text/plain",
            "@odata.type": "Microsoft.Dynamics.CRM.annotation"}),
            "AnnotationId",
        ),
        (
            "Attachment",
            "activitymimeattachments",
            json!({"objectid_activitypointer@odata.bind": format!("/activitypointers({email})"),
            "objecttypecode": "email", "filename": "a.txt", "mimetype": "text/plain",
            "@odata.type": "Microsoft.Dynamics.CRM.activitymimeattachment"}),
            "ActivityMimeAttachmentId",
        ),
    ];
    for (name, set, mut row, id_name) in cases {
        if set == "activitymimeattachments" {
            row.as_object_mut().unwrap().retain(|key, _| !key.contains("@odata.bind"));
        }
        let begun =
            office.post(&format!("Initialize{name}BlocksUpload"), json!({"Target": row})).await.ok().json();
        let token = begun["FileContinuationToken"].as_str().unwrap();
        office.post("UploadBlock", block(token, 1, b"hello ")).await.ok();
        office.post("UploadBlock", block(token, 2, b"note")).await.ok();
        let list = [BASE64.encode([b'b', 1]), BASE64.encode([b'b', 2])];
        let commit = json!({"Target": row, "BlockList": list, "FileContinuationToken": token});
        let committed = office.post(&format!("Commit{name}BlocksUpload"), commit).await.ok().json();
        assert_eq!(committed["FileSizeInBytes"], 10);
        let id = committed[id_name].as_str().unwrap();
        let stored = office.get(&format!("{set}({id})?$select=filename,filesize")).await.ok().json();
        assert_eq!(stored["filesize"], 10);
        let mut target = json!({"@odata.type": row["@odata.type"]});
        target[if name == "Annotation" { "annotationid" } else { "activitymimeattachmentid" }] = id.into();
        let open = office
            .post(&format!("Initialize{name}BlocksDownload"), json!({"Target": target}))
            .await
            .ok()
            .json();
        assert_eq!((&open["FileSizeInBytes"], &open["FileName"]), (&json!(10), &stored["filename"]));
        let part = json!({"Offset": 0, "BlockLength": 4_194_304, "FileContinuationToken": open["FileContinuationToken"]});
        let part = office.post("DownloadBlock", part).await.ok().json();
        assert_eq!(BASE64.decode(part["Data"].as_str().unwrap()).unwrap(), b"hello note");
    }
    let without_id = json!({"Target": {"subject": "s", "@odata.type": "Microsoft.Dynamics.CRM.annotation"}});
    office.post("InitializeAnnotationBlocksUpload", without_id).await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn files_and_their_columns_come_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let office = office_with(options()).await;
    office.post("EntityDefinitions(LogicalName='account')/Attributes", file_column()).await.ok();
    let account = office.create("accounts", json!({"name": "x"})).await;
    let place = format!("accounts({account})/new_file");
    upload(&office, &place, "x.bin", &bytes(100_000)).await.ok();
    office.emulator.shutdown().await.unwrap();
    let office = office_with(options()).await;
    assert_eq!(office.get(&format!("{place}/$value")).await.body, bytes(100_000));
    assert_eq!(office.emulator.stats().by_kind["download"], 1);
}

#[tokio::test]
async fn a_column_that_is_deleted_takes_its_companions_along() {
    let (office, account) = with_file_column().await;
    let attributes = "EntityDefinitions(LogicalName='account')/Attributes";
    office.delete(&format!("{attributes}(LogicalName='new_file')")).await.ok();
    for gone in ["new_file", "new_file_name"] {
        let reply = office.get(&format!("accounts({account})?$select={gone}")).await;
        assert_eq!(reply.status, 400, "{gone}");
    }
    office.post(attributes, file_column()).await.ok();
    let place = format!("accounts({account})/new_file");
    upload(&office, &place, "again.txt", b"again").await.ok();
    assert_eq!(office.get(&format!("{place}/$value")).await.text(), "again");
}
