//! `/emulator/…`: what tests and rehearsals turn at run time.

use super::exchange::{Answer, Request};
use crate::fault::FaultPlan;
use crate::service::Service;
use crate::throttle::Limits;

/// Answers a request to the emulator itself. These are neither throttled nor counted, and never fail on purpose.
pub(crate) fn control(service: &Service, request: &Request) -> Answer {
    match (request.method.as_str(), request.path().trim_matches('/')) {
        ("GET", "stats") => json(&service.stats()),
        ("GET", "faults") => json(&service.fault_plan()),
        ("PUT", "faults") => match serde_json::from_slice::<FaultPlan>(&request.body) {
            Ok(plan) => {
                if let Some(problem) = plan.problem() {
                    return Answer::text(400, format!("not a plan of faults: {problem}"));
                }
                service.set_faults(plan);
                Answer::no_content()
            }
            Err(error) => Answer::text(400, format!("not a plan of faults: {error}")),
        },
        ("GET", "limits") => json(&service.limits()),
        ("PUT", "limits") => match serde_json::from_slice::<Limits>(&request.body) {
            Ok(limits) => {
                if let Some(problem) = limits.problem() {
                    return Answer::text(400, format!("not a set of limits: {problem}"));
                }
                service.set_limits(limits);
                Answer::no_content()
            }
            Err(error) => Answer::text(400, format!("not a set of limits: {error}")),
        },
        ("POST", "reset") => {
            service.reset();
            Answer::no_content()
        }
        (method, path) => Answer::text(
            404,
            format!(
                "{method} /emulator/{path} is not known; there are GET stats, GET and PUT faults, GET and PUT limits, \
                 and POST reset"
            ),
        ),
    }
}

fn json<T: serde::Serialize>(value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => Answer::json(body),
        Err(error) => Answer::text(500, error.to_string()),
    }
}
