//! What runs in the process that decodes a picture.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, setrlimit};
use stanchion_jobs::fleet::die_with_parent;
use stanchion_media::{Extent, MediaError, Pipeline, Refusal};

use super::child::{Answer, Made, Order};

/// The most bytes of an order.
const MAX_ORDER: u64 = 64 << 10;
/// The largest file that it writes.
const MAX_FILE: u64 = 64 << 20;
/// Files that it has open at once.
const MAX_FILES: u64 = 32;
/// Seconds of the processor between the signal that it has had its time and the one that kills.
const CPU_GRACE_SECONDS: u64 = 2;
/// Addresses that the allocator and the stacks take beside what a picture needs.
const SLACK_BYTES: u64 = 128 << 20;

/// Reads an order, renders the file `original` of the current folder, and answers. Whatever kills this process kills nothing else.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let mut order = Vec::new();
    std::io::stdin()
        .take(MAX_ORDER)
        .read_to_end(&mut order)
        .context("there is no order")?;
    let order: Order = serde_json::from_slice(&order).context("the order cannot be read")?;
    let taken = confine(&order).context("this process cannot be confined")?;
    let answer = match render(&order, taken) {
        Ok(made) => Answer::Made(made),
        Err(error) if error.refusal() == Refusal::Internal => Answer::Failed(error.to_string()),
        Err(error) => Answer::Refused(error.to_string()),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(&serde_json::to_vec(&answer)?)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Limits what this process may take before it has seen a byte of the picture. Answers how many bytes of addresses it has.
fn confine(order: &Order) -> anyhow::Result<u64> {
    die_with_parent(order.parent)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, MAX_FILE)?;
    limit(Resource::Nofile, MAX_FILES)?;
    // At the first limit it is told, which is a death by its own signal; at the second it is killed like by anybody.
    let told = order.cpu_seconds;
    limit_softly(Resource::Cpu, told, told.saturating_add(CPU_GRACE_SECONDS))?;
    let taken = addresses()?;
    bound(taken, order.pipeline.caps.memory.largest())?;
    Ok(taken)
}

/// Bounds the addresses to what a picture needs beside what was taken before.
fn bound(taken: u64, needs: u64) -> std::io::Result<()> {
    let bytes = taken.saturating_add(needs).saturating_add(SLACK_BYTES);
    Ok(limit(Resource::As, bytes)?)
}

fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    limit_softly(resource, most, most)
}

fn limit_softly(resource: Resource, soft: u64, hard: u64) -> rustix::io::Result<()> {
    let limit = Rlimit {
        current: Some(soft),
        maximum: Some(hard),
    };
    setrlimit(resource, limit)
}

/// Bytes of addresses that this process has.
#[cfg(target_os = "linux")]
fn addresses() -> anyhow::Result<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = sizes.split(' ').next().unwrap_or_default().parse()?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// A guess that leaves room.
#[cfg(not(target_os = "linux"))]
fn addresses() -> anyhow::Result<u64> {
    Ok(4 << 30)
}

fn render(order: &Order, taken: u64) -> Result<Vec<Made>, MediaError> {
    let Order {
        pipeline, encoding, ..
    } = order;
    let failed = |error: std::io::Error| MediaError::Failed {
        reason: error.to_string(),
    };
    let original = read(pipeline).map_err(failed)?;
    let probed = pipeline.probe(&original, Extent::Whole)?;
    bound(taken, pipeline.memory_cap(&probed)).map_err(failed)?;
    let mut made = Vec::new();
    for (index, rendered) in pipeline
        .render(&original, *encoding)?
        .into_iter()
        .enumerate()
    {
        let file = format!("rendition-{index}");
        std::fs::write(Path::new(&file), &rendered.bytes).map_err(failed)?;
        made.push(Made {
            rendition: rendered.rendition,
            bytes: rendered.bytes.len() as u64,
            file,
        });
    }
    Ok(made)
}

/// The original, and no more of it than is accepted: the probe refuses what has a byte more.
fn read(pipeline: &Pipeline) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open("original")?;
    let length = file.metadata()?.len();
    let most = pipeline.caps.bytes.saturating_add(1).min(length);
    let mut original = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
    file.take(most).read_to_end(&mut original)?;
    Ok(original)
}
