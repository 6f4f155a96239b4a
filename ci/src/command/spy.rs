//! `laconic spy`.

use std::path::Path;

use rpc_ledger::Ledger;
use rpc_spy::Tap;

use super::interrupt::interrupted;
use super::output::{print, print_json};
use crate::arguments::SpyOptions;
use crate::exit::Exit;

pub(crate) async fn spy(options: SpyOptions) -> anyhow::Result<Exit> {
    let upstream = super::plan::socket_path(&options.upstream);
    super::plan::check_socket(Path::new(&upstream))?;
    let tap = Tap::start(&options.listen, Path::new(&upstream), Ledger::new()).await?;
    eprintln!(
        "laconic: {} passes everything on to {upstream} and counts it; interrupt to see",
        tap.socket().display()
    );
    interrupted().await;
    tap.caught_up(tap.mark()).await;
    let counts = tap.ledger().counts();
    if options.json {
        let methods: serde_json::Map<_, _> = counts
            .iter()
            .map(|(rpc, count)| {
                let finished: serde_json::Map<_, _> = count
                    .finished
                    .iter()
                    .map(|(code, number)| (code.to_string(), (*number).into()))
                    .collect();
                let value = serde_json::json!({
                    "started": count.started, "finished": finished, "broken": count.broken,
                    "cancelled": count.cancelled, "in_flight": count.in_flight(),
                    "bytes": [count.request_bytes, count.reply_bytes],
                });
                (rpc.path().to_owned(), value)
            })
            .collect();
        print_json(
            &serde_json::json!({"connections": tap.connections().len(), "methods": methods}),
        );
    } else {
        for (rpc, count) in counts.started_by_short_name() {
            print(&format!("{count:>8}  {rpc}\n"));
        }
    }
    let blind = tap.blind();
    for one in &blind {
        eprintln!("laconic: connection {} was not followed: {}", one.connection, one.reason);
    }
    Ok(if blind.is_empty() { Exit::Good } else { Exit::Harness })
}
