//! From source rows to staged rows and findings.

// Marked as tests, so that their helpers may unwrap like one.
#[cfg(test)]
mod mapping_problems;
#[cfg(test)]
mod real_projects;
#[cfg(test)]
mod rerun;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod same_answers;
#[cfg(test)]
mod spoiled;
#[cfg(test)]
mod support;
