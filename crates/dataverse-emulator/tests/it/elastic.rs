//! Elastic tables (reference §10 and §4.2).

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule, Limits, Options, Settings};
use serde_json::{Value, json};

use crate::client::{Office, Reply, office, office_with};

const SET: &str = "new_readings";

/// An office with the elastic table `new_reading`, made at run time.
async fn elastic(settings: Settings) -> Office {
    let office = office_with(Options { settings, ..Options::default() }).await;
    define(&office).await.ok();
    office
}

async fn define(office: &Office) -> Reply {
    let text = |name: &str, max: u32| json!({"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": name, "MaxLength": max});
    let mut name = text("new_Name", 100);
    name["IsPrimaryName"] = true.into();
    let mut payload = text("new_Payload", 1_048_576);
    payload["FormatName"] = json!({"Value": "Json"});
    let value = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.IntegerAttributeMetadata", "SchemaName": "new_Value",
        "MinValue": 0, "MaxValue": 1000
    });
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Reading", "TableType": "Elastic",
        "OwnershipType": "UserOwned", "Attributes": [name, payload, value]
    });
    office.post("EntityDefinitions", body).await
}

fn message(name: &str) -> String {
    format!("{SET}/Microsoft.Dynamics.CRM.{name}")
}

fn targets(rows: &[Value]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row["@odata.type"] = "Microsoft.Dynamics.CRM.new_reading".into();
            row
        })
        .collect();
    json!({ "Targets": rows })
}

fn id(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

fn key(number: u32, partition: &str) -> String {
    format!("{SET}(new_readingid={},partitionid='{partition}')", id(number))
}

const DETAILS: &str = "@Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails";

/// Sends a bulk message and asks for details of errors.
async fn bulk(office: &Office, name: &str, rows: &[Value]) -> Reply {
    let prefer = [("Prefer", "odata.include-annotations=\"*\"")];
    office.send("POST", &message(name), &prefer, targets(rows).to_string().as_bytes()).await
}

fn details(reply: &Reply) -> Vec<(u64, u64)> {
    let error = &reply.json()["error"];
    let text = error[DETAILS].as_str().unwrap_or_else(|| panic!("{}", reply.text()));
    let rows: Vec<Value> = serde_json::from_str(text).unwrap();
    rows.iter()
        .map(|row| (row["RequestIndex"].as_u64().unwrap(), row["StatusCode"].as_u64().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_table_made_elastic_has_its_columns_and_its_only_alternate_key() {
    let office = elastic(Settings::default()).await;
    let table = office.get("EntityDefinitions(LogicalName='new_reading')?$select=TableType").await.json();
    assert_eq!(table["TableType"], "Elastic");
    let keys = office.get("EntityDefinitions(LogicalName='new_reading')/Keys").await.rows();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["SchemaName"], "KeyForNoSqlEntityWithPKPartitionId");
    assert_eq!(keys[0]["KeyAttributes"], json!(["new_readingid", "partitionid"]));
    let columns = office.get("EntityDefinitions(LogicalName='new_reading')/Attributes").await.rows();
    for name in ["partitionid", "ttlinseconds", "new_payload"] {
        assert!(columns.iter().any(|column| column["LogicalName"] == name), "{name}");
    }
    let another = json!({"SchemaName": "new_Key", "KeyAttributes": ["new_name"]});
    office
        .post("EntityDefinitions(LogicalName='new_reading')/Keys", another)
        .await
        .refused_with(400, "0x80040203");
}

#[tokio::test]
async fn currency_file_and_customer_columns_are_not_for_elastic_tables() {
    let office = elastic(Settings::default()).await;
    for kind in ["Money", "File"] {
        let column = json!({
            "@odata.type": format!("Microsoft.Dynamics.CRM.{kind}AttributeMetadata"), "SchemaName": "new_Other"
        });
        let reply = office.post("EntityDefinitions(LogicalName='new_reading')/Attributes", column).await;
        reply.refused_with(400, "0x80040203");
    }
}

#[tokio::test]
async fn a_row_without_partition_is_its_own_partition() {
    let office = elastic(Settings::default()).await;
    let id = office.create(SET, json!({"new_name": "alone"})).await;
    let row = office.get(&format!("{SET}({id})")).await.ok().json();
    assert_eq!((&row["partitionid"], &row["new_readingid"]), (&json!(id), &json!(id)));
    office.get(&format!("{SET}(new_readingid={id},partitionid='{id}')")).await.ok();
}

#[tokio::test]
async fn one_id_may_be_there_once_per_partition() {
    let office = elastic(Settings::default()).await;
    for partition in ["device-001", "device-002"] {
        let row = json!({"new_readingid": id(1), "partitionid": partition, "new_name": partition});
        assert_eq!(office.create(SET, row.clone()).await, id(1), "a create tells the id alone");
        office.post(SET, row).await.refused_with(412, "0x80040237");
    }
    for partition in ["device-001", "device-002"] {
        let row = office.get(&key(1, partition)).await.ok().json();
        assert_eq!((&row["new_name"], &row["new_readingid"]), (&json!(partition), &json!(id(1))));
    }
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "2");
    let found = office.get(&format!("{SET}?$filter=new_readingid eq {}", id(1))).await.rows();
    assert_eq!(found.len(), 2, "a filter by id finds all partitions");
}

#[tokio::test]
async fn a_row_of_a_partition_is_not_found_by_its_id_alone() {
    let office = elastic(Settings::default()).await;
    office.create(SET, json!({"new_readingid": id(1), "partitionid": "device-001"})).await;
    office.get(&format!("{SET}({})", id(1))).await.refused_with(404, "0x80040217");
    office.get(&key(1, "device-002")).await.refused_with(404, "0x80060891");
    for quoted in ["device-001", "'device-001'"] {
        office.get(&format!("{SET}({})?partitionId={quoted}", id(1))).await.ok();
    }
}

#[tokio::test]
async fn the_partition_parameter_counts_for_reads_and_deletes_only() {
    let office = elastic(Settings::default()).await;
    for (number, partition) in [(1, "a"), (2, "a"), (3, "b")] {
        office.create(SET, json!({"new_readingid": id(number), "partitionid": partition})).await;
    }
    assert_eq!(office.get(&format!("{SET}?partitionId=a&$select=partitionid")).await.rows().len(), 2);
    let body = json!({"new_name": "x"}).to_string();
    let target = format!("{SET}({})?partitionId=b", id(3));
    let reply = office.send("PATCH", &target, &[("If-Match", "*")], body.as_bytes()).await;
    reply.refused_with(404, "0x80040217");
    assert_eq!(office.delete(&target).await.status, 204);
    office.get(&key(3, "b")).await.refused_with(404, "0x80060891");
}

#[tokio::test]
async fn an_update_needs_if_match_and_keeps_the_partition() {
    let office = elastic(Settings::default()).await;
    let row = json!({"new_readingid": id(1), "partitionid": "a", "new_name": "old", "new_value": 7});
    office.create(SET, row).await;
    let body = json!({"new_name": "new", "partitionid": "b"}).to_string();
    let reply = office.send("PATCH", &key(1, "a"), &[("If-Match", "*")], body.as_bytes()).await.ok();
    let told = reply.header("odata-entityid").replace("%27", "'");
    assert!(told.ends_with("partitionid='a')"), "an update tells the partition too: {told}");
    let row = office.get(&key(1, "a")).await.json();
    assert_eq!(
        (&row["new_name"], &row["new_value"], &row["partitionid"]),
        (&json!("new"), &json!(7), &json!("a"))
    );
}

#[tokio::test]
async fn an_upsert_replaces_the_whole_row() {
    let office = elastic(Settings::default()).await;
    let row = json!({"new_readingid": id(1), "partitionid": "a", "new_name": "old", "new_value": 7});
    office.create(SET, row).await;
    let before = office.get(&key(1, "a")).await.json();
    office.patch(&key(1, "a"), json!({"new_name": "new"})).await.ok();
    let row = office.get(&key(1, "a")).await.json();
    assert_eq!((&row["new_name"], &row["new_value"]), (&json!("new"), &Value::Null));
    assert_eq!(row["createdon"], before["createdon"]);
    // The partition may come in the body of an upsert.
    office.patch(&format!("{SET}({})", id(1)), json!({"partitionid": "b", "new_name": "made"})).await.ok();
    assert_eq!(office.get(&key(1, "b")).await.json()["new_name"], "made");
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "2");
}

#[tokio::test]
async fn a_row_ends_when_its_time_to_live_is_over_counted_from_its_last_change() {
    let limits = Limits { time_scale: 1_000.0, ..Limits::default() };
    let office = office_with(Options { limits, ..Options::default() }).await;
    define(&office).await.ok();
    let short = office.create(SET, json!({"new_name": "short", "ttlinseconds": 60})).await;
    let long = office.create(SET, json!({"new_name": "long", "ttlinseconds": 86_400})).await;
    let forever = office.create(SET, json!({"new_name": "forever"})).await;
    let still_there = |id: String| {
        let office = &office;
        async move { office.get(&format!("{SET}({id})")).await.status == 200 }
    };
    // A thousand emulated seconds pass in one.
    while still_there(short.clone()).await {}
    assert!(still_there(long).await && still_there(forever).await);
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "2");
}

#[tokio::test]
async fn writes_tell_a_session_token_and_deletes_do_not() {
    let office = elastic(Settings::default()).await;
    let reply = office.post(SET, json!({"new_readingid": id(1), "new_name": "x"})).await.ok();
    assert!(reply.header("x-ms-session-token").starts_with("240:8#"), "{:?}", reply.headers);
    let reply =
        bulk(&office, "UpdateMultiple", &[json!({"new_readingid": id(1), "new_name": "y"})]).await.ok();
    assert!(!reply.header("x-ms-session-token").is_empty());
    let reply = office.delete(&format!("{SET}({})", id(1))).await.ok();
    assert_eq!(reply.header("x-ms-session-token"), "");
    let reply = office.post("accounts", json!({"name": "x"})).await.ok();
    assert_eq!(reply.header("x-ms-session-token"), "", "standard tables have none");
}

#[tokio::test]
async fn without_its_token_a_read_may_miss_what_was_just_written() {
    let office = elastic(Settings { elastic_lag_seconds: 3_600, ..Settings::default() }).await;
    let reply = office.post(SET, json!({"new_readingid": id(1), "new_name": "x"})).await.ok();
    let target = format!("{SET}({})", id(1));
    office.get(&target).await.refused_with(404, "0x80040217");
    let token = reply.header("x-ms-session-token").to_owned();
    let session = [("MSCRM.SessionToken", token.as_str())];
    office.send("GET", &target, &session, b"").await.ok();
    assert_eq!(office.send("GET", &format!("{SET}?$select=new_name"), &session, b"").await.rows().len(), 1);
    assert_eq!(office.get(SET).await.rows().len(), 0);
    // Writes never miss it.
    office.post(SET, json!({"new_readingid": id(1)})).await.refused_with(412, "0x80040237");
}

#[tokio::test]
async fn a_bulk_message_writes_the_rows_it_can_and_tells_of_the_others() {
    let office = elastic(Settings::default()).await;
    let rows = [
        json!({"new_name": "good", "partitionid": "a"}),
        json!({"new_name": "bad", "new_value": 5_000}),
        json!({"new_name": "x".repeat(101)}),
        json!({"new_name": "good", "partitionid": "b"}),
    ];
    let reply = bulk(&office, "CreateMultiple", &rows).await;
    assert_eq!(details(&reply), [(1, 400), (2, 400)]);
    reply.refused_with(400, "0x8004432f");
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "2");
    let told = elastic(Settings {
        elastic_details_of_all_rows: true,
        elastic_failure_as_500: true,
        ..Settings::default()
    })
    .await;
    let reply = bulk(&told, "CreateMultiple", &rows).await;
    assert_eq!(details(&reply), [(0, 201), (1, 400), (2, 400), (3, 201)]);
    reply.refused_with(500, "0x80040216");
}

#[tokio::test]
async fn details_of_rows_are_told_only_to_who_asks_for_annotations() {
    let office = elastic(Settings::default()).await;
    let rows = [json!({"new_name": "bad", "new_value": 5_000})];
    let reply = office.post(&message("CreateMultiple"), targets(&rows)).await;
    reply.refused_with(400, "0x8004432f");
    assert!(!reply.text().contains("BulkApiErrorDetails"));
    let prefer = [("Prefer", "odata.include-annotations=\"Microsoft.PowerApps.CDS.ErrorDetails.*\"")];
    let reply =
        office.send("POST", &message("CreateMultiple"), &prefer, targets(&rows).to_string().as_bytes()).await;
    assert_eq!(details(&reply), [(0, 400)]);
}

#[tokio::test]
async fn update_and_delete_multiple_go_on_past_rows_that_are_missing() {
    let office = elastic(Settings::default()).await;
    for number in [1, 2] {
        office.create(SET, json!({"new_readingid": id(number), "partitionid": "a"})).await;
    }
    let named =
        |number: u32, name: &str| json!({"new_readingid": id(number), "partitionid": "a", "new_name": name});
    let reply = bulk(&office, "UpdateMultiple", &[named(1, "x"), named(9, "x"), named(2, "x")]).await;
    assert_eq!(details(&reply), [(1, 404)]);
    assert_eq!(office.get(&key(2, "a")).await.json()["new_name"], "x");
    let plain = |number: u32| json!({"new_readingid": id(number), "partitionid": "a"});
    let reply = bulk(&office, "DeleteMultiple", &[plain(9), plain(1)]).await;
    assert_eq!(details(&reply), [(0, 404)]);
    let reply = bulk(&office, "DeleteMultiple", &[plain(2)]).await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "0");
}

#[tokio::test]
async fn upsert_multiple_makes_and_replaces_and_refuses_a_row_named_twice() {
    let office = elastic(Settings { upsert_multiple_tells: true, ..Settings::default() }).await;
    office.create(SET, json!({"new_readingid": id(1), "partitionid": "a", "new_value": 7})).await;
    let by_key = json!({"@odata.id": key(2, "b"), "new_name": "made"});
    let by_id = json!({"new_readingid": id(1), "partitionid": "a", "new_name": "replaced"});
    let reply = bulk(&office, "UpsertMultiple", &[by_id.clone(), by_key]).await.ok();
    let results = reply.json()["Results"].as_array().unwrap().clone();
    let created: Vec<&Value> = results.iter().map(|result| &result["RecordCreated"]).collect();
    assert_eq!(created, [false, true]);
    let row = office.get(&key(1, "a")).await.json();
    assert_eq!((&row["new_name"], &row["new_value"]), (&json!("replaced"), &Value::Null));
    office.get(&key(2, "b")).await.ok();
    bulk(&office, "UpsertMultiple", &[by_id.clone(), by_id]).await.refused_with(412, "0x80040237");
}

#[tokio::test]
async fn a_change_set_that_fails_keeps_the_elastic_rows_before_the_failure() {
    let office = elastic(Settings::default()).await;
    let part = |number: u32, set: &str, body: Value| {
        format!(
            "--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n\
             POST /api/data/v9.2/{set} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}\r\n"
        )
    };
    let body = format!(
        "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{}{}{}--c--\r\n--b--\r\n",
        part(1, SET, json!({"new_name": "kept"})),
        part(2, "accounts", json!({"name": "taken back"})),
        part(3, SET, json!({"new_value": 5_000})),
    );
    let content_type = [("Content-Type", "multipart/mixed; boundary=b")];
    let reply = office.send("POST", "$batch", &content_type, body.as_bytes()).await;
    assert_eq!(reply.status, 400);
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "1");
    assert_eq!(office.get("accounts/$count").await.text(), "0");
}

#[tokio::test]
async fn every_bulk_message_is_registered_for_elastic_tables() {
    let office = elastic(Settings::default()).await;
    for name in ["CreateMultiple", "UpdateMultiple", "DeleteMultiple"] {
        let target = format!(
            "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq '{name}' and \
             primaryobjecttypecode eq 'new_reading'"
        );
        assert_eq!(office.get(&target).await.rows().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_partition_id_is_at_most_1024_bytes() {
    let office = elastic(Settings::default()).await;
    office.post(SET, json!({"partitionid": "é".repeat(512)})).await.ok();
    office.post(SET, json!({"partitionid": "é".repeat(513)})).await.refused_with(400, "0x80044331");
}

#[tokio::test]
async fn elastic_tables_are_there_from_metadata_files_as_well() {
    let definitions = json!({"value": [{
        "LogicalName": "new_log", "SchemaName": "new_Log", "EntitySetName": "new_logs",
        "PrimaryIdAttribute": "new_logid", "TableType": "Elastic",
        "Attributes": [{"LogicalName": "new_logid", "AttributeType": "Uniqueidentifier", "IsPrimaryId": true}]
    }]});
    let metadata = dataverse_emulator::tables_from(definitions.to_string().as_bytes()).unwrap();
    let made = office_with(Options { metadata, ..Options::default() }).await;
    made.create("new_logs", json!({"partitionid": "p", "new_logid": id(1)})).await;
    made.get(&format!("new_logs(new_logid={},partitionid='p')", id(1))).await.ok();
    let standard = office().await;
    standard.get("new_logs").await.refused_with(404, "0x8006088a");
}

#[tokio::test]
async fn rows_of_a_bulk_message_fail_on_purpose_and_the_others_are_written() {
    let office = elastic(Settings::default()).await;
    let rule = FaultRule { rows: 3, ..FaultRule::new(FaultKind::PartialFailure).times(1) };
    office.emulator.set_faults(FaultPlan::of([rule]));
    let rows: Vec<Value> = (1..=7).map(|n| json!({"new_readingid": id(n), "new_name": "x"})).collect();
    let reply = bulk(&office, "CreateMultiple", &rows).await;
    assert!(!(200..300).contains(&reply.status));
    let failed: Vec<u64> =
        details(&reply).iter().filter(|(_, status)| *status >= 400).map(|(index, _)| *index).collect();
    assert_eq!(failed, [2, 5]);
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "5");
    bulk(&office, "CreateMultiple", &[rows[2].clone(), rows[5].clone()]).await.ok();
    assert_eq!(office.emulator.stats().faults["partial_failure"], 1);
}

#[tokio::test]
async fn partitions_are_kept_where_only_keys_are() {
    let office = elastic(Settings { keep: dataverse_emulator::Keep::Keys, ..Settings::default() }).await;
    let row = json!({"new_readingid": id(1), "partitionid": "a", "new_name": "x"});
    office.post(SET, row).await.ok();
    let found = office.get(&format!("{}?$select=partitionid", key(1, "a"))).await.ok();
    assert_eq!(found.json()["partitionid"], "a");
    office.get(&format!("{}?$select=new_name", key(1, "a"))).await.refused_with(501, "0x80040219");
}

#[tokio::test]
async fn elastic_rows_come_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let office = office_with(options()).await;
    define(&office).await.ok();
    let rows = [
        json!({"new_readingid": id(1), "partitionid": "a", "new_name": "kept"}),
        json!({"new_readingid": id(2), "new_name": "bad", "new_value": 5_000}),
    ];
    let reply = bulk(&office, "CreateMultiple", &rows).await;
    assert_eq!(reply.status, 400, "one row is bad, the other is there");
    office.emulator.shutdown().await.unwrap();
    let office = office_with(options()).await;
    let found = office.get(&format!("{}?$select=new_name", key(1, "a"))).await.ok();
    assert_eq!(found.json()["new_name"], "kept");
    assert_eq!(office.get(&format!("{SET}/$count")).await.text(), "1");
}

#[tokio::test]
async fn cosmos_sql_looks_into_json_columns_page_by_page() {
    let office = elastic(Settings::default()).await;
    for (partition, kind, power) in
        [("a", "Humidity", 12), ("a", "Humidity", 7), ("b", "Humidity", 3), ("b", "Light", 99)]
    {
        let payload = json!({"kind": kind, "energy": {"power": power}}).to_string();
        office.create(SET, json!({"partitionid": partition, "new_name": kind, "new_payload": payload})).await;
    }
    let ask = async |more: &str, values: &str| {
        let text = "select c.props.new_name as name, c.props.new_payload.energy.power as power from c \
                    where c.props.new_payload.kind = @kind and c.props.new_payload.energy.power %3E @least \
                    order by c.props.new_payload.energy.power desc";
        let parameters = json!({"Keys": ["@kind", "@least"], "Values": [
            {"Type": "System.String", "Value": "Humidity"}, {"Type": "System.Int32", "Value": "5"}
        ]});
        let target = format!(
            "ExecuteCosmosSqlQuery(QueryText=@p1,EntityLogicalName=@p2,QueryParameters=@p3{more})?@p1='{text}'&\
             @p2='new_reading'&@p3={}{values}",
            dataverse_wire::literal::percent_encode(&parameters.to_string())
        );
        office.get(&target).await
    };
    let whole = ask("", "").await.ok().json();
    let rows = json!([{"name": "Humidity", "power": 12}, {"name": "Humidity", "power": 7}]);
    assert_eq!((&whole["Result"], &whole["HasMore"]), (&rows, &json!(false)));
    let first = ask(",PageSize=@p4", "&@p4=1").await.ok().json();
    assert_eq!((&first["Result"][0]["power"], &first["HasMore"]), (&json!(12), &json!(true)));
    let cookie = first["PagingCookie"].as_str().unwrap();
    let second = ask(",PageSize=@p4,PagingCookie=@p5", &format!("&@p4=1&@p5='{cookie}'")).await.ok().json();
    assert_eq!((&second["Result"][0]["power"], &second["HasMore"]), (&json!(7), &json!(false)));
    let other = ask(",PartitionId=@p4", "&@p4='b'").await.ok().json();
    assert_eq!(other["Result"], json!([]));
    let standard =
        "ExecuteCosmosSqlQuery(QueryText=@q,EntityLogicalName=@e)?@q='select * from c'&@e='account'";
    office.get(standard).await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn only_outer_joins_are_supported_in_fetchxml() {
    let office = elastic(Settings::default()).await;
    let me = office.get("WhoAmI").await.json()["UserId"].as_str().unwrap().to_owned();
    office.create(SET, json!({"new_name": "x"})).await;
    let ask = async |kind: &str| {
        let fetch = format!(
            "<fetch><entity name='new_reading'><attribute name='new_name'/><link-entity name='systemuser' \
             from='systemuserid' to='ownerid' alias='u' link-type='{kind}'><attribute name='systemuserid'/>\
             </link-entity></entity></fetch>"
        );
        office.get(&format!("{SET}?fetchXml={}", dataverse_wire::literal::percent_encode(&fetch))).await
    };
    let message = ask("inner").await.refused_with(400, "0x80048d0b");
    assert_eq!(message, "Link entities are not supported.");
    assert_eq!(ask("outer").await.ok().rows()[0]["u.systemuserid"], me);
}
