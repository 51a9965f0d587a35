//! The project file and the journey, as a caller of the library sees them.

mod mistakes;
mod settings;
