//! Signatures of attestations, made and checked by `ssh-keygen`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, anyhow};

use super::Error;
use labpress::diagnostic::{Diagnostic, Place};
use labpress::experiment::attestation::{self, Attestation};
use labpress::inputs;

/// What labpress signs is of no use as a signature of anything else.
const NAMESPACE: &str = "labpress";

/// Who may sign, from the site's root, in the format of `ssh-keygen`.
pub(super) const SIGNERS: &str = "experiments/allowed_signers";

/// Signs a text with the key in the file `key`. `ssh-keygen` asks the terminal for a passphrase.
pub(super) fn sign(text: &str, key: &Path) -> Result<String, Error> {
    let mut command = ssh_keygen("sign");
    let output = with_input(command.arg("-f").arg(key), text)?;
    if !output.status.success() {
        let said = last_line(&output.stderr);
        let hint = "pass the private key, or the public key of one in the agent, with `--key FILE`";
        return Err(anyhow!("cannot sign with `{}`: {said}\nhint: {hint}", key.display()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Checks the signature of a post: who signed it, or what is wrong.
pub(super) fn check(
    now: &Attestation,
    root: &Path,
    signers: &Path,
) -> Result<Result<String, Vec<Diagnostic>>, Error> {
    let (post, path) = (&now.post, now.path());
    let error = |message: String, hint: &str| {
        Diagnostic::new(Place::file(post), message).hint(hint.replace("POST", post))
    };
    let text = inputs::read_one(root, &path)?;
    let Some(text) = text.filter(|_| root.join(signature_path(&path)).is_file()) else {
        let hint = "run `labpress attest POST` and commit experiments/signatures/";
        return Ok(Err(vec![error("the results of this post are not signed".to_owned(), hint)]));
    };
    let signature = root.join(signature_path(&path));
    let signer = match signer(&text, &signature, signers)? {
        Ok(signer) => signer,
        Err(Refused::Altered) => {
            let message = format!("`{path}` is not what was signed: one of the two was altered");
            let hint = "restore both files from git, or run `labpress attest POST` again";
            return Ok(Err(vec![error(message, hint)]));
        }
        Err(Refused::Expired(why)) => {
            let message = format!("the key that signed this post has expired: {why}");
            let hint = "sign again with `labpress attest POST --key FILE` and a key that is valid, \
                        or extend `valid-before` in the file of allowed signers";
            return Ok(Err(vec![error(message, hint)]));
        }
        Err(Refused::Unknown(key)) => {
            let signers = signers.strip_prefix(root).unwrap_or(signers);
            let message =
                format!("the signer is unknown: `{}` does not allow {key}", signers.display());
            let hint =
                "if you trust the key, add the line `NAME namespaces=\"labpress\" KEY` to it";
            return Ok(Err(vec![error(message, hint)]));
        }
    };
    let attested = match attestation::parse(post, &text) {
        Ok(attested) => attested,
        Err(error) => return Ok(Err(vec![error])),
    };
    let differences = now.differences(&attested);
    Ok(if differences.is_empty() { Ok(signer) } else { Err(differences) })
}

/// Whether a post has an attestation or a signature.
pub(super) fn is_signed(attestation: &Attestation, root: &Path) -> Result<bool, Error> {
    let path = attestation.path();
    let signature = root.join(signature_path(&path));
    Ok(signature.is_file() || inputs::read_one(root, &path)?.is_some())
}

/// Where the signature of an attestation belongs.
pub(super) fn signature_path(attestation: &str) -> String {
    format!("{attestation}.sig")
}

/// The public key of a key file: the line of the file itself, or of the one beside it.
pub(super) fn public_key(key: &Path) -> Option<String> {
    let is_public = key.extension().is_some_and(|ending| ending == "pub");
    let public = if is_public { key.to_owned() } else { with_ending(key, ".pub") };
    let text = inputs::read_one(public.parent()?, public.file_name()?.to_str()?).ok().flatten()?;
    let mut parts = text.split_whitespace();
    Some(format!("{} {}", parts.next()?, parts.next()?))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

/// Why a signature does not count.
enum Refused {
    /// It is not of this text.
    Altered,
    /// Its key is no longer valid, and why.
    Expired(String),
    /// Its key is not allowed; the key's fingerprint.
    Unknown(String),
}

/// The name of the allowed signer who signed a text.
fn signer(text: &str, signature: &Path, signers: &Path) -> Result<Result<String, Refused>, Error> {
    let by_key = with_input(ssh_keygen("check-novalidate").arg("-s").arg(signature), text)?;
    if !by_key.status.success() {
        return Ok(Err(Refused::Altered));
    }
    let key = fingerprint(&by_key.stdout);
    if !signers.is_file() {
        return Ok(Err(Refused::Unknown(key)));
    }
    let mut command = ssh_keygen("find-principals");
    let found = with_input(command.arg("-s").arg(signature).arg("-f").arg(signers), "")?;
    let found_name = String::from_utf8_lossy(&found.stdout).lines().next().map(str::to_owned);
    let (Some(name), true) = (found_name, found.status.success()) else {
        return Ok(Err(refused(&found.stderr, key)));
    };
    let mut command = ssh_keygen("verify");
    command.arg("-f").arg(signers).arg("-I").arg(&name).arg("-s").arg(signature);
    let verified = with_input(&mut command, text)?;
    Ok(if verified.status.success() { Ok(name) } else { Err(refused(&verified.stderr, key)) })
}

fn refused(said: &[u8], key: String) -> Refused {
    let said = String::from_utf8_lossy(said);
    let expired = said.lines().find_map(|line| line.split_once("key has expired: "));
    match expired {
        Some((_, why)) => Refused::Expired(why.to_owned()),
        None => Refused::Unknown(key),
    }
}

/// `ED25519 key SHA256:…` of what `ssh-keygen` says about a good signature.
fn fingerprint(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    said.trim().split_once(" with ").map_or("its key", |(_, key)| key).to_owned()
}

fn ssh_keygen(action: &str) -> Command {
    #[expect(clippy::disallowed_methods, reason = "`cli` starts the programs that commands need")]
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", action, "-n", NAMESPACE]);
    command
}

/// Runs a command with this text as its input.
fn with_input(command: &mut Command, text: &str) -> Result<Output, Error> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(anyhow!(
                "signatures need the program `ssh-keygen`, which is not installed\n\
                 hint: install OpenSSH 8.2 or later: `apt-get install openssh-client`"
            )
            .into());
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(mut input) = child.stdin.take() {
        // A program that ends early says why itself.
        let _ = input.write_all(text.as_bytes());
    }
    child.wait_with_output().context("`ssh-keygen` failed").map_err(Error::from)
}

fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    said.trim().lines().last().unwrap_or("ssh-keygen failed").to_owned()
}
