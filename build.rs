//! Names the shared library for the loader and keeps it loaded; generates nothing.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The number is that of the ABI, not of the release.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librpyc.so.0");
        // Thread-local destructors and the fork handler would outlive a dlclose.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
