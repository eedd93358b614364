//! Digests the code that `labpress` and its runner `lab` share, to tell programs of different builds
//! apart (`runner::BUILD`), and all code of `labpress`, so that it takes nothing from the cache of
//! another version (`site::memo`). Lists the files of a new site for `cli::starter`.
#![expect(clippy::disallowed_methods, reason = "a build script reads sources and the environment")]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What decides how the two programs understand each other, and what a run trains on. The last one
/// is absent from a published package.
const SHARED: [&str; 5] =
    ["src/data", "src/digest.rs", "src/recipe", "src/runner", "crates/labpress-runner/src"];

/// What decides how a site is rendered. Only the first one is in a published package.
const ALL: [&str; 3] = ["src", "Cargo.lock", "crates/kramdown/src"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let version = env::var("CARGO_PKG_VERSION").map_err(io::Error::other)?;
    println!("cargo::rustc-env=LABPRESS_BUILD={version}+{:016x}", digest(&SHARED)?);
    println!("cargo::rustc-env=LABPRESS_SOURCES={version}+{:016x}", digest(&ALL)?);
    let target = env::var("TARGET").map_err(io::Error::other)?;
    println!("cargo::rustc-env=LABPRESS_TARGET={target}");
    write_starter()
}

/// The digest of all files at the paths.
fn digest(paths: &[&str]) -> io::Result<u64> {
    let mut files = Vec::new();
    for path in paths.iter().map(Path::new).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
        collect(path, &mut files)?;
    }
    files.sort();
    let mut hash = Fnv::new();
    for file in files {
        hash.update(file.to_string_lossy().replace('\\', "/").as_bytes());
        // Line ends depend on the checkout.
        let content: Vec<u8> = fs::read(&file)?.into_iter().filter(|&byte| byte != b'\r').collect();
        hash.update(&(content.len() as u64).to_le_bytes());
        hash.update(&content);
    }
    Ok(hash.0)
}

/// The files of a new site.
const STARTER: &str = "src/cli/starter/files";

/// Writes the list of the files of a new site, as an expression for `cli::starter`. The names of
/// records change whenever their experiment does.
fn write_starter() -> io::Result<()> {
    println!("cargo::rerun-if-changed={STARTER}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut files = Vec::new();
    collect(Path::new(STARTER), &mut files)?;
    files.sort();
    let mut list = Vec::new();
    for file in files {
        let path = file.strip_prefix(STARTER).map_err(io::Error::other)?;
        let path = path.to_string_lossy().replace('\\', "/");
        // What a build in that folder leaves.
        if path.starts_with(".labpress/") || path.starts_with("public/") {
            continue;
        }
        let on_disk = root.join(&file).display().to_string();
        list.push(format!("StarterFile {{ path: {path:?}, bytes: include_bytes!({on_disk:?}) }}"));
    }
    let list = format!("[{}]", list.join(",\n"));
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("starter_files.rs"), list)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    fs::read_dir(path)?.try_for_each(|entry| collect(&entry?.path(), files))
}

/// FNV-1a with 64 bits: the same in every version of Rust, unlike the hashers of `std`.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
