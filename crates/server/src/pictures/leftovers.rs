//! Files that a process left behind when it was killed.

use std::fs::DirEntry;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use stanchion_kernel::Timestamp;

use super::Gallery;
use super::render::TRANSFERS;

/// What uploads are called while they are on their way; the folder may be one for all programs.
pub(super) const UPLOAD: &str = "stanchion-upload-";
/// What folders of renditions are called.
pub(super) const RENDER: &str = "stanchion-render-";

/// How often the folder of objects is tidied, which may have very many.
const OBJECTS_EVERY: Duration = Duration::from_hours(6);

/// Removes for ever what never became an object of a folder.
pub(crate) async fn tidy_objects(gallery: Gallery) {
    let longest = longest(&gallery);
    let mut ticks = tokio::time::interval(OBJECTS_EVERY);
    loop {
        ticks.tick().await;
        match gallery.objects.tidy(2 * longest).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(
                removed,
                "what killed processes left among objects was removed"
            ),
            Err(error) => tracing::warn!(%error, "the folder of objects cannot be tidied"),
        }
    }
}

/// No upload and no rendering takes longer.
fn longest(gallery: &Gallery) -> Duration {
    gallery.settings.upload_within + gallery.settings.render_within + TRANSFERS
}

/// Removes them for ever: what is older than anything that is still worked on, in every process that takes uploads or renders.
pub(crate) async fn tidy(gallery: Gallery) {
    let settings = &gallery.settings;
    let longest = longest(&gallery);
    let mut ticks = tokio::time::interval(2 * longest);
    loop {
        ticks.tick().await;
        let (folder, now) = (settings.folder.clone(), gallery.clock.now());
        let removing = move || remove(&folder, 2 * longest, now);
        let removed = tokio::task::spawn_blocking(removing).await;
        match removed.map_err(std::io::Error::other).flatten() {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "what killed processes left behind was removed"),
            Err(error) => tracing::warn!(%error, "`media.folder` cannot be tidied"),
        }
    }
}

/// Removes what is older than this; answers how much.
///
/// # Errors
/// When the folder cannot be read. What cannot be removed is left for the next time.
fn remove(folder: &Path, older_than: Duration, now: Timestamp) -> std::io::Result<u64> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if is_ours(&entry) && age(&entry, now).is_some_and(|age| age > older_than) {
            let path = entry.path();
            let gone = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            match gone {
                Ok(()) => removed += 1,
                Err(error) => tracing::debug!(%error, path = %path.display(), "a leftover stays"),
            }
        }
    }
    Ok(removed)
}

fn is_ours(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    name.starts_with(UPLOAD) || name.starts_with(RENDER)
}

/// How long ago it was last written; nothing when that is not known, or in the future.
fn age(entry: &DirEntry, now: Timestamp) -> Option<Duration> {
    let modified = entry.metadata().ok()?.modified().ok()?;
    let since_epoch = modified.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_micros(u64::try_from(now.as_micros()).ok()?);
    now.checked_sub(since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanchion_kernel::Clock;

    #[test]
    fn only_what_is_ours_and_old_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("stanchion-upload-a"), b"x").unwrap();
        std::fs::create_dir(at("stanchion-render-b")).unwrap();
        std::fs::write(at("stanchion-render-b").join("original"), b"x").unwrap();
        std::fs::write(at("somebody-else"), b"x").unwrap();
        let now = Clock::system().now();
        let hour = Duration::from_hours(1);
        assert_eq!(remove(folder.path(), hour, now).unwrap(), 0);
        assert_eq!(
            remove(folder.path(), hour, now.saturating_add(2 * hour)).unwrap(),
            2
        );
        assert!(at("somebody-else").exists());
        assert!(!at("stanchion-render-b").exists());
    }
}
