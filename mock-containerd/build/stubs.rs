//! Compiles protos into server stubs and a descriptor set.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorSet;

/// Where the messages of a proto package live in Rust.
const MESSAGES: &[(&str, &str)] = &[
    (".containerd.types", "::containerd_client::types"),
    (".containerd.v1.types", "::containerd_client::types::v1"),
    (".containerd.events", "::containerd_client::events"),
    (".google.rpc", "::containerd_client::google::rpc"),
    (".containerd.services.containers.v1", "::containerd_client::services::v1"),
    (".containerd.services.content.v1", "::containerd_client::services::v1"),
    (".containerd.services.diff.v1", "::containerd_client::services::v1"),
    (".containerd.services.events.v1", "::containerd_client::services::v1"),
    (".containerd.services.images.v1", "::containerd_client::services::v1"),
    (".containerd.services.introspection.v1", "::containerd_client::services::v1"),
    (".containerd.services.leases.v1", "::containerd_client::services::v1"),
    (".containerd.services.namespaces.v1", "::containerd_client::services::v1"),
    (".containerd.services.sandbox.v1", "::containerd_client::services::v1::sandbox"),
    (".containerd.services.snapshots.v1", "::containerd_client::services::v1::snapshots"),
    (".containerd.services.streaming.v1", "::containerd_client::services::v1"),
    (".containerd.services.tasks.v1", "::containerd_client::services::v1"),
    (".containerd.services.transfer.v1", "::containerd_client::services::v1"),
    (".containerd.services.version.v1", "::containerd_client::services::v1"),
];

pub(crate) fn generate(root: &Path) -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // Events and options are no service's import: they travel inside of an `Any`.
    let all = compile(root, &["services", "events", "types"])?;
    fs::write(out.join("descriptors.bin"), all.encode_to_vec())
        .map_err(|error| format!("cannot write the descriptor set: {error}"))?;

    let mut builder = tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .generate_default_stubs(true)
        .codec_path("crate::codec::Codec")
        .include_file("stubs.rs");
    for (package, path) in MESSAGES {
        builder = builder.extern_path(*package, *path);
    }
    let services = compile(root, &["services"])?;
    builder.compile_fds(services).map_err(|error| format!("stubs are not generated: {error}"))
}

/// The protos in folders of containerd's API, with what they import.
fn compile(root: &Path, folders: &[&str]) -> Result<FileDescriptorSet, String> {
    let api = root.join("github.com/containerd/containerd/api");
    let mut protos = Vec::new();
    for folder in folders {
        collect(&api.join(folder), &mut protos)?;
    }
    protos.retain(|path| !path.components().any(|part| part.as_os_str() == "ttrpc"));
    protos.sort();
    let mut compiler = protox::Compiler::new([root]).map_err(|error| error.to_string())?;
    compiler.include_imports(true);
    compiler.open_files(&protos).map_err(|error| format!("protos do not compile: {error}"))?;
    Ok(compiler.file_descriptor_set())
}

fn collect(folder: &Path, protos: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, protos)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            protos.push(path);
        }
    }
    Ok(())
}
