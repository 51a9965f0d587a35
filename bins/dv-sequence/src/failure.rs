//! Why there is no plan, as it is told.

use std::process::ExitCode;

use load_sequence::counted;

/// The input or the wish is wrong; nothing was written.
const WRONG_INPUT: u8 = 2;
/// So many problems are told; of more the rest is counted.
const MOST_TOLD: usize = 20;

/// One sentence per problem, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) problems: Vec<String>,
    pub(crate) hint: Option<String>,
    pub(crate) code: u8,
    /// What helps to decide, for the standard output.
    pub(crate) printed: String,
}

impl Failure {
    pub(crate) fn one(problem: String) -> Self {
        Self::input(vec![problem], None)
    }

    pub(crate) fn input(problems: Vec<String>, hint: Option<String>) -> Self {
        Self { problems, hint, code: WRONG_INPUT, printed: String::new() }
    }

    /// Prints `text` as well.
    pub(crate) fn after(self, text: String) -> Self {
        Self { printed: text, ..self }
    }

    /// Tells it; the exit code comes back.
    pub(crate) fn tell(self) -> ExitCode {
        // That nothing can be printed is the smaller trouble.
        let _ = crate::print(&self.printed);
        for problem in self.problems.iter().take(MOST_TOLD) {
            eprintln!("error: {problem}");
        }
        if self.problems.len() > MOST_TOLD {
            let rest = (self.problems.len() - MOST_TOLD) as u64;
            eprintln!("error: and {}", counted(rest, "more problem", "more problems"));
        }
        if let Some(hint) = self.hint {
            eprintln!("hint: {hint}");
        }
        ExitCode::from(self.code)
    }
}
