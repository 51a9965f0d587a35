//! From source rows to staged rows and findings.

mod mapping_problems;
mod real_projects;
mod rerun;
mod rules;
mod spoiled;
mod support;
