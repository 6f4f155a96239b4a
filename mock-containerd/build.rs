//! Generates server stubs for all of containerd's services, from the protos inside the
//! containerd-client package, so that messages are `containerd_client`'s own types.

#[path = "build/protos.rs"]
mod protos;
#[path = "build/stubs.rs"]
mod stubs;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed=CARGO_HOME");
    let generated = protos::root().and_then(|root| stubs::generate(&root));
    if let Err(error) = generated {
        println!("cargo::error=mock-containerd: {error}");
    }
}
