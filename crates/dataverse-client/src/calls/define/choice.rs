//! Global choices, and options added to choices.

use dataverse_wire::metadata::ChoiceOption;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Define, named, quoted, schema_name};
use crate::send::Request;
use crate::{Client, Error};

/// A global choice to be made; columns take its options by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChoice {
    /// Its name with a publisher's prefix: `new_colors`.
    pub name: String,
    /// Label.
    pub label: String,
    /// Options, each with its value.
    pub options: Vec<ChoiceOption>,
}

/// A global choice as the service has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalChoice {
    /// The id by which columns take its options.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Values and labels.
    pub options: Vec<ChoiceOption>,
}

/// Where an option is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionsOf<'a> {
    /// To a global choice.
    Choice(&'a str),
    /// To the options that a column has for itself.
    Column {
        /// The table.
        table: &'a str,
        /// The column.
        column: &'a str,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServedSet {
    metadata_id: Uuid,
    name: String,
    options: Vec<ServedOption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServedOption {
    value: i32,
    label: Option<ServedLabel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServedLabel {
    user_localized_label: Option<ServedText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServedText {
    label: Option<String>,
}

impl From<ServedOption> for ChoiceOption {
    fn from(served: ServedOption) -> Self {
        let text = served.label.and_then(|label| label.user_localized_label).and_then(|text| text.label);
        Self::new(served.value, text.unwrap_or_default())
    }
}

impl Client {
    /// A global choice by name; none if there is no such choice.
    ///
    /// # Errors
    /// As every read.
    pub async fn global_choice(&self, name: &str) -> Result<Option<GlobalChoice>, Error> {
        let path = format!(
            "GlobalOptionSetDefinitions(Name='{}')/Microsoft.Dynamics.CRM.OptionSetMetadata\
             ?$select=Name,Options",
            quoted(name)
        );
        match self.send(self.of_definitions(Request::get("metadata", name, path))).await {
            Ok(answer) => {
                let served: ServedSet = answer.json()?;
                let options = served.options.into_iter().map(ChoiceOption::from).collect();
                Ok(Some(GlobalChoice { id: served.metadata_id, name: served.name, options }))
            }
            Err(error) if error.fault().is_some_and(|fault| fault.status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Define {
    /// Makes a global choice; its id is what columns refer to.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that cannot be, otherwise as every write.
    pub async fn choice(&self, choice: &NewChoice) -> Result<Uuid, Error> {
        schema_name("create choice", &choice.name)?;
        let body = json!({
            "@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata",
            "Name": choice.name, "DisplayName": self.label(&choice.label),
            "IsGlobal": true, "OptionSetType": "Picklist", "Options": self.options_body(&choice.options)
        });
        self.create("create choice", &choice.name, "GlobalOptionSetDefinitions".to_owned(), &body).await
    }

    /// Adds an option to a choice.
    ///
    /// # Errors
    /// As every write; refused if the value is taken.
    pub async fn option(&self, of: OptionsOf<'_>, option: &ChoiceOption) -> Result<(), Error> {
        let mut body = json!({ "Value": option.value, "Label": self.label(&option.label) });
        let target = match of {
            OptionsOf::Choice(name) => {
                body["OptionSetName"] = name.into();
                name.to_owned()
            }
            OptionsOf::Column { table, column } => {
                let (table, column) = (named("create option", table)?, named("create option", column)?);
                body["EntityLogicalName"] = table.as_str().into();
                body["AttributeLogicalName"] = column.as_str().into();
                format!("{table}.{column}")
            }
        };
        let request = self.request("create option", Method::POST, &target, "InsertOptionValue".to_owned());
        self.client.send(request.body(body.to_string())).await.map(drop)
    }
}
