//! The property that binds a lookup: the one rule that client and emulator share.

use super::{ColumnDefinition, TableDefinition};

/// A property through which one lookup is bound to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Navigation {
    /// The case-sensitive property, without `@odata.bind`.
    pub property: String,
    /// The lookup column.
    pub column: String,
    /// The table it is bound to.
    pub target: String,
}

/// The activity table that stands for all others; its own lookups carry no table suffix.
const ACTIVITY_BASE: &str = "activitypointer";

impl TableDefinition {
    /// The navigation property that binds `column` to a row of `target` (reference §2.7), or none if `column` is no
    /// lookup of this table or cannot point there.
    ///
    /// The relationship's own name is taken where the metadata has one. Otherwise: owners are bound by the column's
    /// name; a lookup of several tables is suffixed by the target (`customerid_account`), and the regarding row of an
    /// activity by the activity as well (`regardingobjectid_account_task`); custom lookups, known by the underscore of
    /// their prefix, go by their schema name, all others by their logical name. A lookup whose targets are unknown accepts any table.
    pub fn navigation_property(&self, column: &str, target: &str) -> Option<String> {
        let definition = self.column(column).filter(|found| found.column_type.is_lookup())?;
        let targets = definition.column_type.targets();
        let named = self
            .many_to_one
            .iter()
            .find(|relation| relation.column == column && relation.referenced_table == target)
            .filter(|relation| !relation.navigation_property.is_empty());
        if let Some(relation) = named {
            return Some(relation.navigation_property.clone());
        }
        let may_point_there = targets.is_empty() || targets.iter().any(|known| known == target);
        may_point_there.then(|| self.navigation_by_rule(definition, target))
    }

    fn navigation_by_rule(&self, column: &ColumnDefinition, target: &str) -> String {
        use super::ColumnType::Owner;
        let name = column.logical_name.as_str();
        let is_regarding_of_activity =
            self.is_activity && name == "regardingobjectid" && self.logical_name != ACTIVITY_BASE;
        let is_multi_table = column.column_type.targets().len() > 1;
        let is_custom = name.contains('_');
        let spelled = if is_custom { column.schema_name.as_str() } else { name };
        if matches!(column.column_type, Owner { .. }) {
            name.to_owned()
        } else if is_regarding_of_activity {
            format!("{name}_{target}_{}", self.logical_name)
        } else if is_multi_table {
            format!("{spelled}_{target}")
        } else {
            spelled.to_owned()
        }
    }

    /// Every property that binds a lookup of this table, one entry per lookup and target.
    ///
    /// One property may occur with several targets (`ownerid`): the entity set in the bound reference decides then.
    pub fn navigations(&self) -> impl Iterator<Item = Navigation> {
        self.lookups().flat_map(|column| {
            let known = column.column_type.targets().iter().map(String::as_str);
            let related = self
                .many_to_one
                .iter()
                .filter(|relation| relation.column == column.logical_name)
                .map(|relation| relation.referenced_table.as_str())
                .filter(|table| !column.column_type.targets().iter().any(|target| target == table));
            known.chain(related).filter_map(|target| {
                Some(Navigation {
                    property: self.navigation_property(&column.logical_name, target)?,
                    column: column.logical_name.clone(),
                    target: target.to_owned(),
                })
            })
        })
    }

    /// The property that binds an activity party to a row of `target`: `partyid_contact` (reference §2.9).
    pub fn party_navigation(target: &str) -> String {
        format!("partyid_{target}")
    }

    /// The collection that carries the parties of this activity: `task_activity_parties` (reference §2.9).
    pub fn party_collection(&self) -> Option<String> {
        self.is_activity.then(|| format!("{}_activity_parties", self.logical_name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ColumnType, ManyToOne};
    use super::*;

    fn lookup(name: &str, targets: &[&str]) -> ColumnDefinition {
        let targets = targets.iter().map(|&t| t.to_owned()).collect();
        ColumnDefinition::new(name, ColumnType::Lookup { targets })
    }

    fn relation(column: &str, target: &str, navigation: &str) -> ManyToOne {
        ManyToOne {
            schema_name: String::new(),
            referencing_table: String::new(),
            column: column.to_owned(),
            referenced_table: target.to_owned(),
            referenced_column: String::new(),
            navigation_property: navigation.to_owned(),
            collection_property: None,
            cascade: None,
        }
    }

    #[test]
    fn the_relationship_names_the_property_where_it_is_known() {
        let mut table = TableDefinition::new("feedback", "feedback", "feedbackid")
            .with_column(lookup("regardingobjectid", &["contact", "account"]));
        table.many_to_one.push(relation("regardingobjectid", "contact", "ContactId"));
        assert_eq!(table.navigation_property("regardingobjectid", "contact").unwrap(), "ContactId");
        assert_eq!(
            table.navigation_property("regardingobjectid", "account").unwrap(),
            "regardingobjectid_account"
        );
    }

    #[test]
    fn an_activity_adds_its_own_name_to_the_regarding_row_alone() {
        let mut task = TableDefinition::new("task", "tasks", "activityid")
            .with_column(lookup("regardingobjectid", &["account", "incident"]))
            .with_column(lookup("acceptingentityid", &["queue", "systemuser"]));
        task.is_activity = true;
        assert_eq!(
            task.navigation_property("regardingobjectid", "incident").unwrap(),
            "regardingobjectid_incident_task"
        );
        assert_eq!(
            task.navigation_property("acceptingentityid", "queue").unwrap(),
            "acceptingentityid_queue"
        );
        task.logical_name = "activitypointer".to_owned();
        assert_eq!(
            task.navigation_property("regardingobjectid", "incident").unwrap(),
            "regardingobjectid_incident"
        );
    }

    #[test]
    fn owners_bind_plain_and_custom_lookups_by_schema_name() {
        let targets = vec!["systemuser".to_owned(), "team".to_owned()];
        let mut custom = lookup("new_branchid", &["new_branch"]);
        custom.schema_name = "new_BranchId".to_owned();
        let table = TableDefinition::new("account", "accounts", "accountid")
            .with_column(ColumnDefinition::new("ownerid", ColumnType::Owner { targets }))
            .with_column(custom)
            .with_column(lookup("primarycontactid", &["contact"]));
        assert_eq!(table.navigation_property("ownerid", "team").unwrap(), "ownerid");
        assert_eq!(table.navigation_property("new_branchid", "new_branch").unwrap(), "new_BranchId");
        assert_eq!(table.navigation_property("primarycontactid", "contact").unwrap(), "primarycontactid");
        assert_eq!(table.navigation_property("primarycontactid", "account"), None);
        assert_eq!(table.navigation_property("accountid", "account"), None);
        assert_eq!(table.navigations().count(), 4);
    }
}
