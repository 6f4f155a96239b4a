//! Our drivers as `laconic driver NAME` is them, with an allocator that counts: before each answer
//! stands in the file `LACONIC_ALLOCATIONS` what was allocated so far, pieces and bytes.
//!
//! `cargo build --release -p laconic-benches --example counted`, then
//! `laconic bench lifecycle --apart=target/release/examples/counted --allocations`.

use std::alloc::System;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use driver_protocol::{Connect, DriverFactory};
use laconic_drivers::{RetainedFactory, StatelessFactory, input, output, serve};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::io::AsyncWrite;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Tells before it writes.
struct Telling<W> {
    out: W,
    file: Option<PathBuf>,
}

impl<W> Telling<W> {
    fn tell(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let stats = ALLOCATOR.stats();
        // A piece that grows is asked for anew, as in other languages.
        let pieces = stats.allocations + stats.reallocations;
        std::fs::write(file, format!("{pieces} {}\n", stats.bytes_allocated))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Telling<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tell()?;
        Pin::new(&mut self.out).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.out).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.out).poll_shutdown(context)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let factory: &dyn DriverFactory = match words.iter().map(String::as_str).collect::<Vec<_>>()[..]
    {
        ["driver", "retained"] => &RetainedFactory,
        ["driver", "stateless"] => &StatelessFactory,
        _ => panic!("usage: counted driver retained|stateless"),
    };
    let variable = |name| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"));
    let connect = Connect {
        socket: variable("CONTAINERD_ADDRESS").into(),
        namespace: variable("CONTAINERD_NAMESPACE").into_string().expect("a name"),
        rootfs: std::env::var_os("LACONIC_ROOTFS").map(PathBuf::from),
    };
    let file = std::env::var_os("LACONIC_ALLOCATIONS").map(PathBuf::from);
    let served = serve(factory, connect, input(), Telling { out: output(), file }).await;
    served.expect("the harness and containerd are there");
}
