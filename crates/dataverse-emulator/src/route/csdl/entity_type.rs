//! Entity types and the container of entity sets.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use dataverse_wire::metadata::ManyToOne;

use super::escaped;
use super::operations::Import;
use crate::schema::{Column, Kind, Property, Schema, Table};

/// The table from which all activities inherit (documented).
const ACTIVITY: &str = "activitypointer";
/// The tables that may own rows (documented: they inherit from `principal`).
const PRINCIPALS: [&str; 2] = ["systemuser", "team"];

/// Writes the document from top to bottom.
pub(super) struct Writer<'a> {
    schema: &'a Schema,
    annotated: bool,
    out: String,
    /// Collections by the table that has them: name, table of the members, name on the other side.
    collections: HashMap<&'a str, BTreeMap<&'a str, (&'a str, String)>>,
}

/// A navigation property, before it is written.
struct Navigation {
    target: String,
    partner: Option<String>,
    /// The lookup property and the primary key that it refers to; none for collections.
    constraint: Option<(String, String)>,
    required: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(schema: &'a Schema, annotated: bool) -> Self {
        let mut collections: HashMap<&str, BTreeMap<&str, (&str, String)>> = HashMap::new();
        for table in schema.tables() {
            for relation in &table.definition.many_to_one {
                let Some(name) = collection_name(relation) else { continue };
                let partner =
                    table.definition.navigation_property(&relation.column, &relation.referenced_table);
                if let (Some(partner), Some(parent)) = (partner, schema.named(&relation.referenced_table)) {
                    let members = (table.name.as_str(), partner);
                    collections.entry(&parent.name).or_default().insert(name, members);
                }
            }
            for pair in &table.definition.many_to_many {
                let (Some(first), Some(second)) = (schema.named(&pair.table1), schema.named(&pair.table2))
                else {
                    continue;
                };
                for (near, near_name, far, far_name) in [
                    (first, &pair.navigation1, second, &pair.navigation2),
                    (second, &pair.navigation2, first, &pair.navigation1),
                ] {
                    let names = collections.entry(&near.name).or_default();
                    names.entry(near_name).or_insert_with(|| (&far.name, far_name.clone()));
                }
            }
        }
        Self { schema, annotated, out: String::with_capacity(4 << 20), collections }
    }

    pub(super) fn text_mut(&mut self) -> &mut String {
        &mut self.out
    }

    pub(super) fn open(&mut self) {
        self.out.push_str(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>
<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">
  <edmx:Reference Uri=\"http://vocabularies.odata.org/OData.Community.Keys.V1.xml\">
    <edmx:Include Namespace=\"OData.Community.Keys.V1\" Alias=\"Keys\" />
    <edmx:IncludeAnnotations TermNamespace=\"OData.Community.Keys.V1\" />
  </edmx:Reference>
  <edmx:DataServices>
    <Schema Namespace=\"Microsoft.Dynamics.CRM\" Alias=\"mscrm\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">
      <EntityType Name=\"crmbaseentity\" Abstract=\"true\" />
      <EntityType Name=\"expando\" BaseType=\"mscrm.crmbaseentity\" OpenType=\"true\" />
",
        );
        if PRINCIPALS.iter().any(|name| self.schema.named(name).is_some()) {
            self.out.push_str(
                "      <EntityType Name=\"principal\" BaseType=\"mscrm.crmbaseentity\">
        <Key>
          <PropertyRef Name=\"ownerid\" />
        </Key>
        <Property Name=\"ownerid\" Type=\"Edm.Guid\" />
      </EntityType>
",
            );
        }
    }

    /// The type that a table inherits from.
    fn base(&self, table: &Table) -> &'static str {
        if PRINCIPALS.contains(&table.name.as_str()) {
            "principal"
        } else if self.activity_base(table).is_some() {
            ACTIVITY
        } else {
            "crmbaseentity"
        }
    }

    fn activity_base(&self, table: &Table) -> Option<&'a Table> {
        let is_activity = table.activity.is_some() && table.name != ACTIVITY;
        self.schema.named(ACTIVITY).filter(|_| is_activity).map(AsRef::as_ref)
    }

    pub(super) fn entity_type(&mut self, table: &'a Table) {
        let base = self.base(table);
        let _ = writeln!(self.out, "      <EntityType Name=\"{}\" BaseType=\"mscrm.{base}\">", table.name);
        if base == "crmbaseentity" {
            let key = &table.column(table.primary).name;
            let _ =
                writeln!(self.out, "        <Key>\n          <PropertyRef Name=\"{key}\" />\n        </Key>");
        }
        let inherited: HashSet<&str> = match self.activity_base(table) {
            Some(base) => properties(base).map(|column| column.property.as_str()).collect(),
            None if base == "principal" => HashSet::from(["ownerid"]),
            None => HashSet::new(),
        };
        for column in properties(table).filter(|column| !inherited.contains(column.property.as_str())) {
            self.property(table, column);
        }
        let base_navigations =
            self.activity_base(table).map(|base| self.navigations(base)).unwrap_or_default();
        for (name, navigation) in self.navigations(table) {
            if !base_navigations.contains_key(&name) {
                self.navigation(&name, &navigation);
            }
        }
        self.alternate_keys(table);
        if let (true, Some(label)) = (self.annotated, &table.definition.display_name) {
            self.description(label, "        ");
        }
        self.out.push_str("      </EntityType>\n");
    }

    fn property(&mut self, table: &Table, column: &Column) {
        let (kind, facets) = edm_type(column);
        let _ = write!(self.out, "        <Property Name=\"{}\" Type=\"{kind}\"{facets}", column.property);
        if !self.annotated {
            self.out.push_str(" />\n");
            return;
        }
        self.out.push_str(">\n");
        let label = table.definition.column(&column.name).and_then(|column| column.display_name.as_deref());
        if let Some(label) = label {
            self.description(label, "          ");
        }
        // Lookups are written through their navigation properties.
        let is_lookup = matches!(column.kind, Kind::Lookup { .. });
        if is_lookup || !(column.create || column.update) {
            self.out.push_str(
                "          <Annotation Term=\"Org.OData.Core.V1.Computed\" Bool=\"true\" />
          <Annotation Term=\"Org.OData.Core.V1.Permissions\">
            <EnumMember>Org.OData.Core.V1.PermissionType/Read</EnumMember>
          </Annotation>\n",
            );
        }
        self.out.push_str("        </Property>\n");
    }

    fn description(&mut self, text: &str, indent: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.out,
            "{indent}<Annotation Term=\"Org.OData.Core.V1.Description\" String=\"{text}\" />"
        );
    }

    /// By name: lookups first of all, then collections.
    fn navigations(&self, table: &'a Table) -> BTreeMap<String, Navigation> {
        let mut found = BTreeMap::new();
        for (name, property) in &table.properties {
            let Property::Navigation { column, targets } = property else { continue };
            let column = table.column(*column);
            let (target, constraint) = match targets.as_slice() {
                [target] => {
                    let target = self.schema.table(*target);
                    let key = target.column(target.primary).name.clone();
                    (target.name.clone(), Some((column.property.clone(), key)))
                }
                targets => {
                    let all_own = !targets.is_empty()
                        && targets
                            .iter()
                            .all(|target| PRINCIPALS.contains(&self.schema.table(*target).name.as_str()));
                    let target = if all_own { "principal" } else { "crmbaseentity" };
                    let constraint = all_own.then(|| (column.property.clone(), "ownerid".to_owned()));
                    (target.to_owned(), constraint)
                }
            };
            let partner = table
                .definition
                .many_to_one
                .iter()
                .find(|relation| relation.column == column.name && relation.referenced_table == target)
                .and_then(collection_name)
                .map(str::to_owned);
            let navigation = Navigation { target, partner, constraint, required: column.required };
            found.insert(name.clone(), navigation);
        }
        if let Some(activity) = &table.activity {
            let target = "Collection(mscrm.activityparty)".to_owned();
            let parties = Navigation { target, partner: None, constraint: None, required: false };
            found.insert(activity.parties_property.clone(), parties);
        }
        for (name, (members, partner)) in self.collections.get(table.name.as_str()).into_iter().flatten() {
            let target = format!("Collection(mscrm.{members})");
            let partner = Some(partner.clone());
            found.entry((*name).to_owned()).or_insert(Navigation {
                target,
                partner,
                constraint: None,
                required: false,
            });
        }
        found
    }

    fn navigation(&mut self, name: &str, navigation: &Navigation) {
        let target = &navigation.target;
        let kind = if target.starts_with("Collection(") { target.clone() } else { format!("mscrm.{target}") };
        let _ = write!(self.out, "        <NavigationProperty Name=\"{name}\" Type=\"{kind}\"");
        if navigation.required {
            self.out.push_str(" Nullable=\"false\"");
        }
        if let Some(partner) = &navigation.partner {
            let _ = write!(self.out, " Partner=\"{partner}\"");
        }
        match &navigation.constraint {
            Some((property, key)) => {
                let _ = writeln!(
                    self.out,
                    ">\n          <ReferentialConstraint Property=\"{property}\" ReferencedProperty=\"{key}\" />\n        \
                     </NavigationProperty>"
                );
            }
            None => self.out.push_str(" />\n"),
        }
    }

    fn alternate_keys(&mut self, table: &Table) {
        if table.keys.is_empty() {
            return;
        }
        self.out.push_str(
            "        <Annotation Term=\"OData.Community.Keys.V1.AlternateKeys\">\n          <Collection>\n",
        );
        for key in &table.keys {
            self.out.push_str(
                "            <Record Type=\"OData.Community.Keys.V1.AlternateKey\">
              <PropertyValue Property=\"Key\">
                <Collection>\n",
            );
            for column in &key.columns {
                let name = &table.column(*column).property;
                let _ = writeln!(
                    self.out,
                    "                  <Record Type=\"OData.Community.Keys.V1.PropertyRef\">
                    <PropertyValue Property=\"Alias\" String=\"{name}\" />
                    <PropertyValue Property=\"Name\" PropertyPath=\"{name}\" />
                  </Record>"
                );
            }
            self.out.push_str(
                "                </Collection>\n              </PropertyValue>\n            </Record>\n",
            );
        }
        self.out.push_str("          </Collection>\n        </Annotation>\n");
    }

    /// Entity sets, with what their navigation properties lead to, and what can be called by name.
    pub(super) fn container(&mut self, imports: &[Import]) {
        self.out.push_str("      <EntityContainer Name=\"System\">\n");
        for table in self.schema.tables() {
            let _ = writeln!(
                self.out,
                "        <EntitySet Name=\"{}\" EntityType=\"Microsoft.Dynamics.CRM.{}\">",
                table.entity_set, table.name
            );
            for (name, navigation) in self.navigations(table) {
                let target = navigation.target.trim_start_matches("Collection(mscrm.").trim_end_matches(')');
                if let Some(target) = self.schema.named(target) {
                    let set = &target.entity_set;
                    let _ = writeln!(
                        self.out,
                        "          <NavigationPropertyBinding Path=\"{name}\" Target=\"{set}\" />"
                    );
                }
            }
            if self.annotated && table.definition.change_tracking {
                self.out.push_str(
                    "          <Annotation Term=\"Org.OData.Capabilities.V1.ChangeTracking\">
            <Record>
              <PropertyValue Property=\"Supported\" Bool=\"true\" />
            </Record>
          </Annotation>\n",
                );
            }
            self.out.push_str("        </EntitySet>\n");
        }
        for Import { kind, name } in imports {
            let _ = writeln!(
                self.out,
                "        <{kind}Import Name=\"{name}\" {kind}=\"Microsoft.Dynamics.CRM.{name}\" />"
            );
        }
        self.out.push_str("      </EntityContainer>\n");
    }

    pub(super) fn close(mut self) -> String {
        self.out.push_str("    </Schema>\n  </edmx:DataServices>\n</edmx:Edmx>\n");
        self.out
    }
}

/// What the collection on the other side of a lookup is called: by the relationship, where the metadata knows no better.
fn collection_name(relation: &ManyToOne) -> Option<&str> {
    let name = relation.collection_property.as_ref().unwrap_or(&relation.schema_name);
    Some(name.as_str()).filter(|name| !name.is_empty())
}

/// What is served of a row; parties and the like are navigation properties.
fn properties(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.read && !matches!(column.kind, Kind::Elsewhere { .. }))
}

fn edm_type(column: &Column) -> (&'static str, &'static str) {
    match column.kind {
        Kind::Text { .. } | Kind::Name | Kind::MultiChoice { .. } => ("Edm.String", ""),
        Kind::Integer { .. } | Kind::Choice { .. } | Kind::State { .. } | Kind::Status { .. } => {
            ("Edm.Int32", "")
        }
        Kind::BigInt => ("Edm.Int64", ""),
        Kind::Decimal { .. } | Kind::Money { .. } => ("Edm.Decimal", " Scale=\"Variable\""),
        Kind::Double { .. } => ("Edm.Double", ""),
        Kind::Boolean { .. } => ("Edm.Boolean", ""),
        Kind::DateTime => ("Edm.DateTimeOffset", ""),
        Kind::Date => ("Edm.Date", ""),
        Kind::Lookup { .. } | Kind::Id => ("Edm.Guid", ""),
        Kind::Image => ("Edm.Binary", ""),
        Kind::Elsewhere { .. } => ("Edm.Untyped", ""),
    }
}
