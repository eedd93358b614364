//! Lets the program `lab` find libtorch without `LD_LIBRARY_PATH`: the folder it was linked against
//! becomes its rpath. Compiles `src/aten.cpp`, what `lab` needs of libtorch beyond tch.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script gets its input from the environment"
)]

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Said by the build script of torch-sys, whichever way it found libtorch.
    let Some(folder) = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else {
        println!("cargo::error=torch-sys did not say where libtorch is; run `make libtorch`");
        return;
    };
    // `.libtorch` is a link in this checkout; the program should still start where the checkout is
    // gone.
    let folder = folder.canonicalize().unwrap_or(folder);
    // A wheel has another place for it.
    println!("cargo::rerun-if-env-changed=LAB_RPATH");
    let run_path = env::var_os("LAB_RPATH").map_or_else(|| folder.clone(), PathBuf::from);
    println!("cargo::rustc-link-arg-bin=lab=-Wl,-rpath,{}", run_path.display());
    println!("cargo::rustc-env=LAB_LIBTORCH={}", version(&folder));
    compile_aten(&folder);
}

/// Only `src/aten.rs` names the library that comes of it, so nothing else is linked to it.
fn compile_aten(lib_folder: &Path) {
    println!("cargo::rerun-if-changed=src/aten.cpp");
    println!("cargo::rerun-if-env-changed=LIBTORCH_INCLUDE");
    let include = env::var_os("LIBTORCH_INCLUDE").map_or_else(
        || lib_folder.with_file_name("include"),
        |folder| Path::new(&folder).join("include"),
    );
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .pic(true)
        .warnings(false)
        .include(include)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .file("src/aten.cpp")
        .cargo_metadata(false)
        .compile("lab_aten");
    let out = env::var("OUT_DIR").expect("cargo sets it for build scripts");
    println!("cargo::rustc-link-search=native={out}");
}

/// The version of libtorch, as a libtorch folder (`build-version`) or Python's torch (`version.py`)
/// gives it.
fn version(lib_folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(lib_folder.with_file_name(name)).ok();
    let in_folder = read("build-version").map(|text| text.trim().to_owned());
    let in_python = || {
        let text = read("version.py")?;
        let line = text.lines().find_map(|line| line.strip_prefix("__version__ = '"))?;
        Some(line.trim_end_matches('\'').to_owned())
    };
    // torch-sys compiles against no other.
    in_folder.or_else(in_python).unwrap_or_else(|| "2.11.0".to_owned())
}
