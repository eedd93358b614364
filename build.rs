//! Lets the program `lab` find libtorch without `LD_LIBRARY_PATH`: the folder it was linked against becomes its rpath.

#![expect(clippy::disallowed_methods, reason = "a build script is told everything through its environment")]

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_LAB").is_none() {
        return;
    }
    // Said by the build script of torch-sys, whichever way it found libtorch.
    let Some(folder) = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else {
        println!("cargo::error=torch-sys did not say where libtorch is; run `make libtorch`");
        return;
    };
    // `.libtorch` is a link in this checkout; the program should still start where the checkout is gone.
    let folder = folder.canonicalize().unwrap_or(folder);
    println!("cargo::rustc-link-arg-bin=lab=-Wl,-rpath,{}", folder.display());
}
