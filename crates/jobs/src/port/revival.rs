//! Which dead letters are given another life, and with which arguments.

use std::collections::HashMap;

use serde_json::Value;
use stanchion_store::StoreError;

use super::{LeftBehind, Replay, Replayed, corrupt};
use crate::error::Invalid;
use crate::model::{Args, InputHash, JobId, Kind};

/// A dead letter as it is found.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) id: JobId,
    pub(crate) kind: Kind,
    pub(crate) args: Args,
    pub(crate) input: InputHash,
    pub(crate) unique_key: Option<Vec<u8>>,
    /// Who has its unique key by now.
    pub(crate) owner: Option<JobId>,
}

/// A dead letter that comes back.
#[derive(Clone, Debug)]
pub(crate) struct Revival {
    pub(crate) id: JobId,
    pub(crate) args: Args,
    pub(crate) input: InputHash,
}

/// Decides about each letter.
pub(crate) fn decide(
    letters: Vec<Letter>,
    replay: &Replay,
) -> Result<(Vec<Revival>, Replayed), StoreError> {
    let (mut revivals, mut told) = (Vec::new(), Replayed::default());
    let mut taken: HashMap<Vec<u8>, JobId> = HashMap::new();
    for letter in letters {
        let key = letter.unique_key.clone();
        let sibling = key.as_ref().and_then(|key| taken.get(key).copied());
        if let Some(owner) = letter.owner.or(sibling) {
            told.left.push((letter.id, LeftBehind::Duplicate(owner)));
            continue;
        }
        match edited(&letter, replay.edit.as_ref())? {
            Some(revival) => {
                told.jobs.push(letter.id);
                taken.extend(key.map(|key| (key, letter.id)));
                revivals.push(revival);
            }
            None => told.left.push((letter.id, LeftBehind::ArgsTooLarge)),
        }
    }
    if replay.dry_run {
        revivals.clear();
    }
    Ok((revivals, told))
}

/// The letter with its arguments patched; none when they would become too large. An input that was the hash of the
/// arguments is that of the new ones.
fn edited(letter: &Letter, edit: Option<&Args>) -> Result<Option<Revival>, StoreError> {
    let args = match edit {
        None => letter.args.clone(),
        Some(edit) => match patched(&letter.args, edit) {
            Ok(args) => args,
            Err(Invalid::ArgsTooLarge { .. }) => return Ok(None),
            Err(error) => return Err(corrupt(error)),
        },
    };
    let by_args = letter.input == InputHash::of(&letter.kind, &letter.args);
    Ok(Some(Revival {
        id: letter.id,
        input: if by_args {
            InputHash::of(&letter.kind, &args)
        } else {
            letter.input
        },
        args,
    }))
}

fn patched(args: &Args, edit: &Args) -> Result<Args, Invalid> {
    let read = |args: &Args| -> Result<Value, Invalid> {
        args.read()
            .map_err(|error| Invalid::Args(error.to_string()))
    };
    let mut value = read(args)?;
    json_patch::merge(&mut value, &read(edit)?);
    Args::of(&value)
}
