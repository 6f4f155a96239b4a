//! `laconic mock`.

use std::path::Path;

use anyhow::Context;
use mock_containerd::faults::Faults;
use mock_containerd::{
    Cgroups, Method, MockContainerd, Pids, ProcessScript, Profile, SandboxScript, Scripts, methods,
};

use super::interrupt::interrupted;
use super::output::{print, print_json};
use crate::arguments::MockOptions;
use crate::exit::{Exit, usage};

pub(crate) async fn mock(options: MockOptions) -> anyhow::Result<Exit> {
    let profile: Profile = options.profile.parse().map_err(usage)?;
    if options.list {
        list(profile, options.json);
        return Ok(Exit::Good);
    }
    let cgroups = match options.cgroups.as_str() {
        // Who takes it for the containerd of this host sees what that one tells.
        "host" => Cgroups::of_host(),
        version => version.parse().map_err(usage)?,
    };
    let pids: Pids = options.pids.parse().map_err(usage)?;
    let mut builder = MockContainerd::builder().profile(profile).cgroups(cgroups).pids(pids);
    if let Some(path) = &options.processes {
        let (name, text) = read(path)?;
        builder = builder.processes(Scripts::parse(&name, &text).map_err(usage)?);
    }
    for runtime in options.sandboxes {
        let machine = SandboxScript::plays(ProcessScript::runs_until_killed());
        builder = builder.sandboxes(runtime, machine);
    }
    if let Some(path) = &options.faults {
        let (name, text) = read(path)?;
        builder = builder.faults(Faults::parse(&name, &text).map_err(usage)?);
    }
    let listen = options.listen.context("clap requires a socket without --list")?;
    let mock = builder.socket(listen).start().await?;
    if let Some(address) = options.metrics {
        let address = crate::metrics::serve(address, mock.ledger().clone()).await?;
        eprintln!("laconic: what it counts is shown at http://{address}/v1/metrics");
    }
    eprintln!("laconic: a mock containerd {profile} listens on {}", mock.socket().display());
    interrupted().await;
    for fired in mock.faults().fired() {
        eprintln!("laconic: {fired}");
    }
    for rule in mock.faults().unfired() {
        eprintln!("laconic: never happened: {rule}");
    }
    for (rpc, count) in mock.ledger().counts().started_by_short_name() {
        print(&format!("{count:>8}  {rpc}\n"));
    }
    Ok(Exit::Good)
}

/// A file that somebody wrote: its name and its text.
fn read(path: &Path) -> anyhow::Result<(String, String)> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| usage(format!("cannot read {name}: {error}")))?;
    Ok((name, text))
}

fn list(profile: Profile, json: bool) {
    let methods = methods(profile);
    if json {
        let all: Vec<_> = methods
            .iter()
            .map(|method| {
                let Method { path, modelled, note } = method;
                serde_json::json!({"method": path, "modelled": modelled, "note": note})
            })
            .collect();
        print_json(&serde_json::Value::Array(all));
        return;
    }
    let mut text = String::new();
    for method in &methods {
        let word = if method.modelled { "modelled" } else { "unimplemented" };
        let note = method.note.map(|note| format!("  ({note})")).unwrap_or_default();
        text.push_str(&format!("{word:<14} {}{note}\n", method.path));
    }
    print(&text);
}
