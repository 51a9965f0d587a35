//! Faults on purpose, from a plan that a seed makes repeatable.

use std::time::Duration;

use dataverse_wire::fault::ServiceCode;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The request commits, then the connection is reset without an answer.
    LoseAnswer,
    /// The request commits, then the connection is reset in the middle of the answer's body.
    CutAnswer,
    /// The request waits `ms` before it commits, whether its client waits or not.
    CommitLate,
    /// The connection is reset before anything is done.
    ResetBefore,
    /// The connection is reset while the request's body arrives; nothing is done.
    ResetDuring,
    /// 429 with `Retry-After: retry_after`, in the words of `code` (`0x80072322` where none); nothing is done.
    Throttle,
    /// 400 with a code of query throttling, which is no 429: `code` (`0x80048544` where none); nothing is done.
    QueryThrottle,
    /// 503, with the error of `code` (such as `0x8004A001`) or without one; nothing is done.
    Unavailable,
    /// 500, SQL error 1205; nothing is kept.
    Deadlock,
    /// 500, SQL timeout; nothing is kept.
    SqlTimeout,
    /// 401, the token has expired; nothing is done.
    TokenExpired,
    /// The answer comes `ms` later than it would; the commit does not.
    Slow,
    /// Bulk messages on elastic tables: every `rows`-th row fails, the others are written.
    PartialFailure,
    /// The emulator ends like a killed process, before anything is done: no connection is answered any more.
    Kill,
    /// The request commits, then the emulator ends like a killed process.
    KillAfterCommit,
}

impl FaultKind {
    /// As plans and statistics spell it.
    pub(crate) fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Strikes before a request has been read, where the others wait until it has been let in.
    fn is_early(self) -> bool {
        self == Self::ResetDuring
    }
}

/// One rule: which requests it looks at, which of those it hits, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only requests of this method (`POST`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path after the service root matches; `*` stands for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only requests to this entity set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Only requests that ask for such a write, also inside a `$batch`: `create`, `CreateMultiple`, `associate`, `delete`,
    /// `WinOpportunity` and so on, as [`Stats::struck`](crate::Stats::struck) names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
    /// Hits every n-th matching request (1: each).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Hits a matching request with this probability, drawn from the plan's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Lets so many matching requests pass first.
    #[serde(default)]
    pub after: u64,
    /// Hits at most so often; without it, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// A hit is followed by so many in all, one matching request after the other: a storm (1: by none).
    #[serde(default = "one")]
    pub burst: u64,
    /// The code told, for `throttle`, `query_throttle` and `unavailable`: `"0x80072326"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ServiceCode>,
    /// Which rows fail, for `partial_failure`: each so-manieth (2: the second, the fourth …).
    #[serde(default = "two")]
    pub rows: usize,
    /// Delay in milliseconds, for `commit_late` and `slow`.
    #[serde(default)]
    pub ms: u64,
    /// Seconds told to the client, for `throttle` and `unavailable`.
    #[serde(default = "one")]
    pub retry_after: u64,
}

fn one() -> u64 {
    1
}

fn two() -> usize {
    2
}

impl FaultRule {
    /// A rule that hits every request, for ever.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            method: None,
            path: None,
            table: None,
            write: None,
            every: None,
            probability: None,
            after: 0,
            count: None,
            burst: one(),
            code: None,
            rows: two(),
            ms: 0,
            retry_after: one(),
        }
    }

    /// Only requests whose path after the service root matches; `*` stands for anything.
    #[must_use]
    pub fn on_path(mut self, pattern: impl Into<String>) -> Self {
        self.path = Some(pattern.into());
        self
    }

    /// Only requests of this method.
    #[must_use]
    pub fn on_method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only requests that ask for such a write, also inside a `$batch`.
    #[must_use]
    pub fn on_write(mut self, kind: impl Into<String>) -> Self {
        self.write = Some(kind.into());
        self
    }

    /// At most so many hits.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Every n-th matching request.
    #[must_use]
    pub fn every(mut self, n: u64) -> Self {
        self.every = Some(n);
        self
    }

    /// The delay of `commit_late` and `slow`.
    #[must_use]
    pub fn delayed_by(mut self, delay: Duration) -> Self {
        self.ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// A storm: each hit is followed by more, so many in all.
    #[must_use]
    pub fn in_bursts_of(mut self, hits: u64) -> Self {
        self.burst = hits;
        self
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// The code told, such as `0x80072326` for too many requests at once.
    #[must_use]
    pub fn with_code(mut self, code: ServiceCode) -> Self {
        self.code = Some(code);
        self
    }

    fn problem(&self) -> Option<String> {
        let delays = matches!(self.kind, FaultKind::CommitLate | FaultKind::Slow);
        let takes_code =
            matches!(self.kind, FaultKind::Throttle | FaultKind::QueryThrottle | FaultKind::Unavailable);
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Some("probability is between 0 and 1".to_owned());
        }
        for (name, number) in
            [("every", self.every), ("burst", Some(self.burst)), ("rows", Some(self.rows as u64))]
        {
            if number == Some(0) {
                return Some(format!("{name} is at least 1"));
            }
        }
        match () {
            () if self.kind.is_early() && self.write.is_some() => {
                Some("reset_during strikes before it is known what a request asks for".to_owned())
            }
            () if delays && self.ms == 0 => Some("ms says how late it is, and is missing".to_owned()),
            () if !delays && self.ms > 0 => Some("ms is for commit_late and slow".to_owned()),
            () if !takes_code && self.code.is_some() => {
                Some("code is for throttle, query_throttle and unavailable".to_owned())
            }
            () => None,
        }
    }

    fn looks_at(&self, method: &str, path: &str, entity_set: &str, writes: &[String]) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|pattern| matches(pattern, path))
            && self.table.as_deref().is_none_or(|wanted| wanted == entity_set)
            && self.write.as_ref().is_none_or(|wanted| writes.contains(wanted))
    }
}

/// Which faults to raise. JSON: `{"seed":7,"rules":[{"kind":"lose_answer","path":"*CreateMultiple","every":3}]}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Feeds `probability`.
    #[serde(default)]
    pub seed: u64,
    /// Rules in order; the first that hits decides.
    #[serde(default)]
    pub rules: Vec<FaultRule>,
}

impl FaultPlan {
    /// A plan of these rules.
    pub fn of(rules: impl IntoIterator<Item = FaultRule>) -> Self {
        Self { seed: 0, rules: rules.into_iter().collect() }
    }

    /// What makes no sense, if anything does not.
    pub(crate) fn problem(&self) -> Option<String> {
        (1..).zip(&self.rules).find_map(|(number, rule)| {
            let wrong = rule.problem()?;
            Some(format!("rule {number} ({}): {wrong}", rule.kind.name()))
        })
    }
}

/// What a request is to suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) kind: FaultKind,
    pub(crate) delay: Duration,
    pub(crate) retry_after: u64,
    pub(crate) code: Option<ServiceCode>,
    pub(crate) rows: usize,
}

/// A plan at work: counts what each rule has seen.
#[derive(Debug, Default)]
pub(crate) struct FaultScript {
    plan: FaultPlan,
    seen: Vec<u64>,
    hits: Vec<u64>,
    /// Hits that are still to come of a storm.
    storm: Vec<u64>,
    draws: u64,
}

impl FaultScript {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let rule_count = plan.rules.len();
        Self {
            plan,
            seen: vec![0; rule_count],
            hits: vec![0; rule_count],
            storm: vec![0; rule_count],
            draws: 0,
        }
    }

    pub(crate) fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// Decides about a request whose body is still to be read: only `reset_during` strikes that early.
    pub(crate) fn strike_early(&mut self, method: &str, path: &str) -> Option<Strike> {
        self.strike_at(method, path, &[], true)
    }

    /// Decides about a request that was read and let in, and that asks for these writes.
    pub(crate) fn strike(&mut self, method: &str, path: &str, writes: &[String]) -> Option<Strike> {
        self.strike_at(method, path, writes, false)
    }

    /// Whether rules ask what requests write.
    pub(crate) fn asks_for_writes(&self) -> bool {
        self.plan.rules.iter().any(|rule| rule.write.is_some())
    }

    /// Every rule that looks at a request counts it.
    fn strike_at(&mut self, method: &str, path: &str, writes: &[String], early: bool) -> Option<Strike> {
        let entity_set = path.split(['(', '/']).next().unwrap_or_default();
        let mut struck = None;
        for (index, rule) in self.plan.rules.iter().enumerate() {
            if rule.kind.is_early() != early || !rule.looks_at(method, path, entity_set, writes) {
                continue;
            }
            self.seen[index] += 1;
            let position = self.seen[index];
            if struck.is_some()
                || position <= rule.after
                || rule.count.is_some_and(|most| self.hits[index] >= most)
            {
                continue;
            }
            let goes_on = self.storm[index] > 0;
            let in_turn = rule.every.is_none_or(|n| n > 0 && (position - rule.after).is_multiple_of(n));
            let by_luck = goes_on
                || rule.probability.is_none_or(|p| {
                    self.draws += 1;
                    draw(self.plan.seed, self.draws) < p
                });
            if goes_on || in_turn && by_luck {
                self.hits[index] += 1;
                self.storm[index] = if goes_on { self.storm[index] } else { rule.burst }.saturating_sub(1);
                struck = Some(Strike {
                    kind: rule.kind,
                    delay: Duration::from_millis(rule.ms),
                    retry_after: rule.retry_after,
                    code: rule.code,
                    rows: rule.rows.max(1),
                });
            }
        }
        struck
    }
}

/// A number in 0..1 from a seed and a position (`SplitMix64`).
fn draw(seed: u64, position: u64) -> f64 {
    let mut z = seed.wrapping_add(position.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let fraction = (z >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            match rest.find(previous) {
                Some(at) => rest = &rest[at + previous.len()..],
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |tail: &str| rest.ends_with(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_with_stars_anywhere() {
        assert!(matches("accounts*", "accounts/Microsoft.Dynamics.CRM.CreateMultiple"));
        assert!(matches("*CreateMultiple", "accounts/Microsoft.Dynamics.CRM.CreateMultiple"));
        assert!(matches("*/*.Create*", "accounts/Microsoft.Dynamics.CRM.CreateMultiple"));
        assert!(matches("$batch", "$batch"));
        assert!(!matches("$batch", "$batches"));
        assert!(!matches("*ab*ab", "ab"));
    }

    #[test]
    fn a_rule_hits_every_nth_request_so_often() {
        let rule = FaultRule::new(FaultKind::LoseAnswer).on_method("post").every(2).times(2);
        let mut script = FaultScript::new(FaultPlan::of([rule]));
        let hits: Vec<bool> = (0..8).map(|_| script.strike("POST", "accounts", &[]).is_some()).collect();
        assert_eq!(hits, [false, true, false, true, false, false, false, false]);
        assert!(script.strike("GET", "accounts", &[]).is_none());
    }

    #[test]
    fn a_rule_for_a_kind_of_write_lets_others_pass() {
        let mut script =
            FaultScript::new(FaultPlan::of([FaultRule::new(FaultKind::LoseAnswer).on_write("associate")]));
        assert!(script.asks_for_writes());
        let mut hits = |writes: &[&str]| {
            let writes: Vec<String> = writes.iter().map(ToString::to_string).collect();
            script.strike("POST", "$batch", &writes).is_some()
        };
        assert!(!hits(&["delete", "delete"]));
        assert!(hits(&["delete", "associate"]));
        let early = FaultRule::new(FaultKind::ResetDuring).on_write("delete");
        assert!(FaultPlan::of([early]).problem().is_some(), "its body was not read");
    }

    #[test]
    fn a_storm_goes_on_until_it_is_over_and_comes_again() {
        let rule = FaultRule::new(FaultKind::Throttle).after(1).every(4).in_bursts_of(3).times(5);
        let mut script = FaultScript::new(FaultPlan::of([rule]));
        let hits: Vec<bool> = (0..12).map(|_| script.strike("POST", "x", &[]).is_some()).collect();
        let text: String = hits.iter().map(|hit| if *hit { '!' } else { '.' }).collect();
        assert_eq!(text, "....!!!.!!..");
    }

    #[test]
    fn a_reset_during_the_body_is_decided_before_the_body_is_read() {
        let plan = [FaultRule::new(FaultKind::ResetDuring), FaultRule::new(FaultKind::Deadlock)];
        let mut script = FaultScript::new(FaultPlan::of(plan));
        assert_eq!(script.strike_early("POST", "x").map(|strike| strike.kind), Some(FaultKind::ResetDuring));
        assert_eq!(script.strike("POST", "x", &[]).map(|strike| strike.kind), Some(FaultKind::Deadlock));
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let plan = FaultPlan {
            seed: 42,
            rules: vec![FaultRule { probability: Some(0.3), ..FaultRule::new(FaultKind::Deadlock) }],
        };
        let run = |plan: &FaultPlan| -> Vec<bool> {
            let mut script = FaultScript::new(plan.clone());
            (0..200).map(|_| script.strike("POST", "x", &[]).is_some()).collect()
        };
        let hits = run(&plan);
        assert_eq!(hits, run(&plan));
        let count = hits.iter().filter(|hit| **hit).count();
        assert!((30..90).contains(&count), "{count} of 200 at probability 0.3");
    }
}
