//! Actions and functions (reference §9).

use bytes::Bytes;
use dataverse_wire::literal::RowKey;
use dataverse_wire::write::RowWriter;
use http::Method;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::send::{Answer, Repeat, Request};
use crate::{Client, Error, WriteOptions};

/// How a closed opportunity is described in the activity that closing it creates.
#[derive(Debug, Clone, Default)]
pub struct OpportunityClose {
    /// Subject of the activity.
    pub subject: String,
    /// When it was closed; now where none.
    pub actual_end: Option<Timestamp>,
    /// What it brought, digits as given; the estimate where none.
    pub actual_revenue: Option<String>,
}

/// How a resolved case is described in the activity that closing it creates.
#[derive(Debug, Clone, Default)]
pub struct IncidentResolution {
    /// Subject of the activity.
    pub subject: String,
    /// Time spent, in minutes.
    pub minutes: Option<i64>,
}

/// The rows that qualifying a lead created, of those that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Qualified {
    /// The account.
    pub account: Option<Uuid>,
    /// The contact.
    pub contact: Option<Uuid>,
    /// The opportunity.
    pub opportunity: Option<Uuid>,
}

/// What else a qualified lead becomes. The default creates nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct QualifyLead {
    /// An account.
    pub create_account: bool,
    /// A contact.
    pub create_contact: bool,
    /// An opportunity.
    pub create_opportunity: bool,
}

/// Actions and functions.
impl Client {
    /// Calls an unbound action; its answer, or none where it has none. In doubt if the answer is lost.
    ///
    /// The answer becomes a type of the caller's own with `serde_json::from_value`.
    ///
    /// # Errors
    /// As every write.
    pub async fn action(
        &self,
        name: &str,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<Option<Value>, Error> {
        let request = Request::write("action", Method::POST, name, name, options).body(body);
        body_of(self.send(request).await?)
    }

    /// Calls an action bound to a row, such as `QualifyLead`.
    ///
    /// # Errors
    /// As every write.
    pub async fn bound_action(
        &self,
        entity_set: &str,
        key: &RowKey,
        name: &str,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<Option<Value>, Error> {
        let path = format!("{entity_set}{key}/Microsoft.Dynamics.CRM.{name}");
        let request = Request::write("action", Method::POST, name, path, options).row(key).body(body);
        body_of(self.send(request).await?)
    }

    /// Calls a function with parameters as they stand in the URL, percent-encoded:
    /// `RetrieveTotalRecordCount(EntityNames=@p)?@p=["account"]`.
    ///
    /// # Errors
    /// As every read.
    pub async fn function<T: DeserializeOwned>(&self, call: &str) -> Result<T, Error> {
        let name = call.split(['(', '?']).next().unwrap_or(call);
        self.send(Request::get("function", name, call)).await?.json()
    }

    /// Closes a case as resolved.
    ///
    /// # Errors
    /// [`Error::Refused`] with `IncidentHasOpenActivities` while activities are open.
    pub async fn close_incident(
        &self,
        incident: Uuid,
        status: i32,
        resolution: &IncidentResolution,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let mut body = RowWriter::new();
        body.object("IncidentResolution", |inner| {
            inner.odata_type("incidentresolution").text("subject", &resolution.subject);
            inner.bind("incidentid", "incidents", &incident);
            if let Some(minutes) = resolution.minutes {
                inner.integer("timespent", minutes);
            }
        });
        body.integer("Status", i64::from(status));
        self.action("CloseIncident", body.finish(), options).await.map(drop)
    }

    /// Closes an opportunity as won.
    ///
    /// # Errors
    /// As every write.
    pub async fn win_opportunity(
        &self,
        opportunity: Uuid,
        status: i32,
        close: &OpportunityClose,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        self.close_opportunity("WinOpportunity", opportunity, status, close, options).await
    }

    /// Closes an opportunity as lost.
    ///
    /// # Errors
    /// As every write.
    pub async fn lose_opportunity(
        &self,
        opportunity: Uuid,
        status: i32,
        close: &OpportunityClose,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        self.close_opportunity("LoseOpportunity", opportunity, status, close, options).await
    }

    async fn close_opportunity(
        &self,
        action: &str,
        opportunity: Uuid,
        status: i32,
        close: &OpportunityClose,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let mut body = RowWriter::new();
        body.integer("Status", i64::from(status)).object("OpportunityClose", |inner| {
            inner.odata_type("opportunityclose").text("subject", &close.subject);
            inner.bind("opportunityid", "opportunities", &opportunity);
            if let Some(end) = close.actual_end {
                inner.text("actualend", &end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            }
            if let Some(revenue) = &close.actual_revenue {
                inner.number("actualrevenue", revenue);
            }
        });
        self.action(action, body.finish(), options).await.map(drop)
    }

    /// Qualifies a lead; creates only what is asked for, and says what it created.
    ///
    /// # Errors
    /// As every write.
    pub async fn qualify_lead(
        &self,
        lead: Uuid,
        status: i32,
        create: QualifyLead,
        options: &WriteOptions,
    ) -> Result<Qualified, Error> {
        let mut body = RowWriter::new();
        body.boolean("CreateAccount", create.create_account)
            .boolean("CreateContact", create.create_contact)
            .boolean("CreateOpportunity", create.create_opportunity)
            .integer("Status", i64::from(status));
        let key = RowKey::Id(lead);
        let answer = self.bound_action("leads", &key, "QualifyLead", body.finish(), options).await?;
        let rows = answer.as_ref().and_then(|answer| answer.get("value")).and_then(Value::as_array);
        let id_of = |name: &str| {
            let mut ids = rows.into_iter().flatten().filter_map(|row| row.get(name));
            ids.find_map(Value::as_str).and_then(|id| id.parse().ok())
        };
        Ok(Qualified {
            account: id_of("accountid"),
            contact: id_of("contactid"),
            opportunity: id_of("opportunityid"),
        })
    }

    /// Adds members to a marketing list. Members that are on it already stay so: it may be repeated.
    ///
    /// # Errors
    /// As every write.
    pub async fn add_list_members(
        &self,
        list: Uuid,
        member_table: &str,
        member_primary_id: &str,
        members: &[Uuid],
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let mut body = RowWriter::new();
        body.object("List", |inner| {
            inner.odata_type("list").guid("listid", &list);
        });
        body.array("Members", |items| {
            for member in members {
                items.item().odata_type(member_table).guid(member_primary_id, member);
            }
        });
        let request =
            Request::write("action", Method::POST, "AddListMembersList", "AddListMembersList", options)
                .body(body.finish())
                .repeat(Repeat::Safe);
        self.send(request).await.map(drop)
    }
}

fn body_of(answer: Answer) -> Result<Option<Value>, Error> {
    if answer.body.is_empty() { Ok(None) } else { answer.json().map(Some) }
}
