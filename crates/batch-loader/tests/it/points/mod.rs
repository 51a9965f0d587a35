//! Trouble at every await point of the loader that touches store or network, and the promises afterwards.

mod acts;
mod changes;
mod checks;
mod every;
mod inserts;
mod pairs;
mod row_waves;
mod scene;
mod script;
mod settling;
mod staging;
mod whole;
mod wire;
