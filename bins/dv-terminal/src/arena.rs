//! One heap for all threads.

/// Starts the program anew with one allocation arena, unless the environment says how many there are to be.
///
/// glibc gives threads arenas of their own and keeps what each of them once held. Pages and batches of megabytes come and
/// go on many threads here: they cost three times the memory in use (docs/benchmarks.md). Only the environment of a
/// fresh process can say otherwise; where that fails, the program goes on and takes more memory.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn share_one() {
    use std::os::unix::process::CommandExt as _;

    const ARENAS: &str = "MALLOC_ARENA_MAX";
    if std::env::var_os(ARENAS).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut again = std::process::Command::new(program);
    if let Some(name) = std::env::args_os().next() {
        again.arg0(name);
    }
    // Returns only when it failed.
    let _ = again.args(std::env::args_os().skip(1)).env(ARENAS, "1").exec();
}

/// Other allocators need no telling.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn share_one() {}
