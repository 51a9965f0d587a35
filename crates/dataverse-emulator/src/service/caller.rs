//! Who asks, and in whose name.

use std::sync::PoisonError;

use uuid::Uuid;

use super::Service;
use crate::refusal::{self, Refusal};
use crate::route::{Answer, Headers};
use crate::schema::Table;
use crate::state::row::Cell;
use crate::state::{Caller, Key, Organisation};

impl Service {
    /// The number of the application user behind a token: `user-2` is the second, any other token the first.
    pub(super) fn authenticate(&self, headers: &Headers) -> Result<u32, Answer> {
        let token = headers
            .get("authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
            .map(|(_, token)| token.trim());
        let Some(token) = token else {
            let challenge =
                format!("Bearer authorization_uri={0}/oauth2/authorize, resource_id={0}/", self.url());
            return Err(Answer::refused(&refusal::refusal(
                401,
                0x8004_4300,
                "HTTP Error 401 - Unauthorized: Access is denied",
            ))
            .with("www-authenticate", challenge));
        };
        let number = token.strip_prefix("user-").and_then(|number| number.parse().ok());
        match number {
            Some(number) if number > self.users.max(1) || number == 0 => {
                Err(Answer::refused(&refusal::refusal(
                    403,
                    0x8007_2560,
                    format!(
                        "The user is not a member of the organization. ({token}; there are {})",
                        self.users
                    ),
                )))
            }
            Some(number) => Ok(number),
            None => Ok(1),
        }
    }

    /// Who writes: the application user, or whom it impersonates.
    pub(super) fn caller(&self, user: u32, headers: &Headers, now: i64) -> Result<Caller, Refusal> {
        let organisation = self.organisation.read().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(user).unwrap_or(1).saturating_sub(1);
        let actual = organisation.seeds.users.get(index).copied().unwrap_or(organisation.seeds.users[0]);
        let by_object = headers.get("callerobjectid");
        let asked = by_object.or_else(|| headers.get("mscrmcallerid"));
        let Some(asked) = asked else { return Ok(Caller { user: actual, on_behalf: None, now }) };
        let id = dataverse_wire::literal::parse_guid(asked.trim());
        let found = organisation.schema.named("systemuser").zip(id).and_then(|(users, id)| {
            if by_object.is_some() {
                return user_of_object(&organisation, users, id);
            }
            organisation.rows(users.id).contains(Key::from(id)).then_some(id)
        });
        match found {
            Some(impersonated) => Ok(Caller { user: impersonated, on_behalf: Some(actual), now }),
            None => Err(refusal::refusal(
                403,
                0x8004_0225,
                format!("The user '{asked}' to be impersonated is unknown or disabled."),
            )),
        }
    }
}

/// The user whose object in Entra has this id. Users that were only ever loaded have none.
fn user_of_object(organisation: &Organisation, users: &Table, object: Uuid) -> Option<Uuid> {
    let column = *users.by_name.get("azureactivedirectoryobjectid")?;
    let mut rows = organisation.rows(users.id).after(None);
    rows.find(|(key, row)| users.read(*key, row, column) == Cell::Id(object)).map(|(key, _)| key.id())
}
