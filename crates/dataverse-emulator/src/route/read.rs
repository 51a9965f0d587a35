//! GET: rows, pages, counts, single properties.

use std::sync::PoisonError;

use uuid::Uuid;

use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::path::Segment;
use super::prepare::{partition_of, version_in};
use crate::answer::{Annotations, write_cell, write_row, write_text};
use crate::query::{
    DeltaToken, FetchScope, QueryOptions, Scope, aggregate, count, count_changes, delta, fetch, page,
    project, refuse_untracked, sql,
};
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Property, Table};
use crate::state::row::{Cell, Form};
use crate::state::{Key, Organisation, row, sort_key};
use crate::write::{pair_rows, resolve};

/// Answers a GET below an entity set.
pub(super) fn read(context: &Context<'_>, request: &Request, path: &[Segment]) -> Result<Answer, Refusal> {
    let service = context.service;
    let organisation = service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let table = path.first().and_then(|first| organisation.schema.by_entity_set(&first.name));
    let behind = table.map(|table| table.id).filter(|table| organisation.lags(*table));
    if let Some(table) = behind
        && request.headers.get("mscrm.sessiontoken").is_none()
    {
        drop(organisation);
        let mut organisation = service.organisation().write().unwrap_or_else(PoisonError::into_inner);
        return organisation
            .with_lag(table, context.caller.now, |seen| read_in(seen, context, request, path));
    }
    read_in(&organisation, context, request, path)
}

fn read_in(
    organisation: &Organisation,
    context: &Context<'_>,
    request: &Request,
    path: &[Segment],
) -> Result<Answer, Refusal> {
    let service = context.service;
    let Some((first, rest)) = path.split_first() else { return Ok(service_document(context, organisation)) };
    let table =
        organisation.schema.by_entity_set(&first.name).ok_or_else(|| refusal::no_segment(&first.name))?;
    let options = QueryOptions::parse(request.query())?;
    for name in ["savedQuery", "userQuery"] {
        if options.others.contains_key(name) {
            return Err(refusal::not_emulated(format_args!("Querying by {name}")));
        }
    }
    let reading = Reading { context, organisation, request, options: &options };
    let partition = partition_of(table, request)?;
    let Some(key) = first.row_key()?.map(|key| table.with_partition(key, partition.as_deref())) else {
        let only = partition.map(|partition| reading.in_partition(table, &partition));
        return match rest {
            [] => reading.many(table, only),
            [segment] if segment.name == "$count" => reading.count(table, only),
            [segment, ..] => Err(refusal::no_segment(&segment.name)),
        };
    };
    let found = resolve(organisation, service.settings(), table, &key, context.caller.now)?
        .ok_or_else(|| refusal::no_row_by_key(&table.name))?;
    let bytes = organisation.row(table.id, found).ok_or_else(|| refusal::no_row(&table.name, found))?;
    match rest {
        [] => reading.one(table, found, bytes),
        [segment, tail @ ..] => reading.below(table, found, bytes, segment, tail),
    }
}

struct Reading<'a> {
    context: &'a Context<'a>,
    organisation: &'a Organisation,
    request: &'a Request,
    options: &'a QueryOptions,
}

impl Reading<'_> {
    fn scope<'s>(&'s self, table: &'s Table, only: Option<Vec<Key>>) -> Scope<'s> {
        Scope {
            organisation: self.organisation,
            settings: self.context.service.settings(),
            table,
            options: self.options,
            only,
            page_rows: self.request.headers.page_rows(),
            annotations: self.request.headers.annotations(),
            tracking: None,
            root: &self.context.root,
            target: &self.request.target,
        }
    }

    fn in_partition(&self, table: &Table, partition: &str) -> Vec<Key> {
        let is_in = |row: &[u8]| table.elastic_key_of_row(row).is_some_and(|key| key.partition == partition);
        let rows = self.organisation.rows(table.id).after(None);
        rows.filter(|(_, row)| is_in(row)).map(|(key, _)| key).collect()
    }

    fn many(&self, table: &Table, only: Option<Vec<Key>>) -> Result<Answer, Refusal> {
        if let Some(xml) = self.options.others.get("fetchXml") {
            return self.fetch(table, only, xml);
        }
        if let Some(statement) = self.options.others.get("sql") {
            return self.sql(table, statement);
        }
        let mut scope = self.scope(table, only);
        let now = self.context.caller.now;
        if let Some(apply) = &self.options.apply {
            return aggregate(&scope, apply).map(Answer::json);
        }
        let mut applied = Vec::new();
        let body = if let Some(token) = self.options.others.get("$deltatoken") {
            delta(&scope, token, now)?
        } else {
            if self.request.headers.preference("odata.track-changes").is_some() {
                refuse_untracked(&scope)?;
                scope.tracking = Some(DeltaToken::now(self.organisation, now));
                applied.push("odata.track-changes".to_owned());
            }
            page(&scope)?
        };
        applied.extend(scope.page_rows.map(|rows| format!("odata.maxpagesize={rows}")));
        let answer = Answer::json(body);
        Ok(if applied.is_empty() { answer } else { answer.with("preference-applied", applied.join(",")) })
    }

    fn fetch(&self, table: &Table, only: Option<Vec<Key>>, xml: &str) -> Result<Answer, Refusal> {
        let options = self.options;
        for (name, value) in
            [("$select", &options.select), ("$filter", &options.filter), ("$expand", &options.expand)]
        {
            if value.is_some() {
                return Err(refusal::bad_query(format_args!("{name} cannot be combined with fetchXml.")));
            }
        }
        let scope = FetchScope {
            organisation: self.organisation,
            settings: self.context.service.settings(),
            caller: self.context.caller,
            table,
            only,
            count: options.count,
            annotations: self.request.headers.annotations(),
            root: &self.context.root,
        };
        let answer = Answer::json(fetch(&scope, xml)?);
        Ok(match self.request.headers.preference("odata.include-annotations") {
            Some(list) => answer.with("preference-applied", format!("odata.include-annotations=\"{list}\"")),
            None => answer,
        })
    }

    fn sql(&self, table: &Table, statement: &str) -> Result<Answer, Refusal> {
        let scope = FetchScope {
            organisation: self.organisation,
            settings: self.context.service.settings(),
            caller: self.context.caller,
            table,
            only: None,
            count: false,
            annotations: Annotations { more_records: true, ..Annotations::default() },
            root: &self.context.root,
        };
        let token = self.options.skip_token.as_deref().unwrap_or_default();
        let page = token
            .split_once("pagenumber=\"")
            .and_then(|(_, rest)| rest.split('"').next()?.parse().ok())
            .unwrap_or(1);
        let query = self.request.query();
        let sent = query.split('&').find(|pair| pair.starts_with("sql=")).unwrap_or_default();
        let next = |page: usize| {
            let token = format!("%3Ccookie%20pagenumber=%22{page}%22%20istracking=%22False%22%20/%3E");
            format!("{}{}?{sent}&$skiptoken={token}", self.context.root, table.entity_set)
        };
        Ok(Answer::json(sql(&scope, statement, page, next)?))
    }

    fn count(&self, table: &Table, only: Option<Vec<Key>>) -> Result<Answer, Refusal> {
        let scope = self.scope(table, only);
        if let Some(token) = self.options.others.get("$deltatoken") {
            return Ok(Answer::text(200, count_changes(&scope, token, self.context.caller.now)?.to_string()));
        }
        let (counted, _) = count(&scope, scope.settings.count_cap)?;
        Ok(Answer::text(200, counted.to_string()))
    }

    fn one(&self, table: &Table, id: Uuid, bytes: &[u8]) -> Result<Answer, Refusal> {
        let headers = &self.request.headers;
        let version = row::version(bytes);
        let is_plain = self.options.expand.is_none() && !headers.annotations().any();
        if let Some(known) = headers.get("if-none-match").and_then(version_in)
            && known == version
            && is_plain
        {
            return Ok(Answer::no_content().with_status(304));
        }
        let settings = self.context.service.settings();
        let projection = project(self.organisation, settings, table, self.options, headers.annotations())?;
        let selected =
            self.options.select.as_deref().map_or_else(String::new, |select| format!("({select})"));
        let metadata = format!("{}$metadata#{}{selected}/$entity", self.context.root, table.entity_set);
        let mut body = Vec::with_capacity(1_000);
        write_row(self.organisation, table, Key::from(id), bytes, &projection, Some(&metadata), &mut body);
        Ok(Answer::json(body).with("etag", format!("W/\"{version}\"")))
    }

    /// A property, a parent, or a collection of a row.
    fn below(
        &self,
        table: &Table,
        id: Uuid,
        bytes: &[u8],
        segment: &Segment,
        tail: &[Segment],
    ) -> Result<Answer, Refusal> {
        let schema = &self.organisation.schema;
        if let Some(Property::Navigation { column, .. }) = table.properties.get(&segment.name) {
            self.context.service.settings().must_keep(table, *column)?;
            let Cell::Lookup(kind, parent) = table.read(Key::from(id), bytes, *column) else {
                return Ok(Answer::no_content());
            };
            let parents = schema.table(kind);
            return match tail {
                [] => {
                    let bytes = self
                        .organisation
                        .row(kind, parent)
                        .ok_or_else(|| refusal::no_row(&parents.name, parent))?;
                    self.one(parents, parent, bytes)
                }
                [reference] if reference.name == "$ref" => {
                    let url = format!("{}{}({parent})", self.context.root, parents.entity_set);
                    Ok(Answer::value(&serde_json::json!({
                        "@odata.context": format!("{}$metadata#$ref", self.context.root), "@odata.id": url
                    })))
                }
                [other, ..] => Err(refusal::no_segment(&other.name)),
            };
        }
        let collection = match table.properties.get(&segment.name) {
            Some(Property::Parties) => schema.named("activityparty").and_then(|parties| {
                let column = *parties.by_name.get("activityid")?;
                Some(Collection::Children { table: parties.id, column })
            }),
            _ => schema.collection(table.id, &segment.name),
        };
        if let Some(collection) = collection {
            if let Collection::Children { table, column } = collection {
                self.context.service.settings().must_keep(schema.table(table), column)?;
            }
            let (target, keys) = self.members(id, collection);
            let target = schema.table(target);
            return match tail {
                [] => self.many(target, Some(keys)),
                [last] if last.name == "$count" => self.count(target, Some(keys)),
                [last] if last.name == "$ref" => Ok(self.references(target, &keys)),
                [other, ..] => Err(refusal::no_segment(&other.name)),
            };
        }
        let column = table.readable(&segment.name).ok_or_else(|| refusal::no_segment(&segment.name))?;
        self.context.service.settings().must_keep(table, column)?;
        let cell = table.read(Key::from(id), bytes, column);
        let is_raw = matches!(tail, [value] if value.name == "$value");
        if cell == Cell::Null {
            return Ok(Answer::no_content());
        }
        let mut value = Vec::new();
        write_cell(&cell, &mut value);
        if is_raw {
            let text = match cell {
                Cell::Text(text) => text.to_owned(),
                _ => String::from_utf8_lossy(&value).trim_matches('"').to_owned(),
            };
            return Ok(Answer::text(200, text));
        }
        let mut body = b"{\"@odata.context\":".to_vec();
        write_text(
            &format!("{}$metadata#{}({id})/{}", self.context.root, table.entity_set, segment.name),
            &mut body,
        );
        body.extend_from_slice(b",\"value\":");
        body.extend_from_slice(&value);
        body.push(b'}');
        Ok(Answer::json(body))
    }

    fn members(&self, id: Uuid, collection: Collection) -> (u16, Vec<Key>) {
        match collection {
            Collection::Pairs { pair, from_first } => {
                let pair = self.organisation.schema.pair(pair);
                let keys =
                    pair_rows(self.organisation, pair, from_first, id).into_iter().map(Key::from).collect();
                (if from_first { pair.second } else { pair.first }, keys)
            }
            Collection::Children { table, column } => {
                let rows = self.organisation.rows(table);
                let keys = match sort_key(Cell::Id(id)).filter(|_| rows.is_sorted_by(column)) {
                    Some(wanted) => rows.in_range(column, &(wanted..=wanted)),
                    None => rows
                        .after(None)
                        .filter(|(_, bytes)| {
                            matches!(row::get(bytes, column, Form::Lookup), Some(Cell::Lookup(_, to)) if to == id)
                        })
                        .map(|(key, _)| key)
                        .collect(),
                };
                (table, keys)
            }
        }
    }

    fn references(&self, target: &Table, keys: &[Key]) -> Answer {
        let root = &self.context.root;
        let references: Vec<_> = keys
            .iter()
            .map(|key| serde_json::json!({ "@odata.id": format!("{root}{}({})", target.entity_set, key.id()) }))
            .collect();
        Answer::value(&serde_json::json!({
            "@odata.context": format!("{root}$metadata#Collection($ref)"), "value": references
        }))
    }
}

/// The list of entity sets.
fn service_document(context: &Context<'_>, organisation: &Organisation) -> Answer {
    let sets: Vec<_> = organisation
        .schema
        .tables()
        .map(|table| serde_json::json!({ "name": table.entity_set, "kind": "EntitySet", "url": table.entity_set }))
        .collect();
    Answer::value(&serde_json::json!({
        "@odata.context": format!("{}$metadata", context.root), "value": sets
    }))
}
