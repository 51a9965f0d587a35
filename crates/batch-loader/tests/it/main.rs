//! The loader against a running emulator and a real staging file.

mod associate;
mod clean;
mod crash;
mod doubt;
mod hierarchy;
mod isolate;
mod lookups;
mod matching;
mod state;
mod stop;
mod strategy;
mod update;
mod world;
