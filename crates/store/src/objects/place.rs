//! Where objects are, by a URL.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;

use super::ObjectsError;

/// An object store, and what stands before each key in it.
pub(super) type Place = (Arc<dyn ObjectStore>, Path);

/// A setting of a cloud, as the programs of that cloud take it from the environment.
pub(super) type Setting = (String, String);

/// The folder that a URL names.
pub(super) fn folder(url: &str) -> Option<&str> {
    url.strip_prefix("file:")
}

/// Whether a place can be opened, as far as that is known without making or asking anything.
pub(super) fn check(url: &str, settings: &[Setting]) -> Result<(), ObjectsError> {
    if folder(url).is_some() {
        return Ok(());
    }
    open(url, settings).map(drop)
}

/// `file:FOLDER`, `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
pub(super) fn open(url: &str, settings: &[Setting]) -> Result<Place, ObjectsError> {
    if let Some(folder) = folder(url) {
        return local(folder);
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong(
            "the URL is `file:FOLDER`, `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`",
        ));
    }
    let store = match scheme {
        "s3" => s3(bucket, settings)?,
        "az" => azure(bucket, settings)?,
        _ => return Err(wrong("the URL begins with `file:`, `s3://` or `az://`")),
    };
    let prefix = Path::parse(prefix).map_err(|error| wrong(&error.to_string()))?;
    Ok((store, prefix))
}

/// What it acknowledges is on the disk.
fn local(folder: &str) -> Result<Place, ObjectsError> {
    let cannot = |error: &dyn std::error::Error| wrong(&format!("{folder}: {error}"));
    std::fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
    let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| cannot(&error))?;
    Ok((Arc::new(store.with_fsync(true)), Path::default()))
}

#[cfg(feature = "s3")]
fn s3(bucket: &str, settings: &[Setting]) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

    let mut builder = AmazonS3Builder::new();
    for (name, value) in settings.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_retry(patience());
    let store = builder.with_bucket_name(bucket).build();
    Ok(Arc::new(store.map_err(|error| wrong(&error.to_string()))?))
}

#[cfg(not(feature = "s3"))]
fn s3(_bucket: &str, _settings: &[Setting]) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    Err(wrong("this build has not the feature `s3`"))
}

#[cfg(feature = "azure")]
fn azure(container: &str, settings: &[Setting]) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

    let mut builder = MicrosoftAzureBuilder::new();
    for (name, value) in settings
        .iter()
        .filter(|(name, _)| name.starts_with("AZURE_"))
    {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_retry(patience());
    let store = builder.with_container_name(container).build();
    Ok(Arc::new(store.map_err(|error| wrong(&error.to_string()))?))
}

#[cfg(not(feature = "azure"))]
fn azure(_container: &str, _settings: &[Setting]) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    Err(wrong("this build has not the feature `azure`"))
}

/// Three retries and none after ten seconds: whoever waits for an upload hears of a cloud that is away, and jobs have retries of
/// their own. An attempt by itself is given up after 30 s, and its connection after 5, as the library has it.
#[cfg(any(feature = "s3", feature = "azure"))]
fn patience() -> object_store::RetryConfig {
    object_store::RetryConfig {
        max_retries: 3,
        retry_timeout: std::time::Duration::from_secs(10),
        ..object_store::RetryConfig::default()
    }
}

fn wrong(what: &str) -> ObjectsError {
    ObjectsError::Config(what.to_owned())
}
