//! Nothing is generated here: this build script exists because its build dependency brings protoc.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
