//! The loader's events, as people and logs want them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::event::Observer;
use crate::{Event, Step};

/// Passes the loader's events on.
pub(crate) struct Watch {
    step: Step,
    observer: Arc<dyn Observer>,
    /// Planned and recorded rows, by table.
    progress: Mutex<BTreeMap<String, (u64, u64)>>,
    /// Requests without an answer that were told of, by table.
    unanswered: Mutex<BTreeMap<String, usize>>,
    /// Since when only others had rows of a table, and whether that was told.
    others: Mutex<BTreeMap<String, (Instant, bool)>>,
}

/// Workers beside each other wait for the last rows of a table all the time; longer than this is worth a word.
const WORTH_TELLING: Duration = Duration::from_secs(5);

impl Watch {
    pub(crate) fn new(step: Step, observer: &Arc<dyn Observer>) -> Self {
        Self {
            step,
            observer: Arc::clone(observer),
            progress: Mutex::default(),
            unanswered: Mutex::default(),
            others: Mutex::default(),
        }
    }

    /// Says once that others hold what is left of a table, when that lasts.
    fn others(&self, table: &str, expiry: Duration, now: Instant) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, told) = others.entry(table.to_owned()).or_insert((now, false));
        if *told || now.duration_since(*since) < WORTH_TELLING {
            return;
        }
        *told = true;
        drop(others);
        self.notice(
            table,
            format!(
                "what is left is leased to another worker; if that one is dead, its rows come back in {} at the latest \
                 (load.lease)",
                span(expiry)
            ),
        );
    }

    /// This worker has rows of the table again.
    fn has_work(&self, table: &str) {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).remove(table);
    }

    /// Says once that requests have no answer; the loader asks again every few seconds, for minutes.
    fn waiting(&self, table: &str, requests: usize, due: Duration) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        let told = std::mem::replace(unanswered.entry(table.to_owned()).or_default(), requests);
        drop(unanswered);
        if requests <= told {
            return;
        }
        let (those, have) = if requests == 1 { ("its", "request has") } else { ("their", "requests have") };
        self.notice(
            table,
            format!(
                "{requests} {have} no answer yet; {those} rows are looked for in {} at the earliest, when they can \
                 no longer be under way (load.quiet_time)",
                span(due)
            ),
        );
    }

    /// One request less to wait for.
    fn looked_for(&self, table: &str) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(requests) = unanswered.get_mut(table) {
            *requests = requests.saturating_sub(1);
        }
    }

    fn notice(&self, table: &str, message: String) {
        self.observer.event(&Event::Notice { step: self.step, table: Some(table.to_owned()), message });
    }

    fn tell(&self, what: &'static str, table: &str, pass: Option<&'static str>, rows: Option<u64>) {
        let table = Some(table.to_owned());
        self.observer.event(&Event::Load { step: self.step, what, table, pass, rows });
    }

    /// Adds planned and recorded rows of a table and tells how far it is.
    fn moved(&self, table: &str, planned: u64, recorded: u64) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, done) = progress.entry(table.to_owned()).or_default();
        *total += planned;
        *done += recorded;
        let event = Event::Progress {
            step: self.step,
            table: table.to_owned(),
            rows: *done,
            total: Some((*total).max(*done)),
        };
        drop(progress);
        self.observer.event(&event);
    }
}

impl batch_loader::Observer for Watch {
    fn event(&self, event: &batch_loader::Event) {
        use batch_loader::Event as Load;
        let count = |rows: &usize| Some(*rows as u64);
        match event {
            Load::Planned { table, pass, rows } => {
                self.tell("planned", table, Some(pass.as_str()), Some(*rows));
                if *rows > 0 {
                    self.moved(table, *rows, 0);
                }
            }
            Load::Leased { table, pass, rows } => {
                self.has_work(table);
                self.tell("leased", table, Some(pass.as_str()), Some(*rows));
            }
            Load::Manifested { table, pass, rows, .. } => {
                self.tell("manifested", table, Some(pass.as_str()), count(rows));
            }
            Load::Sending { table, pass, rows, .. } => {
                self.tell("sending", table, Some(pass.as_str()), count(rows));
            }
            Load::Answered { table, pass, .. } => self.tell("answered", table, Some(pass.as_str()), None),
            Load::Isolated { table, pass, rows, .. } => {
                self.tell("isolated", table, Some(pass.as_str()), count(rows));
            }
            Load::Recorded { table, pass, succeeded, errors } => {
                self.tell("recorded", table, Some(pass.as_str()), Some(succeeded + errors));
                self.moved(table, 0, succeeded + errors);
            }
            Load::KeysUnusable { table, rule, rows, example } => {
                self.tell("keys-unusable", table, None, Some(*rows));
                let noun = if *rows == 1 { "row is" } else { "rows are" };
                self.notice(
                    table,
                    format!("{rows} {noun} in error ({rule}) before being sent; one of them: {example}"),
                );
            }
            Load::Waiting { table, pass, requests, due, .. } => {
                self.tell("waiting", table, Some(pass.as_str()), None);
                self.waiting(table, *requests, *due);
            }
            Load::Others { table, pass, expiry } => {
                self.tell("others-work", table, Some(pass.as_str()), None);
                self.others(table, *expiry, Instant::now());
            }
            Load::Probed { table, pass, rows, adopted, .. } => {
                self.tell("probed", table, Some(pass.as_str()), count(rows));
                self.looked_for(table);
                let message =
                    format!("{adopted} of {rows} rows without an answer had arrived and were taken over");
                self.notice(table, message);
            }
            Load::Swept { table, adopted, .. } => self.tell("swept", table, None, count(adopted)),
            Load::LevelDone { table, .. } => self.tell("level-done", table, None, None),
            Load::TableDone { table, pass } => self.tell("table-done", table, Some(pass.as_str()), None),
            // What the limiter does matters to logs, not to people.
            _ => {}
        }
    }
}

/// `45 s`, `9 min 50 s`.
fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil();
    let (minutes, rest) = ((seconds / 60.0).floor(), seconds % 60.0);
    if minutes < 1.0 { format!("{rest:.0} s") } else { format!("{minutes:.0} min {rest:02.0} s") }
}

#[cfg(test)]
mod tests {
    use batch_loader::Observer as _;
    use staging_schema::Pass;

    use super::*;

    fn waiting(requests: usize, due: u64) -> batch_loader::Event {
        batch_loader::Event::Waiting {
            table: "contact".to_owned(),
            pass: Pass::Insert,
            requests,
            wait: Duration::from_secs(5),
            due: Duration::from_secs(due),
        }
    }

    fn notices(events: &[batch_loader::Event]) -> Vec<String> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&heard);
        let observer: Arc<dyn Observer> = Arc::new(move |event: &Event| {
            if let Event::Notice { message, .. } = event {
                listener.lock().unwrap().push(message.clone());
            }
        });
        let watch = Watch::new(Step::Load, &observer);
        for event in events {
            watch.event(event);
        }
        heard.lock().unwrap().clone()
    }

    #[test]
    fn a_wait_of_minutes_is_told_once_with_its_true_length() {
        let heard = notices(&[waiting(2, 590), waiting(2, 585), waiting(2, 4), waiting(1, 1)]);
        assert_eq!(
            heard,
            [
                "2 requests have no answer yet; their rows are looked for in 9 min 50 s at the earliest, when they \
              can no longer be under way (load.quiet_time)"
            ]
        );
    }

    #[test]
    fn waiting_for_another_worker_is_told_once_when_it_lasts_and_again_after_work_of_our_own() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&heard);
        let observer: Arc<dyn Observer> = Arc::new(move |event: &Event| {
            if let Event::Notice { message, .. } = event {
                listener.lock().unwrap().push(message.clone());
            }
        });
        let watch = Watch::new(Step::Load, &observer);
        let start = Instant::now();
        let waits = |from: u64| {
            for second in from..from + 20 {
                let now = start + Duration::from_secs(second);
                watch.others("contact", Duration::from_secs(290 - second), now);
            }
        };
        waits(0);
        watch.has_work("contact");
        waits(100);
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert!(heard[0].ends_with("in 4 min 45 s at the latest (load.lease)"), "{}", heard[0]);
    }

    #[test]
    fn what_is_found_and_what_is_lost_afterwards_is_told() {
        let probed = batch_loader::Event::Probed {
            table: "contact".to_owned(),
            pass: Pass::Insert,
            request: uuid::Uuid::nil(),
            rows: 250,
            adopted: 250,
        };
        let heard = notices(&[waiting(1, 45), probed, waiting(1, 60)]);
        assert_eq!(heard.len(), 3, "{heard:?}");
        assert!(heard[0].starts_with("1 request has no answer yet; its rows are looked for in 45 s "));
        assert_eq!(heard[1], "250 of 250 rows without an answer had arrived and were taken over");
        assert!(heard[2].contains("in 1 min 00 s"), "{}", heard[2]);
    }
}
