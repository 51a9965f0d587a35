//! Progress: bars on a terminal, lines elsewhere, JSON lines when asked for.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use migration::{Event, Observer, Step};

use crate::Global;
use crate::table::{duration, thousands};

/// The observer that fits the flags and the place where stderr goes.
pub fn observer(global: &Global) -> Arc<dyn Observer> {
    if global.events {
        Arc::new(JsonLines)
    } else if std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
        Arc::new(Bars::new())
    } else {
        Arc::new(Lines::new(global.verbose > 0))
    }
}

/// One JSON object per event and line, complete before the work goes on.
struct JsonLines;

impl Observer for JsonLines {
    fn event(&self, event: &Event) {
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            // Nobody listens any more: the work goes on without.
            let _ = std::io::stderr().lock().write_all(&line);
        }
    }
}

/// What happened, a line each; of progress, one now and then.
struct Lines {
    verbose: bool,
    told: Mutex<Instant>,
}

/// A log that shows nothing for longer looks like a program that hangs.
const SILENCE: Duration = Duration::from_secs(10);

impl Lines {
    fn new(verbose: bool) -> Self {
        Self { verbose, told: Mutex::new(Instant::now()) }
    }

    /// Whether there was silence for so long that progress is worth a line.
    fn is_overdue(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= SILENCE
    }
}

impl Observer for Lines {
    fn event(&self, event: &Event) {
        if let Some(line) = sentence(event, self.verbose || self.is_overdue()) {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }
}

/// One bar for the step at work, lines for what is worth keeping.
struct Bars {
    bar: ProgressBar,
    state: Mutex<BarState>,
}

#[derive(Default)]
struct BarState {
    step: Option<Step>,
    table: String,
}

impl Bars {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(spinner());
        Self { bar, state: Mutex::default() }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner} {prefix} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn rows() -> ProgressStyle {
    ProgressStyle::with_template(
        "  {spinner} {prefix} {msg:24} {wide_bar} {human_pos}/{human_len} rows {rate:>12}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .with_key("rate", |state: &ProgressState, to: &mut dyn std::fmt::Write| {
        // A bar that could not be written is drawn again soon.
        let _ = to.write_str(&rate(state.per_sec()));
    })
}

/// Rows a second, as many digits as people read.
fn rate(per_second: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rows a second fit, and are not negative"
    )]
    let whole = per_second.round() as u64;
    format!("{}/s", thousands(whole))
}

impl Observer for Bars {
    fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::StepStarted { step } => {
                state.step = Some(*step);
                state.table.clear();
                self.bar.set_style(spinner());
                self.bar.reset();
                self.bar.set_prefix(step.as_str());
                self.bar.set_message("");
                self.bar.enable_steady_tick(Duration::from_millis(120));
            }
            Event::PartStarted { part, table, .. } => {
                self.bar.set_style(spinner());
                self.bar.set_message(match table {
                    Some(table) => format!("{part}: {table}"),
                    None => (*part).to_owned(),
                });
            }
            Event::Progress { table, rows: done, total, .. } => {
                if state.table != *table {
                    state.table.clone_from(table);
                    self.bar.reset();
                    self.bar.set_message(table.clone());
                    if let Some(total) = total {
                        self.bar.set_style(rows());
                        self.bar.set_length(*total);
                    }
                }
                match total {
                    Some(_) => self.bar.set_position(*done),
                    None => self.bar.set_message(format!("{table}: {} rows", thousands(*done))),
                }
            }
            Event::StepFinished { .. } => {
                self.bar.disable_steady_tick();
                if let Some(line) = sentence(event, false) {
                    self.bar.suspend(|| {
                        let _ = writeln!(std::io::stderr().lock(), "{line}");
                    });
                }
                if matches!(event, Event::StepFinished { step: Step::Verify, .. }) {
                    self.bar.finish_and_clear();
                }
            }
            _ => {
                if let Some(line) = sentence(event, false) {
                    self.bar.suspend(|| {
                        let _ = writeln!(std::io::stderr().lock(), "{line}");
                    });
                }
            }
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The event as people read it; `None` for what only matters while it lasts.
fn sentence(event: &Event, verbose: bool) -> Option<String> {
    Some(match event {
        Event::Connected { url, organization, organization_id, user_id } => {
            format!("connected to {organization} ({organization_id}) at {url} as user {user_id}")
        }
        Event::StepFinished { step, elapsed, outcome } => {
            format!("{:<9} {:>8}  {outcome}", step.as_str(), duration(elapsed.as_secs_f64()))
        }
        Event::Notice { table: Some(table), message, .. } => format!("  note: {table}: {message}"),
        Event::Notice { table: None, message, .. } => format!("  note: {message}"),
        Event::PartStarted { step, part, table } if verbose => match table {
            Some(table) => format!("  {step}: {part}: {table}"),
            None => format!("  {step}: {part}"),
        },
        Event::Progress { step, table, rows, total } if verbose => match total {
            Some(total) => format!("  {step}: {table}: {} of {} rows", thousands(*rows), thousands(*total)),
            None => format!("  {step}: {table}: {} rows", thousands(*rows)),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_whole_number() {
        assert_eq!([0.0, 764.343_432, 1_839.087_2].map(rate), ["0/s", "764/s", "1,839/s"]);
    }
}
