//! Change tracking: what was written or deleted since a delta link (reference §13.4).

use super::cookie::{encode_all, query_link};
use super::page::{Scope, project};
use crate::answer::{write_row, write_text};
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::settings::Settings;
use crate::state::{Key, Organisation, row};
use crate::write::{format_instant, parse_instant};

/// A point in the history of an organisation, as delta links name it: `919042!08/22/2017 08:10:44`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeltaToken {
    version: u64,
    /// Seconds since 1970.
    at: i64,
}

impl DeltaToken {
    pub(crate) fn now(organisation: &Organisation, now: i64) -> Self {
        Self { version: organisation.counters().0, at: now }
    }

    pub(super) fn write(self) -> String {
        let mut text = Vec::new();
        format_instant(self.at, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        format!("{}!{}/{}/{} {}", self.version, part(5..7), part(8..10), part(0..4), part(11..19))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (version, date) = text.split_once('!')?;
        let (date, time) = date.split_once(' ')?;
        let [month, day, year] = date.split('/').collect::<Vec<_>>().try_into().ok()?;
        let at = parse_instant(&format!("{year}-{month}-{day}T{time}Z"))?.seconds;
        Some(Self { version: version.parse().ok()?, at })
    }

    /// Reads a token that a client brings back, unless too much has happened since.
    fn accept(text: &str, scope: &Scope<'_>, now: i64) -> Result<Self, Refusal> {
        let token = Self::parse(text).ok_or_else(|| {
            refusal::bad_query(format_args!("The delta token '{text}' is not one that this service gave."))
        })?;
        let days = i64::try_from(scope.settings.change_tracking_days).unwrap_or(i64::MAX / 86_400);
        let is_old = now.saturating_sub(token.at) > days * 86_400;
        let organisation = scope.organisation;
        let is_known =
            organisation.deleted.reaches_back_to(token.version) && token.version <= organisation.counters().0;
        if is_old || !is_known {
            let text = "Version stamp associated with the client has expired. Please perform a full sync.";
            return Err(refusal::refusal(400, 0x8004_4352, text));
        }
        Ok(token)
    }
}

/// Refuses what cannot be tracked: tables without change tracking, and options that no tracked query has.
pub(crate) fn refuse_untracked(scope: &Scope<'_>) -> Result<(), Refusal> {
    let options = scope.options;
    for (name, is_there) in [
        ("filter", options.filter.is_some()),
        ("orderby", options.order_by.is_some()),
        ("expand", options.expand.is_some()),
        ("top", options.top.is_some()),
    ] {
        if is_there {
            return Err(refusal::bad_query(format_args!(
                "The \"${name}\" query parameter isn't supported when Change Tracking is enabled."
            )));
        }
    }
    if scope.table.definition.change_tracking {
        return Ok(());
    }
    let text = format!("Entity: {} isn't enabled for change tracking.", scope.table.name);
    Err(refusal::refusal(400, 0x8004_0203, text))
}

/// What is told of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// New or changed; by version.
    Written(u64, Key),
    Deleted(u64, uuid::Uuid),
}

/// Where a page of changes ended: rows come first, by version, then deletions (documented).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    page: usize,
    is_deleted: bool,
    version: u64,
    /// The history as of the first page: what happens meanwhile is told by the next delta link.
    until: DeltaToken,
}

impl Place {
    fn write(self) -> String {
        let kind = if self.is_deleted { "deleted" } else { "changed" };
        let inner =
            format!("<cookie page=\"{}\"><{kind} last=\"{}\" /></cookie>", self.page - 1, self.version);
        format!(
            "<cookie pagenumber=\"{}\" pagingcookie=\"{}\" istracking=\"True\" until=\"{}\" />",
            self.page,
            encode_all(&encode_all(&inner)),
            self.until.write()
        )
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let attribute = |name: &str| {
                let (_, rest) = text.split_once(&format!("{name}=\""))?;
                rest.split_once('"').map(|(value, _)| value)
            };
            let page = attribute("pagenumber")?.parse().ok()?;
            let until = DeltaToken::parse(attribute("until")?)?;
            let mut inner = attribute("pagingcookie")?.to_owned();
            for _ in 0..2 {
                inner = dataverse_wire::literal::percent_decode(&inner)?;
            }
            let (_, last) = inner.split_once("last=\"")?;
            let version = last.split_once('"')?.0.parse().ok()?;
            Some(Self { page, is_deleted: inner.contains("<deleted "), version, until })
        };
        read().ok_or_else(|| refusal::refusal(400, 0x8004_0203, "Malformed XML in the Paging Cookie."))
    }
}

/// All changes after one version and up to another, in the order in which they are told.
fn changes(organisation: &Organisation, table: &Table, after: u64, until: u64) -> Vec<Change> {
    let rows = organisation.rows(table.id);
    let mut found: Vec<Change> = rows
        .after(None)
        .map(|(key, bytes)| (row::version(bytes), key))
        .filter(|(version, _)| *version > after && *version <= until)
        .map(|(version, key)| Change::Written(version, key))
        .collect();
    // A row that was deleted twice is told once, and one that is there again not at all.
    let mut told = std::collections::HashSet::new();
    found.extend(
        organisation
            .deleted
            .between(table.id, after, until)
            .iter()
            .rev()
            .filter(|(_, id)| !rows.contains(Key::from(*id)) && told.insert(*id))
            .map(|(version, id)| Change::Deleted(*version, *id)),
    );
    found.sort_unstable();
    found
}

/// How many changes there are since a delta token.
pub(crate) fn count_changes(scope: &Scope<'_>, token: &str, now: i64) -> Result<usize, Refusal> {
    refuse_untracked(scope)?;
    let token = DeltaToken::accept(token, scope, now)?;
    let organisation = scope.organisation;
    Ok(changes(organisation, scope.table, token.version, organisation.counters().0).len())
}

/// Writes one page of what has changed since a delta token.
pub(crate) fn delta(scope: &Scope<'_>, token: &str, now: i64) -> Result<Vec<u8>, Refusal> {
    refuse_untracked(scope)?;
    let token = DeltaToken::accept(token, scope, now)?;
    let organisation = scope.organisation;
    let table = scope.table;
    let place = scope.options.skip_token.as_deref().map(Place::parse).transpose()?;
    let until = place.map_or_else(|| DeltaToken::now(organisation, now), |place| place.until);
    let mut changes = changes(organisation, table, token.version, until.version);
    if let Some(place) = place {
        changes.retain(|change| match change {
            Change::Written(version, _) => !place.is_deleted && *version > place.version,
            Change::Deleted(version, _) => !place.is_deleted || *version > place.version,
        });
    }
    let projection = project(organisation, scope.settings, table, scope.options, scope.annotations)?;
    let limit = page_rows(scope.page_rows, scope.settings);
    let more = changes.len() > limit;
    changes.truncate(limit);

    let mut out = b"{\"@odata.context\":".to_vec();
    let selected = scope.options.select.as_deref().map_or_else(String::new, |select| format!("({select})"));
    let context = format!("{}$metadata#{}", scope.root, table.entity_set);
    write_text(&format!("{context}{selected}/$delta"), &mut out);
    out.extend_from_slice(b",\"value\":[");
    for (index, change) in changes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match change {
            Change::Written(_, key) => {
                if let Some(row) = organisation.rows(table.id).get(*key) {
                    write_row(organisation, table, *key, row, &projection, None, &mut out);
                }
            }
            Change::Deleted(_, id) => {
                let gone = serde_json::json!({
                    "@odata.context": format!("{context}/$deletedEntity"), "id": id, "reason": "deleted"
                });
                out.extend_from_slice(gone.to_string().as_bytes());
            }
        }
    }
    out.push(b']');
    if let (true, Some(last)) = (more, changes.last()) {
        let (is_deleted, version) = match last {
            Change::Written(version, _) => (false, *version),
            Change::Deleted(version, _) => (true, *version),
        };
        let page = place.map_or(1, |place| place.page) + 1;
        let place = Place { page, is_deleted, version, until };
        out.extend_from_slice(b",\"@odata.nextLink\":");
        write_text(&query_link(scope.root, scope.target, "$skiptoken", &place.write()), &mut out);
    } else {
        write_delta_link(scope, until, &mut out);
    }
    out.push(b'}');
    Ok(out)
}

/// Appends the link that a later request follows.
pub(super) fn write_delta_link(scope: &Scope<'_>, token: DeltaToken, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"@odata.deltaLink\":");
    write_text(&query_link(scope.root, scope.target, "$deltatoken", &token.write()), out);
}

pub(super) fn page_rows(asked: Option<usize>, settings: &Settings) -> usize {
    asked.unwrap_or(usize::MAX).clamp(1, settings.max_page_rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_looks_as_documented_and_comes_back() {
        let at = parse_instant("2017-08-22T08:10:44Z").unwrap().seconds;
        let token = DeltaToken { version: 919_042, at };
        assert_eq!(token.write(), "919042!08/22/2017 08:10:44");
        assert_eq!(DeltaToken::parse(&token.write()), Some(token));
        for text in ["", "5", "x!08/22/2017 08:10:44", "5!2017-08-22", "5!13/22/2017 08:10:44"] {
            assert_eq!(DeltaToken::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_token_that_is_sent_brings_the_parsers_down(text in ".{0,80}") {
            let _ = DeltaToken::parse(&text);
            let _ = DeltaToken::parse(&format!("5!{text}"));
            let _ = Place::parse(&text);
            let _ = Place::parse(&format!("<cookie pagenumber=\"2\" pagingcookie=\"{text}\" until=\"{text}\" />"));
        }
    }

    #[test]
    fn a_place_comes_back_from_its_link() {
        let until = DeltaToken { version: 9, at: 0 };
        for is_deleted in [false, true] {
            let place = Place { page: 3, is_deleted, version: 7, until };
            assert_eq!(Place::parse(&place.write()), Ok(place));
        }
        assert!(Place::parse("<cookie pagenumber=\"2\" />").is_err());
    }
}
