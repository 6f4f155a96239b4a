//! The mock with much in it: memory of a container, time to find one, live tasks with subscribers,
//! and what it takes to start and stop one in memory.
//!
//! `cargo bench -p laconic-benches --bench mock_scale`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[path = "../beside/bare.rs"]
mod bare;
mod containers;
mod lives;
#[path = "../beside/process.rs"]
mod process;
#[path = "../beside/requests.rs"]
mod requests;
mod starts;

const NAMESPACE: &str = "laconic-bench";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("serve-mock"), Some(socket)) => runtime.block_on(containers::serve_mock(&socket)),
        _ => runtime.block_on(async {
            containers::measure().await;
            lives::measure().await;
            starts::measure().await;
        }),
    }
}
