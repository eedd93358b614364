//! Reads the events of a run as they are written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::collect::{event, excerpt};
use crate::store::named;
use labpress_runner::protocol::Event;

/// The longest line, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// How much all events of a run may take on disk, in bytes: they are kept in memory until the run
/// ends.
const LONGEST_FILE: u64 = 512 << 20;
/// How much is read at once, so that a runner that never stops reporting is still kept within its
/// limits.
const READ_AT_ONCE: u64 = 4 << 20;

/// A growing file, read line by line.
pub(super) struct Tail {
    file: File,
    chunk: Vec<u8>,
    partial: Vec<u8>,
    /// How much has been read.
    read: u64,
    /// What was reported so far.
    pub(super) events: Vec<Event>,
}

impl Tail {
    /// Reads from the beginning of the file, which is created if it does not exist.
    pub(super) fn of(path: &Path) -> io::Result<Tail> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
        let file = file.map_err(|error| named(&error, "cannot open", path))?;
        Ok(Tail {
            file,
            chunk: vec![0; 64 << 10],
            partial: Vec::new(),
            read: 0,
            events: Vec::new(),
        })
    }

    /// Reads everything that is there. The inner error is why the run has failed.
    pub(super) fn read_all(&mut self) -> io::Result<Result<(), String>> {
        loop {
            match self.follow(&mut |_| {})? {
                Ok(true) => return Ok(Ok(())),
                Ok(false) => {}
                Err(reason) => return Ok(Err(reason)),
            }
        }
    }

    /// Removes a partial line at the end of the file, or with `keep: false` all lines.
    pub(super) fn truncate(&mut self, keep: bool) -> io::Result<()> {
        self.read = if keep { self.read - self.partial.len() as u64 } else { 0 };
        if !keep {
            self.events.clear();
        }
        self.partial.clear();
        self.file.set_len(self.read)?;
        self.file.seek(SeekFrom::Start(self.read)).map(drop)
    }

    /// Reads some of what is new, and returns whether that was all. The inner error is why the run
    /// has failed.
    pub(super) fn follow(
        &mut self,
        watch: &mut dyn FnMut(&Event),
    ) -> io::Result<Result<bool, String>> {
        let until = self.read + READ_AT_ONCE;
        while self.read < until {
            let count = self.file.read(&mut self.chunk)?;
            if count == 0 {
                return Ok(Ok(true));
            }
            self.read += count as u64;
            let mut rest = &self.chunk[..count];
            while let Some(newline) = rest.iter().position(|&byte| byte == b'\n') {
                self.partial.extend_from_slice(&rest[..newline]);
                rest = &rest[newline + 1..];
                if let Err(reason) = read_line(&self.partial, &mut self.events, watch) {
                    return Ok(Err(format!("wrote an invalid event: {reason}")));
                }
                self.partial.clear();
                // What follows is not part of the result.
                if matches!(self.events.last(), Some(Event::Diverged(_))) {
                    return Ok(Ok(true));
                }
            }
            self.partial.extend_from_slice(rest);
            if self.partial.len() > LONGEST_LINE {
                let start = excerpt(&String::from_utf8_lossy(&self.partial[..1000]));
                return Ok(Err(format!(
                    "wrote a line of more than 1 MiB to `events.jsonl`: {start}"
                )));
            }
            if self.read > LONGEST_FILE {
                return Ok(Err(format!("wrote more than {} MiB of events", LONGEST_FILE >> 20)));
            }
        }
        Ok(Ok(false))
    }
}

fn read_line(
    line: &[u8],
    events: &mut Vec<Event>,
    watch: &mut dyn FnMut(&Event),
) -> Result<(), String> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    if !line.is_empty() {
        let event = event(line)?;
        watch(&event);
        events.push(event);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test writes the files that are read")]
mod tests {
    use std::fs;

    use super::*;

    const NOTE: &str = "{\"event\":\"note\",\"text\":\"hello\"}\n";

    #[track_caller]
    fn check(text: &str, expected: &Result<usize, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        fs::write(&path, text).unwrap();
        let mut tail = Tail::of(&path).unwrap();
        match (tail.read_all().unwrap(), expected) {
            (Ok(()), Ok(count)) => assert_eq!(tail.events.len(), *count),
            (Err(reason), Err(expected)) => {
                assert!(reason.starts_with(expected) && reason.len() < 400, "{reason}");
            }
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn many_events_in_one_write_are_all_read() {
        check(&NOTE.repeat(200_000), &Ok(200_000));
    }

    #[test]
    fn a_line_that_is_too_long_is_rejected_with_its_beginning() {
        check(
            &format!("{NOTE}{}", "x".repeat(3 << 20)),
            &Err("wrote a line of more than 1 MiB to `events.jsonl`: xxx"),
        );
        check(&("x".repeat(900_000) + "\n"), &Err("wrote an invalid event: "));
    }

    #[test]
    fn a_resumed_run_loses_its_partial_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        fs::write(&path, format!("{NOTE}{{\"event\"")).unwrap();
        let mut tail = Tail::of(&path).unwrap();
        assert_eq!(tail.read_all().unwrap(), Ok(()));
        tail.truncate(true).unwrap();
        fs::write(&path, format!("{}{NOTE}", fs::read_to_string(&path).unwrap())).unwrap();
        assert_eq!(tail.follow(&mut |_| {}).unwrap(), Ok(true));
        assert_eq!(tail.events.len(), 2);
    }
}
