//! Ctrl-C: the first one asks the journey to stop, the second one ends the program.

use migration::CancellationToken;

use crate::output;

/// A token that Ctrl-C (or a polite kill) cancels. What is under way gets the project's grace time to end.
pub fn on_ctrl_c() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        asked().await;
        output::say("stopping: requests under way get their time to end (Ctrl-C again to end at once)");
        cancel.cancel();
        asked().await;
        output::say("ended at once; rows of requests under way are looked for by the next run");
        #[expect(clippy::exit, reason = "the second Ctrl-C means now")]
        std::process::exit(i32::from(migration::ExitStatus::Stopped.code()));
    });
    token
}

async fn asked() {
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        if let Ok(mut terminate) = terminate {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler there is nothing to wait for: the system's own way of ending the program stays.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
