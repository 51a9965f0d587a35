//! What happens to a request: who asks is found out, limits and faults strike, and it is answered.

use std::cell::RefCell;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;

use super::{Service, lock};
use crate::clock::Clock;
use crate::connection::Wire;
use crate::fault::FaultKind;
use crate::latency::{Written, server_of_cookie};
use crate::refusal;
use crate::route::{
    Answer, Context, Headers, Request, answer, before_commit, control, kind, thousands, throttled, writes_of,
};
use crate::throttle::Routing;

impl Service {
    /// Answers a request that has been read wholly.
    pub(crate) async fn run(&self, head: Parts, body: Bytes, wire: &Wire) -> http::Response<Bytes> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let headers = Headers::from(&head.headers);
        if let Some(target) = path.strip_prefix("/emulator") {
            let target = target.trim_start_matches('/').to_owned();
            let request = Request { method: head.method.to_string(), target, headers, body };
            return http_answer(control(self, &request));
        }
        lock(&self.counters).arrived();
        let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let url = host.map_or_else(|| self.url(), |host| format!("{}://{host}", self.scheme));
        let (answer, kind) = if let Some((version, target)) = version_and_target(path) {
            let root = format!("{url}/api/data/{version}/");
            let request =
                Request { method: head.method.to_string(), target: target.to_owned(), headers, body };
            let kind = kind(&request.method, request.path());
            (self.run_request(request, root, wire).await, kind)
        } else {
            let text = format!("No HTTP resource was found that matches the request URI '{url}{path}'.");
            (Answer::refused(&refusal::refusal(404, 0, text)), "other")
        };
        lock(&self.counters).answered(kind, answer.status);
        http_answer(answer)
    }

    async fn run_request(&self, request: Request, root: String, wire: &Wire) -> Answer {
        let user = match self.authenticate(&request.headers) {
            Ok(user) => user,
            Err(answer) => return answer,
        };
        let clock = self.clock();
        let (admitted, limits, server) = {
            let mut throttle = lock(&self.throttle);
            let servers = throttle.limits().servers.max(1);
            let number = match throttle.limits().routing {
                Routing::Connections => wire.number,
                Routing::Requests => scattered(self.seed ^ self.next_number()),
            };
            let server = server_of_cookie(&request)
                .unwrap_or_else(|| usize::try_from(number).unwrap_or_default())
                % servers;
            (throttle.admit(user, server, clock.elapsed()), throttle.limits().clone(), server)
        };
        let budget = match admitted {
            Ok(budget) => budget,
            Err(refused) => {
                lock(&self.counters).throttled(refused.facet);
                let wait = clock.to_real(refused.retry_after).as_secs_f64().ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at most a window"
                )]
                let seconds = (wait as u64).max(limits.least_retry_after);
                return throttled(refused.facet, &limits, seconds);
            }
        };
        let started = clock.elapsed();
        let path = request.path().to_owned();
        let (answer, written) = self.run_struck(request, root, user, wire, &clock).await;
        let latency = limits.cost_ms(|| self.schema(), &path, &written);
        if latency > 0.0 {
            tokio::time::sleep(clock.to_real(Duration::from_secs_f64(latency / 1_000.0))).await;
        }
        let finished = clock.elapsed();
        lock(&self.throttle).finish(user, server, finished, finished.saturating_sub(started));
        let answer = if limits.servers > 1 {
            // Who sends it back stays with this server, and has its budget alone.
            answer.with("set-cookie", format!("ARRAffinity={server};Path=/;HttpOnly"))
        } else {
            answer
        };
        answer
            .with("x-ms-dop-hint", limits.dop_hint.to_string())
            .with("x-ms-ratelimit-burst-remaining-xrm-requests", budget.requests_left.to_string())
            .with(
                "x-ms-ratelimit-time-remaining-xrm-requests",
                thousands(budget.execution_left.as_secs_f64()),
            )
            .with(
                "x-ms-service-request-id",
                crate::state::key::named_id(self.next_number(), "request").to_string(),
            )
    }

    /// Runs a request with whatever the plan of faults has in store for it.
    async fn run_struck(
        &self,
        request: Request,
        root: String,
        user: u32,
        wire: &Wire,
        clock: &Clock,
    ) -> (Answer, Written) {
        let asks = lock(&self.faults).asks_for_writes();
        let mut writes = if asks { writes_of(&request) } else { Vec::new() };
        let strike = lock(&self.faults).strike(&request.method, request.path(), &writes);
        let Some(strike) = strike else { return self.execute(&request, root, user, clock, None) };
        if !asks {
            writes = writes_of(&request);
        }
        {
            let mut counters = lock(&self.counters);
            counters.faulted(&strike.kind.name());
            if !writes.is_empty() {
                counters.struck(&strike.kind.name(), &writes);
            }
        }
        if let Some(answer) = before_commit(strike, &self.limits()) {
            match strike.kind {
                FaultKind::ResetBefore => wire.cut(),
                FaultKind::Kill => self.kill(),
                _ => {}
            }
            return (answer, Written::default());
        }
        if strike.kind == FaultKind::CommitLate {
            tokio::time::sleep(strike.delay).await;
        }
        let fails_every = (strike.kind == FaultKind::PartialFailure).then_some(strike.rows);
        let (answer, rows) = self.execute(&request, root, user, clock, fails_every);
        match strike.kind {
            FaultKind::LoseAnswer => wire.cut(),
            // Without a body there is nothing to cut in two.
            FaultKind::CutAnswer if answer.body.len() < 2 => wire.cut(),
            FaultKind::CutAnswer => wire.cut_half(),
            FaultKind::Slow => tokio::time::sleep(strike.delay).await,
            FaultKind::KillAfterCommit => self.kill(),
            _ => {}
        }
        (answer, rows)
    }

    /// Whether the connection is to be reset before the body of this request has arrived.
    pub(crate) fn resets_during(&self, method: &str, path: &str) -> bool {
        let Some((_, target)) = version_and_target(path) else { return false };
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let Some(strike) = lock(&self.faults).strike_early(method, path) else { return false };
        let mut counters = lock(&self.counters);
        counters.arrived();
        counters.faulted(&strike.kind.name());
        counters.unanswered(kind(method, path));
        true
    }

    fn execute(
        &self,
        request: &Request,
        root: String,
        user: u32,
        clock: &Clock,
        fails_every: Option<usize>,
    ) -> (Answer, Written) {
        let caller = match self.caller(user, &request.headers, clock.now_seconds()) {
            Ok(caller) => caller,
            Err(refusal) => return (Answer::refused(&refusal), Written::default()),
        };
        self.expire(clock.now_seconds());
        self.run_jobs(clock.now_seconds());
        let context = Context { service: self, caller, root, written: RefCell::default(), fails_every };
        let answer = answer(&context, request);
        (answer, context.written.into_inner())
    }

    /// Rows of elastic tables end by themselves.
    fn expire(&self, now: i64) {
        if self.organisation.read().unwrap_or_else(PoisonError::into_inner).is_expiry_due(now) {
            self.organisation.write().unwrap_or_else(PoisonError::into_inner).expire(now);
        }
    }
}

/// `/api/data/v9.2/accounts` as `v9.2` and `accounts`.
fn version_and_target(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/api/data/")?;
    let (version, target) = rest.split_once('/').unwrap_or((rest, ""));
    matches!(version, "v9.0" | "v9.1" | "v9.2").then_some((version, target))
}

fn http_answer(answer: Answer) -> http::Response<Bytes> {
    let mut builder = http::Response::builder().status(answer.status).header("odata-version", "4.0");
    for (name, value) in &answer.headers {
        builder = builder.header(*name, value);
    }
    builder.body(answer.body).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer with impossible headers");
        http::Response::new(Bytes::new())
    })
}

/// A number that looks random (`SplitMix64`).
fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_versions_are_served() {
        assert_eq!(version_and_target("/api/data/v9.2/accounts?x"), Some(("v9.2", "accounts?x")));
        assert_eq!(version_and_target("/api/data/v9.0"), Some(("v9.0", "")));
        assert_eq!(version_and_target("/api/data/v8.2/accounts"), None);
    }
}
