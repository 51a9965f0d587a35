//! Many requests in one (reference §3).

use dataverse_wire::batch::{
    Answer as PartAnswer, BatchAnswer, BatchItem, BatchRequest, BatchResponse, Method as PartMethod,
    Operation,
};
use dataverse_wire::limits;
use http::Method;
use uuid::Uuid;

use super::outcome::{Outcomes, PartOutcome, named};
use crate::send::{Repeat, Request};
use crate::{Client, Error, Impersonation, WriteOptions};

/// Whether requests that come after a failed one are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContinueOnError {
    /// All are executed.
    Yes,
    /// Execution stops at the first failure; what was done before stays done.
    No,
}

/// Many requests in one.
impl Client {
    /// Sends up to 1,000 requests at once. The outcomes stand in the order of the requests, those of change sets one by
    /// one, whatever the service answered; there are exactly as many.
    ///
    /// Targets may be given relative to the service root (`accounts(…)`). The headers of `options` go on every part.
    /// In doubt as a whole if the answer is lost, unless every request in it may be repeated.
    ///
    /// # Errors
    /// [`Error::Input`] for too many requests or a read inside a change set, otherwise as every write. A refused part is
    /// no error but an outcome.
    pub async fn execute_batch(
        &self,
        batch: BatchRequest,
        continue_on_error: ContinueOnError,
        options: &WriteOptions,
    ) -> Result<Outcomes, Error> {
        let batch = self.prepare(batch, options)?;
        if batch.items.is_empty() {
            return Ok(Outcomes::default());
        }
        let encoded = batch.encode(&format!("batch_{}", Uuid::new_v4()));
        let mut request = Request::write("batch", Method::POST, "$batch", "$batch", options)
            .body(encoded.body)
            .repeat(repeat_of(&batch));
        request.content_type = encoded.content_type;
        request.takes_multipart = true;
        if continue_on_error == ContinueOnError::Yes {
            request = request.header("Prefer", "odata.continue-on-error");
        }
        let answer = self.send(request).await?;
        let content_type = answer.header("Content-Type").unwrap_or_default().to_owned();
        let read = BatchResponse::decode(&content_type, &answer.body);
        if let Ok(response) = &read {
            self.note_sessions(&batch, response);
        }
        match read.map_err(|error| error.to_string()).and_then(|response| match_answers(&batch, &response)) {
            Ok(parts) => Ok(Outcomes::new(parts, &batch, &answer, self.root())),
            Err(reason) => Err(answer.unreadable(reason)),
        }
    }

    /// Parts that wrote rows of elastic tables tell a session token each.
    fn note_sessions(&self, batch: &BatchRequest, response: &BatchResponse) {
        for (item, answer) in batch.items.iter().zip(&response.items) {
            let (BatchItem::Operation(operation), BatchAnswer::Answer(answer)) = (item, answer) else {
                continue;
            };
            if let Some(token) = answer.header("x-ms-session-token") {
                self.set_session_token(&named(operation, self.root()).0, token);
            }
        }
    }

    fn prepare(&self, mut batch: BatchRequest, options: &WriteOptions) -> Result<BatchRequest, Error> {
        let refuse = |reason: String| Err(Error::Input { operation: "batch", reason });
        let count = batch.operation_count();
        if count > limits::BATCH_OPERATIONS {
            return refuse(format!("it has {count} requests, more than {}", limits::BATCH_OPERATIONS));
        }
        let mut extra = options.headers();
        if options.impersonate.is_none() {
            extra.extend(self.caller().map(Impersonation::header));
        }
        let finish = |operation: &mut Operation| {
            if operation.method == PartMethod::Get
                && let Some(token) = self.session_token(&named(operation, self.root()).0)
            {
                operation.headers.push(("MSCRM.SessionToken".to_owned(), token));
            }
            let is_resolved = operation.target.contains("://") || operation.target.starts_with(['/', '$']);
            if !is_resolved {
                operation.target = self.url_of(&operation.target);
            }
            operation.headers.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        };
        let mut next_id = 1;
        for item in &mut batch.items {
            match item {
                BatchItem::Operation(operation) => finish(operation),
                BatchItem::ChangeSet(operations) => {
                    for operation in operations {
                        if operation.method == PartMethod::Get {
                            return refuse("a change set holds a GET".to_owned());
                        }
                        finish(operation);
                        // A content id is demanded; ids of our own stay clear of the caller's small numbers.
                        operation.content_id.get_or_insert_with(|| format!("{}", 100_000 + next_id));
                        next_id += 1;
                    }
                }
            }
        }
        Ok(batch)
    }
}

/// A batch may be repeated if everything in it may.
fn repeat_of(batch: &BatchRequest) -> Repeat {
    let is_repeatable = |operation: &Operation| match operation.method {
        PartMethod::Get | PartMethod::Put | PartMethod::Delete => true,
        PartMethod::Patch => operation.header("If-Match").is_none_or(|etag| etag == "*"),
        PartMethod::Post => operation.target.ends_with("/$ref"),
    };
    let all = batch.items.iter().all(|item| match item {
        BatchItem::Operation(operation) => is_repeatable(operation),
        BatchItem::ChangeSet(operations) => operations.iter().all(is_repeatable),
    });
    if all { Repeat::Safe } else { Repeat::AskFirst }
}

/// One outcome per request: a refused change set answers once for all, and after a stop the rest was not executed.
fn match_answers(batch: &BatchRequest, response: &BatchResponse) -> Result<Vec<PartOutcome>, String> {
    let mut outcomes = Vec::with_capacity(batch.operation_count());
    let mut answers = response.items.iter();
    let mut has_failed = false;
    for item in &batch.items {
        let Some(answer) = answers.next() else {
            if !has_failed {
                return Err(format!(
                    "it has {} parts for {} requests",
                    response.items.len(),
                    batch.items.len()
                ));
            }
            let count = match item {
                BatchItem::Operation(_) => 1,
                BatchItem::ChangeSet(operations) => operations.len(),
            };
            outcomes.extend((0..count).map(|_| PartOutcome::NotExecuted));
            continue;
        };
        let start = outcomes.len();
        match (item, answer) {
            (BatchItem::Operation(_), BatchAnswer::Answer(answer)) => outcomes.push(PartOutcome::of(answer)),
            (BatchItem::ChangeSet(operations), BatchAnswer::Answer(answer)) => {
                match PartOutcome::of(answer) {
                    PartOutcome::Refused(fault) => {
                        outcomes.extend(operations.iter().map(|_| PartOutcome::Refused(fault.clone())));
                    }
                    _ => return Err("a change set was answered by a single success".to_owned()),
                }
            }
            (BatchItem::ChangeSet(operations), BatchAnswer::ChangeSet(answers)) => {
                outcomes.extend(match_change_set(operations, answers)?);
            }
            (BatchItem::Operation(_), BatchAnswer::ChangeSet(_)) => {
                return Err("a single request was answered by a change set".to_owned());
            }
        }
        has_failed |= outcomes[start..].iter().any(|outcome| !outcome.is_done());
    }
    if answers.next().is_some() {
        return Err(format!("it has {} parts for {} requests", response.items.len(), batch.items.len()));
    }
    Ok(outcomes)
}

/// By content id where the service repeats it, by position otherwise.
fn match_change_set(operations: &[Operation], answers: &[PartAnswer]) -> Result<Vec<PartOutcome>, String> {
    if let [only] = answers
        && !only.is_success()
    {
        let fault = PartOutcome::of(only);
        return Ok(operations.iter().map(|_| fault.clone()).collect());
    }
    if answers.len() != operations.len() {
        return Err(format!("a change set of {} requests has {} answers", operations.len(), answers.len()));
    }
    let named =
        |operation: &Operation| answers.iter().find(|answer| answer.content_id == operation.content_id);
    let are_all_named = operations.iter().all(|operation| named(operation).is_some());
    let matched = operations.iter().zip(answers).map(|(operation, by_position)| {
        let answer = if are_all_named { named(operation).unwrap_or(by_position) } else { by_position };
        PartOutcome::of(answer)
    });
    Ok(matched.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(target: &str) -> Operation {
        Operation::new(PartMethod::Post, target).with_json("{}")
    }

    fn answer(status: u16) -> BatchAnswer {
        BatchAnswer::Answer(PartAnswer::new(status))
    }

    #[test]
    fn a_refused_change_set_answers_for_each_of_its_requests_and_stops_the_rest() {
        let batch = BatchRequest {
            items: vec![
                BatchItem::Operation(post("a")),
                BatchItem::ChangeSet(vec![post("b"), post("c")]),
                BatchItem::Operation(post("d")),
                BatchItem::ChangeSet(vec![post("e"), post("f")]),
            ],
        };
        let response = BatchResponse { items: vec![answer(204), answer(400)] };
        let outcomes = match_answers(&batch, &response).unwrap();
        assert!(outcomes[0].is_done());
        assert!(outcomes[1].fault().is_some() && outcomes[2].fault().is_some());
        assert_eq!(
            outcomes[3..],
            [PartOutcome::NotExecuted, PartOutcome::NotExecuted, PartOutcome::NotExecuted]
        );
    }

    #[test]
    fn too_few_or_too_many_answers_are_no_answer() {
        let batch: BatchRequest = [post("a"), post("b")].into_iter().collect();
        for statuses in [&[][..], &[204], &[204, 204, 204]] {
            let response = BatchResponse { items: statuses.iter().map(|status| answer(*status)).collect() };
            assert!(match_answers(&batch, &response).is_err(), "{statuses:?}");
        }
    }

    #[test]
    fn answers_of_a_change_set_are_matched_by_content_id() {
        let operations = vec![post("a").with_content_id("1"), post("b").with_content_id("2")];
        let named =
            |id: &str, status| PartAnswer { content_id: Some(id.to_owned()), ..PartAnswer::new(status) };
        let outcomes = match_change_set(&operations, &[named("2", 201), named("1", 204)]).unwrap();
        let statuses: Vec<_> = outcomes
            .iter()
            .map(|outcome| match outcome {
                PartOutcome::Done { status, .. } => *status,
                _ => 0,
            })
            .collect();
        assert_eq!(statuses, [204, 201]);
    }

    #[test]
    fn a_batch_with_one_create_must_not_be_repeated_blindly() {
        let safe: BatchRequest = [
            Operation::new(PartMethod::Get, "a"),
            Operation::new(PartMethod::Patch, "a(1)").with_header("If-Match", "*"),
            Operation::new(PartMethod::Delete, "a(1)"),
            post("a(1)/b/$ref"),
        ]
        .into_iter()
        .collect();
        assert_eq!(repeat_of(&safe), Repeat::Safe);
        let create: BatchRequest = [Operation::new(PartMethod::Get, "a"), post("a")].into_iter().collect();
        assert_eq!(repeat_of(&create), Repeat::AskFirst);
    }
}
