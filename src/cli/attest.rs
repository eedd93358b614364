//! `labpress attest`: signs the records that a post shows.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::{Error, build, counted, environment, pin, report, report_waiting, signatures, site};
use labpress::errors::Errors;
use labpress::experiment::results::Need;
use labpress::inputs;
use labpress::post::{self, Shown};
use labpress::store::Store;

#[derive(Args)]
pub(super) struct Options {
    /// The posts: their paths or file names [default: all that show results]
    #[arg(value_name = "POST")]
    posts: Vec<String>,
    /// The SSH key: a private key, or the public key of one in the agent [default: `user.signingkey`
    /// of git, or ~/.ssh/id_ed25519]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(super) fn attest(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let store = Store::of(&root);
    let _lock = store.lock(report_waiting)?;
    let site = site::read(&root)?;
    let shown = Shown {
        drafts: true,
        future: true,
        unpublished: true,
        ..build::as_configured(&site.config)
    };
    let built = site.render(&shown);
    let (blog, _) = post::read(&site.inputs, &site.config, &shown);
    let attestations = site.attestations(&shown, &built);
    let mut errors = Errors::from(built.errors);
    errors.extend(Need::errors(&built.needs));
    errors.finish(()).map_err(Error::Errors)?;
    let paths: Vec<&str> = match &options.posts[..] {
        [] => attestations.keys().map(String::as_str).collect(),
        posts => posts.iter().map(|post| pin::find(&blog, post)).collect::<Result<_, _>>()?,
    };
    if paths.is_empty() {
        return Err(anyhow!("no post shows results: there is nothing to sign").into());
    }
    let key = key(options, &root)?;
    for path in paths {
        let Some(attestation) = attestations.get(path) else {
            return Err(anyhow!("`{path}` shows no results to sign").into());
        };
        let (text, file) = (attestation.to_text(), attestation.path());
        let signature = signatures::sign(&text, &key)?;
        store.site.write(&file, text.as_bytes())?;
        store.site.write(&signatures::signature_path(&file), signature.as_bytes())?;
        let records = counted(attestation.record_count(), "record");
        report(format_args!("signed {records} of {path} in {file}: commit it with its .sig"));
    }
    allow(&root, &key, &store)
}

/// The key to sign with.
fn key(options: &Options, root: &Path) -> Result<PathBuf, Error> {
    if let Some(key) = &options.key {
        return Ok(key.clone());
    }
    let configured = environment::git_setting(root, "user.signingkey").map(PathBuf::from);
    let usual = || Some(environment::home()?.join(".ssh/id_ed25519"));
    let exists = |key: &PathBuf| key.is_file();
    configured.filter(exists).or_else(|| usual().filter(exists)).ok_or_else(|| {
        anyhow!(
            "there is no SSH key to sign with\n\
             hint: pass one with `--key FILE`, or make one: `ssh-keygen -t ed25519`"
        )
        .into()
    })
}

/// Starts the file of allowed signers with this key. If there is one, says how to allow the key.
fn allow(root: &Path, key: &Path, store: &Store) -> Result<(), Error> {
    let Some(public) = signatures::public_key(key) else { return Ok(()) };
    let email = environment::git_setting(root, "user.email");
    // White space would end the name.
    let name = email.filter(|name| !name.contains(char::is_whitespace));
    let name = name.unwrap_or_else(|| "author".to_owned());
    let line = format!("{name} namespaces=\"labpress\" {public}");
    let signers = signatures::SIGNERS;
    match inputs::read_one(root, signers)? {
        None => {
            store.site.write(signers, format!("{line}\n").as_bytes())?;
            report(format_args!("{signers} allows this key: commit it"));
        }
        Some(text) if text.contains(&public) => {}
        Some(_) => {
            report(format_args!("{signers} does not allow this key; to allow it, add:\n{line}"));
        }
    }
    Ok(())
}
