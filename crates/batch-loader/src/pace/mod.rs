//! How fast one application user works: pure, told the time by its caller, tested on a virtual clock.
//!
//! The service limits each user on each of its web servers in three ways: requests per window, seconds of execution per
//! window, and requests at once. How many servers there are is not told, and requests are spread at random. [`Pace`]
//! learns what all servers together allow from what they say is left, or from their refusals, and stays just below it.

mod budget;
mod climb;
#[cfg(test)]
mod model;
mod options;
mod size;
mod user;

pub use options::{BatchOptions, PaceOptions};

pub(crate) use size::{BatchSize, Sized};
pub(crate) use user::{Admission, Facet, Left, Pace, Standing, Ticket};
