//! Answers of a service that cannot now: throttled, unavailable, in trouble with its database.

use dataverse_wire::fault::ServiceCode;

use super::exchange::Answer;
use crate::fault::{FaultKind, Strike};
use crate::refusal;
use crate::throttle::{Facet, Limits};

/// Faults that keep a request from being done at all.
pub(crate) fn before_commit(strike: Strike, limits: &Limits) -> Option<Answer> {
    let sql = |number: &str, code: u32, crm: &str| {
        let text = format!(
            "Generic SQL error. CRM ErrorCode: {crm} Sql ErrorCode: -2146232060 Sql Number: {number}"
        );
        Answer::refused(&refusal::refusal(500, code, text))
    };
    Some(match strike.kind {
        FaultKind::ResetBefore | FaultKind::ResetDuring | FaultKind::Kill => {
            Answer::text(500, "the connection is reset")
        }
        FaultKind::Throttle => {
            let facet = match strike.code {
                Some(ServiceCode::THROTTLED_TIME) => Facet::ExecutionTime,
                Some(ServiceCode::THROTTLED_CONCURRENCY) => Facet::Concurrency,
                _ => Facet::Requests,
            };
            throttled(facet, limits, strike.retry_after)
        }
        FaultKind::QueryThrottle => {
            let code = strike.code.map_or(0x8004_8544, |code| code.0);
            let text = match code {
                0x8004_8644 => "This query was throttled again: it keeps timing out. Make it cheaper.",
                0x8004_8744 => "This query is blocked for now: it kept timing out.",
                _ => {
                    "This query was throttled: it has timed out before. Try again later, or make it cheaper."
                }
            };
            Answer::refused(&refusal::refusal(400, code, text))
        }
        FaultKind::Unavailable => match strike.code {
            Some(code) => {
                let text = "The server is busy and the request was not completed. Try again later.";
                Answer::refused(&refusal::refusal(503, code.0, text))
            }
            None => Answer::text(503, "Service Unavailable"),
        }
        .with("retry-after", strike.retry_after.to_string()),
        FaultKind::TokenExpired => {
            Answer::refused(&refusal::refusal(401, 0x8004_A101, "The authentication ticket has expired."))
                .with(
                    "www-authenticate",
                    "Bearer error=\"invalid_token\", error_description=\"The token expired\"",
                )
        }
        FaultKind::Deadlock => sql("1205", 0x8004_4150, "-2147204784"),
        FaultKind::SqlTimeout => sql("-2", 0x8004_4151, "-2147204783"),
        FaultKind::LoseAnswer
        | FaultKind::CutAnswer
        | FaultKind::CommitLate
        | FaultKind::Slow
        | FaultKind::PartialFailure
        | FaultKind::KillAfterCommit => return None,
    })
}

/// 429, in the words of the limit.
pub(crate) fn throttled(facet: Facet, limits: &Limits, seconds: u64) -> Answer {
    let window = limits.window_seconds;
    let (code, text) = match facet {
        Facet::Requests => (
            0x8007_2322,
            format!(
                "Number of requests exceeded the limit of {} over time window of {window} seconds.",
                limits.requests
            ),
        ),
        Facet::ExecutionTime => (
            0x8007_2321,
            format!(
                "Combined execution time of incoming requests exceeded limit of {} milliseconds over time window of \
                 {window} seconds. Decrease number of concurrent requests or reduce the duration of requests and try \
                 again later.",
                grouped(limits.execution_ms)
            ),
        ),
        Facet::Concurrency => (
            0x8007_2326,
            format!("Number of concurrent requests exceeded the limit of {}.", limits.concurrent),
        ),
    };
    Answer::refused(&refusal::refusal(429, code, text)).with("retry-after", seconds.to_string())
}

/// `1,200,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1,199.90`.
pub(crate) fn thousands(seconds: f64) -> String {
    let text = format!("{seconds:.2}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    format!("{}.{fraction}", grouped(whole.parse().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_with_separators_as_the_service_does() {
        assert_eq!(grouped(1_200_000), "1,200,000");
        assert_eq!(thousands(1_199.9), "1,199.90");
    }
}
