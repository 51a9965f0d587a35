//! Repairs of refused rows, before they are taken again: only those that were asked for and that the project allows.

use std::collections::BTreeMap;

use dataverse_wire::fault::ServiceCode;
use dataverse_wire::metadata::{ColumnType, TableDefinition};
use staging_schema::lookup::FallbackOwner;
use staging_schema::repair::{self as sql, Form, Repair};
use staging_schema::{SOURCE_KEY_SUFFIX, StagedKind, Statement, TABLE_SUFFIX, TargetTable, Value};
use staging_store::{SLICE_ROWS, Store};
use uuid::Uuid;

use super::graph::targets;
use super::{Journey, owners};
use crate::error::{at_target, in_staging};
use crate::{Error, RepairRule, Step};

const STEP: Step = Step::Load;

/// Refuses repairs that the project does not allow.
pub(crate) fn check(rules: &[RepairRule], project: &crate::Project) -> Result<(), Error> {
    match rules.iter().find(|rule| !project.settings().repairs.allows(**rule)) {
        Some(rule) => Err(Error::RepairNotAllowed { rule: *rule }),
        None => Ok(()),
    }
}

/// What Dataverse said about one row.
struct Refused {
    row: i64,
    source_key: Option<String>,
    code: Option<String>,
    column: Option<String>,
    message: String,
}

impl Refused {
    fn is(&self, codes: &[ServiceCode]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.iter().any(|known| known.to_string() == code))
    }

    fn repair(&self, column: &str, rule: RepairRule, from: Option<String>, to: Option<String>) -> Repair {
        Repair {
            row_id: self.row,
            source_key: self.source_key.clone(),
            column: column.to_owned(),
            from,
            to,
            rule: rule.as_str(),
            code: self.code.clone(),
        }
    }
}

/// What the repairs of one run need to know.
pub(crate) struct Repairer<'a> {
    journey: &'a Journey<'a>,
    store: &'a Store,
    fallback: Option<FallbackOwner>,
    /// Tables as they are in Dataverse now: what refused a text may be shorter than what was frozen.
    live: BTreeMap<String, TableDefinition>,
}

impl<'a> Repairer<'a> {
    pub(crate) async fn new(journey: &'a Journey<'a>, store: &'a Store) -> Result<Self, Error> {
        crate::rollback::ensure_control_tables(store).await?;
        let fallback = if journey.repairs.contains(&RepairRule::FallbackOwner) {
            owners::fallback(journey, &journey.checked.target(STEP)?.client).await?
        } else {
            None
        };
        Ok(Self { journey, store, fallback, live: BTreeMap::new() })
    }

    /// The statements that repair the refused rows of a table and record it, and how many repairs of each rule they make.
    pub(crate) async fn statements(
        &mut self,
        table: &TargetTable,
    ) -> Result<(Vec<Statement>, BTreeMap<&'static str, u64>), Error> {
        let name = &table.logical_name;
        let doing = || in_staging(format!("reading what was refused of {name}"));
        let (mut statements, mut counts) = (Vec::new(), BTreeMap::new());
        for slice in self.store.slices(&table.name(), SLICE_ROWS).await.map_err(doing())? {
            for row in self.store.query(&sql::refused(table, &slice)).await.map_err(doing())? {
                let text = |at: usize| row.get(at).as_text().map(str::to_owned);
                let refused = Refused {
                    row: row.integer(0).map_err(doing())?,
                    source_key: text(1),
                    code: text(2),
                    column: text(3),
                    message: text(4).unwrap_or_default(),
                };
                let repairs = self.repairs(table, &refused).await?;
                if let Some((repair, _)) = repairs.first() {
                    *counts.entry(repair.rule).or_default() += 1;
                }
                for (repair, form) in repairs {
                    statements.push(sql::set(table, &repair, form));
                    statements.push(sql::record(table, &repair));
                }
            }
        }
        Ok((statements, counts))
    }

    /// The repairs of one row by the first rule that fits; none where none does.
    async fn repairs(
        &mut self,
        table: &TargetTable,
        refused: &Refused,
    ) -> Result<Vec<(Repair, Form)>, Error> {
        let rules = self.journey.repairs.clone();
        let allowed = |rule: RepairRule| rules.contains(&rule);
        if refused.is(&[ServiceCode::STRING_TOO_LONG]) && allowed(RepairRule::Trim) {
            return self.trim(table, refused).await;
        }
        if refused.is(&[ServiceCode::PICKLIST_OUT_OF_RANGE]) && allowed(RepairRule::DefaultOption) {
            return self.default_option(table, refused).await;
        }
        let is_missing = refused.is(&[ServiceCode::OBJECT_DOES_NOT_EXIST]);
        let names_an_owner =
            is_missing && (refused.message.starts_with("systemuser") || refused.message.starts_with("team"));
        let is_owner = names_an_owner
            || refused.is(&[
                ServiceCode::OWNER_DISABLED,
                ServiceCode::INVALID_OWNER,
                ServiceCode::PRINCIPAL_PRIVILEGE_DENIED,
            ]);
        if is_owner && allowed(RepairRule::FallbackOwner) {
            return self.fallback_owner(table, refused).await;
        }
        let may_lookup = allowed(RepairRule::BlankLookup) || allowed(RepairRule::PlaceholderParent);
        if is_missing && may_lookup {
            return self.lookup(table, refused).await;
        }
        Ok(Vec::new())
    }

    async fn trim(&mut self, table: &TargetTable, refused: &Refused) -> Result<Vec<(Repair, Form)>, Error> {
        let Some(column) = refused.column.as_deref().filter(|name| table.column(name).is_some()) else {
            return Ok(Vec::new());
        };
        let Some(max) = self.length_of(&table.logical_name, column).await? else { return Ok(Vec::new()) };
        let Some(text) = self.cells(table, refused.row, &[column]).await?.remove(0) else {
            return Ok(Vec::new());
        };
        let cut = cut(&text, max);
        if cut == text {
            return Ok(Vec::new());
        }
        Ok(vec![(refused.repair(column, RepairRule::Trim, Some(text), Some(cut)), Form::Text)])
    }

    async fn default_option(
        &self,
        table: &TargetTable,
        refused: &Refused,
    ) -> Result<Vec<(Repair, Form)>, Error> {
        let Some(column) = &refused.column else { return Ok(Vec::new()) };
        let options = &self.journey.project.settings().repairs.default_option;
        let Some(option) = options.get(&(table.logical_name.clone(), column.clone())) else {
            return Ok(Vec::new());
        };
        let from = self.cells(table, refused.row, &[column]).await?.remove(0);
        let repair = refused.repair(column, RepairRule::DefaultOption, from, Some(option.to_string()));
        Ok(vec![(repair, Form::Integer)])
    }

    async fn fallback_owner(
        &self,
        table: &TargetTable,
        refused: &Refused,
    ) -> Result<Vec<(Repair, Form)>, Error> {
        let owner = table.columns.iter().find(|column| column.kind == StagedKind::Owner);
        let (Some(owner), Some(fallback)) = (owner, &self.fallback) else { return Ok(Vec::new()) };
        let of_table = format!("{}{TABLE_SUFFIX}", owner.name);
        let mut before = self.cells(table, refused.row, &[&owner.name, &of_table]).await?.into_iter();
        let (id, kind) = (before.next().flatten(), before.next().flatten());
        if id.as_deref() == Some(fallback.id.as_str()) {
            return Ok(Vec::new());
        }
        let rule = RepairRule::FallbackOwner;
        Ok(vec![
            (refused.repair(&owner.name, rule, id, Some(fallback.id.clone())), Form::Guid),
            (refused.repair(&of_table, rule, kind, Some(fallback.table.clone())), Form::Text),
        ])
    }

    /// The lookup whose GUID the message names, or which the service blames.
    async fn lookup(&self, table: &TargetTable, refused: &Refused) -> Result<Vec<(Repair, Form)>, Error> {
        let missing = guid_in(&refused.message);
        let settings = &self.journey.project.settings().repairs;
        for lookup in table.lookups() {
            let mut names = vec![lookup.name.clone(), format!("{}{SOURCE_KEY_SUFFIX}", lookup.name)];
            names.extend(lookup.table_column());
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut cells = self.cells(table, refused.row, &names).await?.into_iter();
            let (id, key, kind) = (cells.next().flatten(), cells.next().flatten(), cells.next().flatten());
            let is_it = match (&missing, &id) {
                (Some(missing), Some(id)) => id.eq_ignore_ascii_case(missing),
                _ => id.is_some() && refused.column.as_deref() == Some(lookup.name.as_str()),
            };
            if !is_it {
                continue;
            }
            let parent = kind.or_else(|| match targets(lookup) {
                [single] => Some(single.clone()),
                _ => None,
            });
            let placeholder = parent.and_then(|parent| settings.placeholder_parent.get(&parent));
            if let Some(placeholder) = placeholder
                && self.journey.repairs.contains(&RepairRule::PlaceholderParent)
            {
                let to = Some(placeholder.to_string());
                let repair = refused.repair(&lookup.name, RepairRule::PlaceholderParent, id, to);
                return Ok(vec![(repair, Form::Guid)]);
            }
            let place = (table.logical_name.clone(), lookup.name.clone());
            if settings.blank_lookup.contains(&place)
                && self.journey.repairs.contains(&RepairRule::BlankLookup)
            {
                let rule = RepairRule::BlankLookup;
                // Without its key it is not owed, and not filled again.
                return Ok(vec![
                    (refused.repair(&lookup.name, rule, id, None), Form::Guid),
                    (refused.repair(names[1], rule, key, None), Form::Text),
                ]);
            }
        }
        Ok(Vec::new())
    }

    async fn cells(
        &self,
        table: &TargetTable,
        row: i64,
        columns: &[&str],
    ) -> Result<Vec<Option<String>>, Error> {
        let doing = || in_staging(format!("reading a refused row of {}", table.logical_name));
        let names: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let rows = self.store.query(&sql::cells(table, row, &names)).await.map_err(doing())?;
        let text = |value: &Value| match value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Null | Value::Blob(_) => None,
        };
        Ok((0..names.len()).map(|at| rows.first().and_then(|row| text(row.get(at)))).collect())
    }

    async fn length_of(&mut self, table: &str, column: &str) -> Result<Option<u32>, Error> {
        if !self.live.contains_key(table) {
            let client = &self.journey.checked.target(STEP)?.client;
            let found = client.table_definition(table).await;
            let found = found.map_err(at_target(format!("reading the definition of {table}")))?;
            self.live.extend(found.map(|definition| (table.to_owned(), definition)));
        }
        let definition = self.live.get(table);
        Ok(definition.and_then(|definition| definition.column(column)).and_then(|column| {
            match column.column_type {
                ColumnType::String { max_length, .. } | ColumnType::Memo { max_length, .. } => {
                    Some(max_length)
                }
                _ => None,
            }
        }))
    }
}

/// As much of a text as fits, in UTF-16 units, without blanks at its end.
fn cut(text: &str, max: u32) -> String {
    let mut units = 0;
    let fits = text.chars().take_while(|c| {
        units += c.len_utf16();
        u32::try_from(units).is_ok_and(|units| units <= max)
    });
    fits.collect::<String>().trim_end().to_owned()
}

fn guid_in(message: &str) -> Option<String> {
    message
        .split(|c: char| !c.is_ascii_hexdigit() && c != '-')
        .find(|part| part.len() == 36 && Uuid::try_parse(part).is_ok())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_what_the_service_counts_and_never_inside_a_character() {
        assert_eq!(cut("excellent", 5), "excel");
        assert_eq!(cut("gut  so", 4), "gut");
        assert_eq!(cut("a😀b", 2), "a");
        assert_eq!(cut("a😀b", 3), "a😀");
    }

    #[test]
    fn the_missing_row_is_read_from_the_message() {
        let message = "account With Id = 0F8FAD5B-d9cb-469f-a165-70867728950e Does Not Exist";
        assert_eq!(guid_in(message).as_deref(), Some("0f8fad5b-d9cb-469f-a165-70867728950e"));
        assert_eq!(guid_in("Cannot insert duplicate key."), None);
    }
}
