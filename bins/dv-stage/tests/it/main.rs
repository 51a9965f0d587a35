//! `dv-stage` as its users call it.

mod backup;
mod discard;
mod script;
mod world;
