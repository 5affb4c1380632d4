use std::time::Duration;

use crate::error::JobsError;
use crate::jobs::{Jobs, MAX_PAGE};
use crate::model::{Args, JobId};
use crate::port::{Replay, Replayed, Which};

impl Jobs {
    /// Gives these dead letters another life, no more than `per_second` of them in a second, the first ones at once. It ends
    /// early when it is dropped: the rest stay dead letters.
    ///
    /// # Errors
    /// The database's own; what was replayed by then is.
    pub async fn replay_paced(
        &self,
        ids: &[JobId],
        edit: Option<&Args>,
        per_second: u32,
    ) -> Result<Replayed, JobsError> {
        let batch = per_second.clamp(1, MAX_PAGE);
        let mut all = Replayed::default();
        let mut pause = Duration::ZERO;
        for ids in ids.chunks(batch as usize) {
            tokio::time::sleep(pause).await;
            pause = Duration::from_secs(1);
            let replay = Replay {
                which: Which::Ids(ids.to_vec()),
                edit: edit.cloned(),
                dry_run: false,
            };
            let replayed = self.replay(replay, batch).await?;
            all.jobs.extend(replayed.jobs);
            all.left.extend(replayed.left);
        }
        Ok(all)
    }
}
