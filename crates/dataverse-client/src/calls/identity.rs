//! Who we are, and where.

use serde::Deserialize;
use uuid::Uuid;

use crate::send::Request;
use crate::{Client, Error};

/// The answer to `WhoAmI`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WhoAmI {
    /// The application user.
    pub user_id: Uuid,
    /// Its business unit.
    pub business_unit_id: Uuid,
    /// The organisation: staging databases are bound to it.
    pub organization_id: Uuid,
    /// Degree of parallelism that the service recommends (reference §5.1).
    #[serde(skip)]
    pub dop_hint: Option<u32>,
}

/// The organisation's row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Its id.
    #[serde(rename = "organizationid")]
    pub id: Uuid,
}

/// Who we are, and where.
impl Client {
    /// Who the token stands for. The cheapest call, and the one to start with.
    ///
    /// # Errors
    /// [`Error::Credential`] without a token, [`Error::Refused`] if the service does not know the user.
    pub async fn who_am_i(&self) -> Result<WhoAmI, Error> {
        let answer = self.send(Request::get("WhoAmI", "WhoAmI", "WhoAmI")).await?;
        let dop_hint = answer.header("x-ms-dop-hint").and_then(|hint| hint.trim().parse().ok());
        Ok(WhoAmI { dop_hint, ..answer.json()? })
    }

    /// The organisation that the environment serves.
    ///
    /// # Errors
    /// As every read; [`Error::Unreadable`] if there is none.
    pub async fn organization(&self) -> Result<Organization, Error> {
        #[derive(Deserialize)]
        struct Found {
            value: Vec<Organization>,
        }
        let path = "organizations?$select=name,organizationid";
        let answer = self.send(Request::get("retrieve", "organizations", path)).await?;
        let summary = answer.summary.clone();
        let found: Found = answer.json()?;
        found.value.into_iter().next().ok_or_else(|| Error::Unreadable {
            request: Box::new(summary),
            reason: "it holds no organisation".to_owned(),
        })
    }
}
