//! One attempt at a request: headers, token, body, and what the connection made of it.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use secrecy::ExposeSecret;

use crate::Impersonation;
use crate::auth::Token;
use crate::body::{self, PermittedBody};
use crate::client::Client;
use crate::error::{Cause, RequestSummary};
use crate::send::Request;

/// How one attempt ended.
pub(crate) enum Attempt {
    Answered {
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    },
    /// It cannot be sent: a header or the URL is malformed.
    Invalid(Cause),
    /// The permit ended before the whole request had left: the service never saw a complete one.
    NotPermitted,
    /// It never left: no connection.
    Unsent(Cause),
    /// It left, and its fate is unknown.
    Lost(Cause),
}

impl Client {
    /// Sends once. The permit is asked again as the body leaves.
    pub(crate) async fn attempt(
        &self,
        request: &Request,
        summary: &RequestSummary,
        token: &Token,
    ) -> Attempt {
        let headers = match self.headers(request, summary, token) {
            Ok(headers) => headers,
            Err(error) => return Attempt::Invalid(error.into()),
        };
        let mut builder = self
            .http()
            .request(request.method.clone(), self.url_of(&request.path))
            .headers(headers)
            .timeout(request.timeout.unwrap_or(self.options().request_timeout));
        let mut refused = None;
        if let Some(body) = &request.body {
            builder = match &request.permit {
                None => builder.body(body.clone()),
                Some(permit) => {
                    let body = PermittedBody::new(body.clone(), permit.clone());
                    refused = Some(body.refusal());
                    builder.body(reqwest::Body::wrap(body))
                }
            };
        }
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(_) if is_refused(refused.as_ref()) => return Attempt::NotPermitted,
            // The URL of an error may hold values of rows.
            Err(error) if error.is_builder() => return Attempt::Invalid(error.without_url().into()),
            Err(error) if error.is_connect() => return Attempt::Unsent(error.without_url().into()),
            Err(error) => return Attempt::Lost(error.without_url().into()),
        };
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        match response.bytes().await {
            Ok(body) => Attempt::Answered { status, headers, body },
            // A refusal stays one, even if its explanation is lost.
            Err(_) if status.is_client_error() => Attempt::Answered { status, headers, body: Bytes::new() },
            Err(_) if is_refused(refused.as_ref()) => Attempt::NotPermitted,
            Err(error) => Attempt::Lost(error.without_url().into()),
        }
    }

    /// What is on every request (reference §1.3), and what this one adds.
    fn headers(
        &self,
        request: &Request,
        summary: &RequestSummary,
        token: &Token,
    ) -> Result<HeaderMap, http::Error> {
        let mut headers = HeaderMap::with_capacity(16 + request.headers.len());
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret.expose_secret()))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("odata-maxversion"), HeaderValue::from_static("4.0"));
        headers.insert(HeaderName::from_static("odata-version"), HeaderValue::from_static("4.0"));
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("null"));
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        let id = summary.client_request_id.hyphenated().encode_lower(&mut id);
        headers.insert(HeaderName::from_static("x-ms-client-request-id"), HeaderValue::from_str(id)?);
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::try_from(request.content_type.as_str())?);
        }
        if request.method == http::Method::GET
            && let Some(session) = self.session_token(&request.target)
        {
            headers.insert(HeaderName::from_static("mscrm.sessiontoken"), HeaderValue::try_from(session)?);
        }
        // What the call says replaces the above; what it says twice stands twice.
        for (name, _) in &request.headers {
            headers.remove(*name);
        }
        for (name, value) in &request.headers {
            headers.append(HeaderName::try_from(*name)?, HeaderValue::try_from(value.as_str())?);
        }
        let names_somebody = headers.contains_key("callerobjectid") || headers.contains_key("mscrmcallerid");
        if let Some((name, value)) = self.caller().filter(|_| !names_somebody).map(Impersonation::header) {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        Ok(headers)
    }
}

fn is_refused(refusal: Option<&body::Refusal>) -> bool {
    refusal.is_some_and(body::Refusal::is_refused)
}
