//! Publishes a built site to a bucket of an object store that speaks S3.
//!
//! The bucket has a list of what labpress put there, [`LIST`]: for each file the digest of its content
//! and headers, and the tag (`ETag`) that the store gave the object. A file is uploaded if its digest
//! is another one, or if the store holds an object with another tag. The list is written twice:
//! before the first upload, so that files of an interrupted publication are known to be ours, and
//! after the last. Both writes are conditional, so of two publications at once one is refused.
#![expect(
    clippy::disallowed_methods,
    reason = "`publish` reads its own folder, and names the variables that its client reads"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::Error::{AlreadyExists, NotFound, NotImplemented, Precondition};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    RetryConfig, UpdateVersion,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::destination::{self, Change, ChangeKind};
use crate::digest::Digest;
use crate::media_type;
use crate::output::Output;

/// The object that lists what labpress published.
const LIST: &str = ".labpress-objects";

const ABOUT: &str = "Objects that labpress published here. It replaces and deletes no others.";

/// How many objects are uploaded or deleted at once.
const AT_ONCE: usize = 16;

/// What publishing to a bucket needs.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// `s3://BUCKET` or `s3://BUCKET/FOLDER`.
    pub address: &'a str,
    /// Whether files that labpress did not publish are replaced.
    pub replaces: bool,
    /// Whether files that the site no longer has are deleted, if labpress published them.
    pub deletes: bool,
}

/// The content of [`LIST`].
#[derive(Debug, Default, Serialize, Deserialize)]
struct Listed {
    about: String,
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    digest: String,
    /// The tag of the object; empty until it is uploaded.
    #[serde(default)]
    tag: String,
}

/// A file that has to be uploaded.
struct Upload {
    digest: String,
    caching: &'static str,
}

/// A publication that is ready.
pub struct Prepared {
    store: AmazonS3,
    folder: Key,
    /// The built site on this machine.
    site: TempDir,
    listed: Listed,
    version: Option<UpdateVersion>,
    /// What has to be uploaded.
    uploads: BTreeMap<String, Upload>,
    deletions: Vec<String>,
    /// How many files the site no longer has, but stay in the bucket.
    pub left: usize,
    /// What changes, by path.
    pub changes: Vec<Change>,
}

/// Compares the site with what the bucket has now; writes nothing there.
pub fn prepare(output: &Output, options: Options<'_>) -> anyhow::Result<Prepared> {
    let (bucket, folder) = parsed(options.address)?;
    // The client looks it up; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        // Lasts as long as a short failure of the network, not as the default of three minutes.
        .with_retry(RetryConfig {
            max_retries: 4,
            retry_timeout: Duration::from_secs(30),
            ..RetryConfig::default()
        })
        .build()
        .with_context(|| format!("cannot use `{}`", options.address))?;
    let site = tempfile::tempdir()?;
    destination::write(output, site.path(), || {})?;
    let (present, list) = run(async {
        let present = present(&store, &folder).await?;
        anyhow::Ok((present, list(&store, &folder).await?))
    })
    .map_err(|error| cannot_read(options.address, &error))?;
    let (listed, version) = list;
    let mut prepared = Prepared {
        store,
        folder,
        site,
        listed,
        version,
        uploads: BTreeMap::new(),
        deletions: Vec::new(),
        left: 0,
        changes: Vec::new(),
    };
    prepared.compare(output, &present, options)?;
    Ok(prepared)
}

/// The bucket and the folder in `s3://BUCKET/FOLDER`.
fn parsed(address: &str) -> anyhow::Result<(&str, Key)> {
    let parts =
        address.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
    match parts {
        Some((bucket, folder)) if !bucket.is_empty() => {
            let folder = Key::parse(folder)
                .with_context(|| format!("`{address}` does not name a folder of a bucket"))?;
            Ok((bucket, folder))
        }
        _ => bail!("`{address}` is not the address of a bucket\nhint: write `s3://BUCKET/FOLDER`"),
    }
}

/// The message of a store that cannot be read, with what to do.
fn cannot_read(address: &str, error: &anyhow::Error) -> anyhow::Error {
    let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let sources = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    let containers =
        ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let hint = if sources.iter().chain(&containers).any(|name| has(name)) {
        "check the name of the bucket, AWS_ENDPOINT_URL, AWS_REGION, and what the key permits"
    } else {
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; \
         see also `aws configure export-credentials --format env`"
    };
    anyhow!("cannot read `{address}`: {}\nhint: {hint}", answered(error))
}

fn failed(what: &str, error: object_store::Error) -> anyhow::Error {
    anyhow!("cannot {what}: {}", answered(&error.into()))
}

/// What the store answered, without the XML around it.
fn answered(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let within = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0.to_owned())
    };
    within("Message").map_or_else(|| text.clone(), |message| format!("the store says: {message}"))
}

/// The tags of the objects in the folder, by path.
async fn present(store: &AmazonS3, folder: &Key) -> anyhow::Result<BTreeMap<String, String>> {
    let mut listing = store.list(Some(folder));
    let mut present = BTreeMap::new();
    while let Some(object) = listing.try_next().await? {
        let key = object.location.as_ref();
        let path = key.strip_prefix(folder.as_ref()).unwrap_or(key).trim_start_matches('/');
        present.insert(path.to_owned(), plain(object.e_tag));
    }
    Ok(present)
}

/// Some stores write a tag with quotes into one answer and without into another.
fn plain(tag: Option<String>) -> String {
    tag.unwrap_or_default().trim_matches('"').to_owned()
}

async fn list(store: &AmazonS3, folder: &Key) -> anyhow::Result<(Listed, Option<UpdateVersion>)> {
    let got = match store.get(&key(folder, LIST)?).await {
        Ok(got) => got,
        Err(NotFound { .. }) => return Ok((Listed::default(), None)),
        Err(error) => return Err(error.into()),
    };
    let version =
        UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
    let listed = serde_json::from_slice(&got.bytes().await?).with_context(|| {
        format!(
            "`{LIST}` in the bucket is damaged\n\
             hint: delete it, and publish with --replace"
        )
    })?;
    Ok((listed, Some(version)))
}

fn key(folder: &Key, path: &str) -> anyhow::Result<Key> {
    let full =
        if folder.as_ref().is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    Key::parse(full).with_context(|| format!("`{path}` cannot be the name of an object"))
}

/// How long browsers and caches may keep a file without asking: forever, if its content is part of
/// its name.
fn cache_control(path: &str, content: Digest) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.contains(&content.short()) {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=0, must-revalidate"
    }
}

impl Prepared {
    fn compare(
        &mut self,
        output: &Output,
        present: &BTreeMap<String, String>,
        options: Options<'_>,
    ) -> anyhow::Result<()> {
        let mut foreign = Vec::new();
        for (path, _) in output.files() {
            let upload = self.described(path)?;
            let entry = self.listed.files.get(path);
            let is_same = entry.is_some_and(|entry| {
                entry.digest == upload.digest
                    && present.get(path).is_some_and(|tag| *tag == entry.tag)
            });
            if is_same {
                continue;
            }
            let is_present = present.contains_key(path);
            if is_present && entry.is_none() {
                foreign.push(path);
            }
            let kind = if is_present { ChangeKind::Changed } else { ChangeKind::Added };
            self.changes.push(Change { kind, path: path.to_owned() });
            self.uploads.insert(path.to_owned(), upload);
        }
        if let (Some(first), false) = (foreign.first(), options.replaces) {
            bail!(
                "labpress did not publish {} of the files that it would replace in `{}`, such as \
                 `{first}`\n\
                 hint: name another folder, or pass --replace to replace them",
                foreign.len(),
                options.address
            );
        }
        let old: Vec<String> = self
            .listed
            .files
            .keys()
            .filter(|path| output.file(path).is_none() && !output.keeps(path))
            .filter(|path| present.contains_key(*path))
            .cloned()
            .collect();
        if options.deletes {
            let removed = |path: &String| Change { kind: ChangeKind::Removed, path: path.clone() };
            self.changes.extend(old.iter().map(removed));
            self.deletions = old;
        } else {
            self.left = old.len();
        }
        self.changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(())
    }

    fn on_disk(&self, path: &str) -> PathBuf {
        self.site.path().join(path)
    }

    /// A file with the digest of its content and of the headers it is served with.
    fn described(&self, path: &str) -> anyhow::Result<Upload> {
        let bytes = std::fs::read(self.on_disk(path))?;
        let content = Digest::of(&bytes);
        let caching = cache_control(path, content);
        let described = format!("{content}\n{}\n{caching}", media_type::of(path));
        Ok(Upload { digest: Digest::of(described.as_bytes()).to_string(), caching })
    }

    /// Uploads what differs and deletes what was asked for. Pages come after what they show.
    pub fn publish(mut self) -> anyhow::Result<()> {
        run(async {
            for (path, Upload { digest, .. }) in &self.uploads {
                let entry = self.listed.files.entry(path.clone());
                // Without a tag, it is uploaded again after an interruption.
                entry.insert_entry(Entry { digest: digest.clone(), tag: String::new() });
            }
            self.write_list().await?;
            let (pages, others): (Vec<_>, Vec<_>) =
                self.uploads.keys().cloned().partition(|path| path.ends_with(".html"));
            for paths in [others, pages] {
                let uploads =
                    paths.iter().map(|path| self.upload(path, self.uploads[path].caching));
                let tags: Vec<String> =
                    stream::iter(uploads).buffered(AT_ONCE).try_collect().await?;
                for (path, tag) in paths.iter().zip(tags) {
                    self.listed.files.get_mut(path).expect("it was inserted above").tag = tag;
                }
            }
            let deletions = self.deletions.iter().map(|path| self.delete(path));
            let () = stream::iter(deletions).buffered(AT_ONCE).try_collect().await?;
            for path in &self.deletions {
                self.listed.files.remove(path);
            }
            self.write_list().await
        })
    }

    async fn upload(&self, path: &str, caching: &'static str) -> anyhow::Result<String> {
        let bytes = std::fs::read(self.on_disk(path))?;
        let options = headers(media_type::of(path), caching);
        let put = self.store.put_opts(&key(&self.folder, path)?, bytes.into(), options).await;
        Ok(plain(put.map_err(|error| failed(&format!("upload `{path}`"), error))?.e_tag))
    }

    async fn delete(&self, path: &str) -> anyhow::Result<()> {
        match self.store.delete(&key(&self.folder, path)?).await {
            Ok(()) | Err(NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&format!("delete `{path}`"), error)),
        }
    }

    /// Writes the list, if it is still the one that was read or written last.
    async fn write_list(&mut self) -> anyhow::Result<()> {
        ABOUT.clone_into(&mut self.listed.about);
        let text = serde_json::to_vec_pretty(&self.listed)?;
        let path = key(&self.folder, LIST)?;
        let mode = match self.version.take() {
            Some(version) => PutMode::Update(version),
            None => PutMode::Create,
        };
        let put = |mode| {
            let options = headers("application/json", "no-cache");
            self.store.put_opts(
                &path,
                PutPayload::from(text.clone()),
                PutOptions { mode, ..options },
            )
        };
        let written = match put(mode).await {
            // Not all stores have conditional writes.
            Err(NotImplemented { .. }) => put(PutMode::Overwrite).await,
            written => written,
        };
        match written {
            Ok(put) => {
                self.version = Some(put.into());
                Ok(())
            }
            Err(AlreadyExists { .. } | Precondition { .. }) => {
                // A repeated request meets what the first one wrote.
                let got = self.store.get(&path).await?;
                let version = UpdateVersion {
                    e_tag: got.meta.e_tag.clone(),
                    version: got.meta.version.clone(),
                };
                if got.bytes().await? == text {
                    self.version = Some(version);
                    return Ok(());
                }
                bail!("somebody else has published to the bucket in between\nhint: publish again")
            }
            Err(error) => Err(failed(&format!("write `{LIST}`"), error)),
        }
    }
}

fn headers(content_type: &'static str, cache_control: &'static str) -> PutOptions {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, content_type.into());
    attributes.insert(Attribute::CacheControl, cache_control.into());
    PutOptions { attributes, ..PutOptions::default() }
}

/// Waits for the answers of the store.
fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
