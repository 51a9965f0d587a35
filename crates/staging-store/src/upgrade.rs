//! A staging database of an earlier version becomes one of this version, whole or not at all.

use staging_schema::ddl::{self, Catalog};

use crate::step::{Expect, Step};
use crate::{Error, Store};

/// What an upgrade did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The version before.
    pub from: i64,
    /// The version now.
    pub to: i64,
    /// What changed, a sentence each; the data of people are never among it.
    pub changes: Vec<String>,
}

impl Store {
    /// The version of the control tables: that of this program, unless it was opened with
    /// [`Versions::Known`](crate::Versions::Known).
    pub async fn schema_version(&self) -> Result<i64, Error> {
        let rows = self.query(&ddl::schema_version()).await?;
        let text = rows.first().map(|row| row.text(0)).transpose()?.unwrap_or_default();
        // A number that is none is a version that nobody knows.
        Ok(text.parse().unwrap_or(0))
    }

    /// Upgrades the control tables to the version of this program, in one transaction; `None` when they have it already.
    ///
    /// The store must have been opened with [`Versions::Known`](crate::Versions::Known), and nobody else should be at work on
    /// it. When two upgrade at the same time, one of them does it and the other is told [`Error::Unexpected`]; stopped
    /// half-way, everything is as before.
    ///
    /// # Errors
    /// [`Error::UpgradeRefused`] when the tables are not those of the version that the database says it has.
    pub async fn upgrade(&self) -> Result<Option<Upgraded>, Error> {
        let version = self.schema_version().await?;
        let catalog = self.catalog().await?;
        let planned =
            ddl::upgrade(version, catalog).map_err(|error| Error::UpgradeRefused { source: error })?;
        let Some(upgrade) = planned else { return Ok(None) };
        let mut steps = vec![Step::Execute(upgrade.guard, Expect::Exactly(1))];
        steps.extend(upgrade.statements.into_iter().map(Step::execute));
        self.transaction(steps).await?;
        Ok(Some(Upgraded { from: upgrade.from, to: upgrade.to, changes: upgrade.changes }))
    }

    /// Drops everything of ours in one transaction, and leaves the database: for a server that others use as well. Returns how many
    /// tables that were.
    pub async fn discard(&self) -> Result<usize, Error> {
        let catalog = self.catalog().await?;
        let statements = ddl::discard(&catalog);
        self.execute_all(&statements).await?;
        Ok(catalog.tables().count())
    }

    async fn catalog(&self) -> Result<Catalog, Error> {
        let mut catalog = Catalog::default();
        for row in self.query(&Catalog::read()).await? {
            catalog.add(row.text(0)?, row.text(1)?, row.text(2)?);
        }
        Ok(catalog)
    }
}
