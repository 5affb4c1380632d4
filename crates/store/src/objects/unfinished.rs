//! What killed processes left in a folder of objects.

use std::fs::DirEntry;
use std::path::Path;
use std::time::Duration;

use super::ObjectKey;

/// What the library has in the name of a file that is being written, before its number; no key has it.
const UNFINISHED: char = '#';

/// Removes files that were last written so long ago and never became objects; answers how many.
///
/// # Errors
/// When a folder cannot be read. What cannot be removed is left for the next time.
pub(super) fn remove(folder: &Path, older_than: Duration) -> std::io::Result<u64> {
    let mut removed = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if is_unfinished(&entry) && is_older(&entry, older_than) {
                match std::fs::remove_file(entry.path()) {
                    Ok(()) => removed += 1,
                    Err(error) => {
                        let path = entry.path();
                        tracing::debug!(%error, path = %path.display(), "an unfinished object stays");
                    }
                }
            }
        }
    }
    Ok(removed)
}

fn is_unfinished(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    let parts = name.rsplit_once(UNFINISHED);
    parts.is_some_and(|(key, number)| {
        key.parse::<ObjectKey>().is_ok() && number.parse::<u64>().is_ok()
    })
}

/// Whether it was last written so long ago. By the clock that the file system has.
fn is_older(entry: &DirEntry, than: Duration) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > than))
}
