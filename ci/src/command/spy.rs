//! `laconic spy`.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use anyhow::Context;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use rpc_ledger::Ledger;
use rpc_spy::Tap;
use run_record::RecordWriter;

use super::interrupt::interrupted;
use super::output::{print, print_json};
use super::spy_record;
use crate::arguments::SpyOptions;
use crate::control;
use crate::exit::{Ended, Exit};
use crate::segments::{Segment, Segments};

pub(crate) async fn spy(options: SpyOptions) -> anyhow::Result<Ended> {
    let upstream = PathBuf::from(super::plan::socket_path(&options.upstream));
    super::plan::check_socket(&upstream)?;
    let writer = options.record.as_deref().map(RecordWriter::create).transpose()?;
    let folder = tempfile::Builder::new()
        .prefix(&format!("{}{}-", control::FOLDER_PREFIX, std::process::id()))
        .permissions(Permissions::from_mode(0o700))
        .tempdir()?;
    let listen = options.listen.clone().unwrap_or_else(|| folder.path().join("containerd.sock"));
    let tap = Arc::new(Tap::start(&listen, &upstream, Ledger::new()).await?);
    let segments = Segments::begin(tap.clone());
    let control = folder.path().join(control::SOCKET);
    control::serve(&control, segments.clone())?;

    let status = if options.command.is_empty() {
        eprintln!(
            "laconic: {} passes everything on to {} and counts it; interrupt to see",
            listen.display(),
            upstream.display()
        );
        interrupted().await;
        None
    } else {
        Some(watch(&options.command, &listen, &control).await?)
    };

    let segments = segments.all().await;
    if options.json {
        print_json(&as_json(&segments, &tap));
    } else {
        print(&as_table(&segments));
    }
    if let Some(writer) = writer {
        spy_record::write(writer, &segments, &options.command, &tap)?;
    }
    let blind = tap.blind();
    for one in &blind {
        eprintln!("laconic: connection {} was not followed: {}", one.connection, one.reason);
    }
    let dropped = tap.ledger().calls_dropped();
    if dropped > 0 {
        eprintln!("laconic: {dropped} calls were too many to keep: the segments lack them");
    }
    Ok(match status {
        _ if !blind.is_empty() || dropped > 0 => Exit::Harness.into(),
        Some(status) => Ended::Command(exit_code(status)),
        None => Exit::Good.into(),
    })
}

/// As shells count it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Runs a command with our socket in the place of containerd's.
async fn watch(command: &[String], socket: &Path, control: &Path) -> anyhow::Result<ExitStatus> {
    let socket = socket.display().to_string();
    let words: Vec<String> = command.iter().map(|word| word.replace("{socket}", &socket)).collect();
    let (program, arguments) = words.split_first().context("the command is empty")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .env("CONTAINERD_ADDRESS", &socket)
        .env(control::VARIABLE, control)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    // An interrupt at a terminal reaches the command as well: it is the one to end, and then we do.
    let heeded = tokio::spawn(async {
        loop {
            interrupted().await;
        }
    });
    let status = child.wait().await;
    heeded.abort();
    Ok(status?)
}

/// Methods down, segments across.
fn as_table(segments: &[Segment]) -> String {
    let columns: Vec<_> = segments.iter().map(|segment| segment.rpcs()).collect();
    let methods: BTreeSet<&String> = columns.iter().flat_map(|rpcs| rpcs.keys()).collect();
    if methods.is_empty() {
        return "no RPC passed\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let names = segments.iter().map(|segment| segment.name.clone());
    table.set_header(std::iter::once("RPCs".to_owned()).chain(names));
    let shown = |count: u64| if count == 0 { "·".to_owned() } else { count.to_string() };
    for method in methods {
        let counts = columns.iter().map(|rpcs| shown(rpcs.get(method).copied().unwrap_or(0)));
        table.add_row(std::iter::once(method.clone()).chain(counts));
    }
    let sums = columns.iter().map(|rpcs| rpcs.values().sum::<u64>().to_string());
    table.add_row(std::iter::once("all".to_owned()).chain(sums));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n")
}

fn as_json(segments: &[Segment], tap: &Tap) -> serde_json::Value {
    let counts = tap.ledger().counts();
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
    let segments: Vec<_> = segments
        .iter()
        .map(|segment| serde_json::json!({"name": segment.name, "rpcs": segment.rpcs()}))
        .collect();
    let connections = tap.connections().len();
    serde_json::json!({"connections": connections, "methods": methods, "segments": segments})
}
