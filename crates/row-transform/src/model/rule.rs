//! The rule of one column.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::{OneOrMany, Scalar};

/// How one Dataverse column gets its value: the name of a source column, or a table of settings.
///
/// The fields are as they were written; [`ColumnRule::kind`] sorts them into one of the four kinds
/// of rule and refuses combinations that mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ColumnRule {
    /// Source column; of several the first that is not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<OneOrMany>,
    /// Source columns to join with `separator`, empty ones left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concat: Option<Vec<String>>,
    /// Text with source columns in braces: `"{FirstName} {LastName}"`. Empty when all of them are empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The same value for every row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant: Option<Scalar>,
    /// Raw SQL expression over the source row (`s` names the source table), valid on the engine in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// `true`: the column is filled by one of the mapping's SQL scripts. For a lookup the script fills `<column>_SourceKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<bool>,
    /// Source column with the key of the parent row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
    /// Source column with the key of the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,

    /// Value for rows where the source is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Scalar>,
    /// Between the parts of `concat` (default: one blank), and between the tokens of a multi-select choice (default: `;`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Remove blanks (all of Unicode's) at both ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trim: Option<bool>,
    /// Cut what is longer than the column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<bool>,
    /// Date formats (`strftime`), tried in order. Default: ISO 8601 and RFC 3339, `+0000` included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<OneOrMany>,
    /// IANA time zone of dates that name no offset. Default: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Decimal sign of numbers, `.` by default; with `,` a point separates groups, and the other way round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<String>,
    /// Round numbers with more digits behind the point than the column keeps; otherwise such a number is a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<bool>,
    /// Texts that mean true (compared without case). Default: `true yes y t 1`, and the metadata's label.
    #[serde(rename = "true", skip_serializing_if = "Option::is_none")]
    pub true_words: Option<Vec<String>>,
    /// Texts that mean false; `""` says that an empty cell is false. Default: `false no n f 0`, and the metadata's label.
    #[serde(rename = "false", skip_serializing_if = "Option::is_none")]
    pub false_words: Option<Vec<String>>,

    /// Table that a `lookup` (or a script's lookup) points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Table by the first characters of the key, for multi-table lookups. A key with another prefix goes to `to`, or
    /// is a finding where there is none; a prefix whose table is `""` goes on to `else`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub by_prefix: IndexMap<String, String>,
    /// Source table whose keys the lookup holds, where its target is fed by several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The next lookup to look at when this one is empty.
    #[serde(rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Box<LookupRule>>,
    /// What happens when no staged row has the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

/// A key of the source that stands for a row of another table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupRule {
    /// Source column with the key.
    pub lookup: String,
    /// Table it points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Table by the first characters of the key; keys with another prefix go to `to`, those with the table `""` to `else`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub by_prefix: IndexMap<String, String>,
    /// Source table whose keys these are, where the target is fed by several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The next to look at when this one is empty.
    #[serde(default, rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Box<Self>>,
}

impl LookupRule {
    /// This rule and those behind its `else`, in order.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |rule| rule.otherwise.as_deref())
    }

    /// Every table the rule can point to, in order, each once.
    pub fn tables(&self) -> Vec<&str> {
        let mut tables: Vec<&str> = Vec::new();
        for rule in self.chain() {
            let named = rule.to.iter().chain(rule.by_prefix.values()).filter(|table| !table.is_empty());
            for table in named {
                if !tables.contains(&table.as_str()) {
                    tables.push(table);
                }
            }
        }
        tables
    }
}

/// One entry of an activity's party list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyRule {
    /// Source column with the key of the party; may be left out when there is only an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
    /// Table it points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Table by the first characters of the key.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub by_prefix: IndexMap<String, String>,
    /// Source table whose keys these are, where the target is fed by several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Source column with the e-mail address that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What happens to a row whose lookup names a row that exists nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The row does not load.
    #[default]
    Error,
    /// The row loads with the lookup blank; a warning says so.
    Blank,
}

/// What a [`ColumnRule`] amounts to.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// A value computed from source columns.
    Value(ValueRule),
    /// A row of another table.
    Lookup(LookupRule, Missing),
    /// The owner, named by this source column.
    Owner(String),
    /// Filled by the user's script.
    Script(ScriptRule),
}

/// A value and how its text is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRule {
    /// Where the text comes from.
    pub source: ValueSource,
    /// Value of rows where the source is empty.
    pub default: Option<Scalar>,
}

/// Where the text of a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueSource {
    /// The first of these source columns that is not empty.
    Columns(Vec<String>),
    /// These columns joined.
    Concat(Vec<String>),
    /// Literal pieces and columns.
    Template(String),
    /// The same for all rows.
    Constant(Scalar),
    /// The user's SQL.
    Expression(String),
    /// Nothing but a default.
    Nothing,
}

/// A column that a script fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRule {
    /// For lookups: the table the keys belong to; `None` where the script fills `<column>_Table` itself.
    pub to: Option<String>,
    /// For lookups: the source table the keys belong to.
    pub source: Option<String>,
    /// For lookups: what happens when no staged row has the key.
    pub missing: Missing,
}

impl ColumnRule {
    /// A rule that takes one source column as it is.
    pub fn column(name: &str) -> Self {
        Self { from: Some(name.into()), ..Self::default() }
    }

    /// Sorts the settings into one kind of rule.
    ///
    /// # Errors
    /// One sentence for each combination of settings that means nothing.
    pub fn kind(&self) -> Result<RuleKind, Vec<String>> {
        let mut problems = Vec::new();
        let ways = [
            ("from", self.from.is_some()),
            ("concat", self.concat.is_some()),
            ("template", self.template.is_some()),
            ("constant", self.constant.is_some()),
            ("expression", self.expression.is_some()),
            ("script", self.script == Some(true)),
            ("lookup", self.lookup.is_some()),
            ("owner", self.owner.is_some()),
        ];
        let given: Vec<&str> = ways.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if given.len() > 1 {
            problems.push(format!("`{}` exclude each other", given.join("` and `")));
        }
        let is_lookup = self.lookup.is_some() || self.script == Some(true);
        let lookup_settings = [
            ("to", self.to.is_some()),
            ("by_prefix", !self.by_prefix.is_empty()),
            ("source", self.source.is_some()),
            ("else", self.otherwise.is_some()),
            ("missing", self.missing.is_some()),
        ];
        let value_settings = [
            ("default", self.default.is_some()),
            ("trim", self.trim.is_some()),
            ("fit", self.fit.is_some()),
            ("format", self.format.is_some()),
            ("zone", self.zone.is_some()),
            ("decimal", self.decimal.is_some()),
            ("round", self.round.is_some()),
            ("true", self.true_words.is_some()),
            ("false", self.false_words.is_some()),
        ];
        for (name, given) in lookup_settings {
            if given && !is_lookup {
                problems.push(format!("`{name}` belongs to a `lookup`"));
            }
        }
        for (name, given) in value_settings {
            if given && (is_lookup || self.owner.is_some()) {
                problems.push(format!("`{name}` does not go with a lookup, an owner or a script"));
            }
        }
        if self.from.as_ref().is_some_and(|from| from.as_slice().is_empty())
            || self.concat.as_ref().is_some_and(Vec::is_empty)
            || (given.is_empty() && self.default.is_none())
        {
            problems.push("the column is mapped to nothing: give `from`, `concat`, `template`, `constant`, `lookup`, `owner` or `script`".to_owned());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let missing = self.missing.unwrap_or_default();
        if let Some(lookup) = &self.lookup {
            let rule = LookupRule {
                lookup: lookup.clone(),
                to: self.to.clone(),
                by_prefix: self.by_prefix.clone(),
                source: self.source.clone(),
                otherwise: self.otherwise.clone(),
            };
            return Ok(RuleKind::Lookup(rule, missing));
        }
        if let Some(owner) = &self.owner {
            return Ok(RuleKind::Owner(owner.clone()));
        }
        if self.script == Some(true) {
            return Ok(RuleKind::Script(ScriptRule {
                to: self.to.clone(),
                source: self.source.clone(),
                missing,
            }));
        }
        let source = match self {
            Self { from: Some(from), .. } => ValueSource::Columns(from.as_slice().to_vec()),
            Self { concat: Some(columns), .. } => ValueSource::Concat(columns.clone()),
            Self { template: Some(template), .. } => ValueSource::Template(template.clone()),
            Self { constant: Some(constant), .. } => ValueSource::Constant(constant.clone()),
            Self { expression: Some(expression), .. } => ValueSource::Expression(expression.clone()),
            _ => ValueSource::Nothing,
        };
        Ok(RuleKind::Value(ValueRule { source, default: self.default.clone() }))
    }
}

impl<'de> Deserialize<'de> for ColumnRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

/// A visitor of our own, since an untagged enum answers every typing mistake with "did not match any variant".
struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = ColumnRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a source column, or a table such as { from = \"Name\", fit = true }")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ColumnRule, E> {
        Ok(ColumnRule::column(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ColumnRule, A::Error> {
        Written::deserialize(MapAccessDeserializer::new(map)).map(ColumnRule::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<ColumnRule, A::Error> {
        Err(serde::de::Error::custom(
            "a list says nothing about how to combine: write { concat = [ … ] } or { from = [ … ] }",
        ))
    }
}

/// The table form of a [`ColumnRule`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    from: Option<OneOrMany>,
    concat: Option<Vec<String>>,
    template: Option<String>,
    constant: Option<Scalar>,
    expression: Option<String>,
    script: Option<bool>,
    lookup: Option<String>,
    owner: Option<String>,
    default: Option<Scalar>,
    separator: Option<String>,
    trim: Option<bool>,
    fit: Option<bool>,
    format: Option<OneOrMany>,
    zone: Option<String>,
    decimal: Option<String>,
    round: Option<bool>,
    #[serde(rename = "true")]
    true_words: Option<Vec<String>>,
    #[serde(rename = "false")]
    false_words: Option<Vec<String>>,
    to: Option<String>,
    #[serde(default)]
    by_prefix: IndexMap<String, String>,
    source: Option<String>,
    #[serde(rename = "else")]
    otherwise: Option<Box<LookupRule>>,
    missing: Option<Missing>,
}

impl From<Written> for ColumnRule {
    fn from(written: Written) -> Self {
        Self {
            from: written.from,
            concat: written.concat,
            template: written.template,
            constant: written.constant,
            expression: written.expression,
            script: written.script,
            lookup: written.lookup,
            owner: written.owner,
            default: written.default,
            separator: written.separator,
            trim: written.trim,
            fit: written.fit,
            format: written.format,
            zone: written.zone,
            decimal: written.decimal,
            round: written.round,
            true_words: written.true_words,
            false_words: written.false_words,
            to: written.to,
            by_prefix: written.by_prefix,
            source: written.source,
            otherwise: written.otherwise,
            missing: written.missing,
        }
    }
}
