//! Interrupts: the first asks for an orderly end, the second ends at once.

use laconic_scenarios::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// As shells count it: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// Done at SIGINT or SIGTERM.
pub(crate) async fn interrupted() {
    let (Ok(mut int), Ok(mut term)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
}

/// Turns the first interrupt into a stop.
pub(crate) fn heed(stop: &Stop) {
    let stop = stop.clone();
    tokio::spawn(async move {
        interrupted().await;
        eprintln!("laconic: stopping and cleaning up; interrupt again to leave at once");
        stop.ask();
        interrupted().await;
        eprintln!("laconic: left at once; what remains is removed by: laconic clean");
        std::process::exit(INTERRUPTED);
    });
}
