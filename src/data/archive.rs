//! Packages of files.

/// A kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.zip`, also `.whl`.
    Zip,
    /// `.tar`.
    Tar,
    /// `.tar.gz`, `.tgz`.
    TarGz,
}

impl Kind {
    /// The kind that a name ends with.
    pub(super) fn of(name: &str) -> Option<Kind> {
        let known = [
            (".zip", Kind::Zip),
            (".whl", Kind::Zip),
            (".tar", Kind::Tar),
            (".tar.gz", Kind::TarGz),
            (".tgz", Kind::TarGz),
        ];
        known.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| kind)
    }
}
