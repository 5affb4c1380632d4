use tokio::sync::mpsc;

use super::state::{Reply, Request, Turn};
use super::wire::{Body, BucketId};
use super::{Node, micros};
use crate::escrow::TransferId;
use crate::{Ask, LimiterError, observe};

/// How often a request is sent at most; in a part of the patience each time, so that others can be asked after it.
const TRIES: u32 = 3;
/// Answers that may wait for a call: one for each time that it was sent.
const ANSWERS: usize = 4;

/// What a call gathered for a bucket. When it is dropped, also since nobody waits for the call any more, it is released.
pub(super) struct Gathered<'a> {
    node: &'a Node,
    bucket: BucketId,
    ids: Vec<TransferId>,
    /// Whether the call was allowed.
    pub(super) were_used: bool,
}

/// Gathers for a bucket, alone.
struct Gathering<'a> {
    node: &'a Node,
    bucket: BucketId,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(node: &'a Node, bucket: BucketId) -> Self {
        Self {
            node,
            bucket,
            ids: Vec::new(),
            were_used: false,
        }
    }

    /// Asks one node after the other until the share holds the cost, or waits until another call has done so. Says
    /// whether it was this one that asked.
    pub(super) async fn gather(&mut self, ask: &Ask<'_>) -> Result<bool, LimiterError> {
        let turn = self
            .node
            .state()
            .begin(&self.bucket, ask, micros(&self.node.clock))?;
        if let Turn::Others(done) = turn {
            done.await;
            return Ok(false);
        }
        let _until_dropped = Gathering {
            node: self.node,
            bucket: self.bucket,
        };
        let mut asked = Vec::new();
        loop {
            let id = u128::from_le_bytes(self.node.entropy.bytes());
            let (waits, answers) = mpsc::channel(ANSWERS);
            let request = self.node.state().request(
                (&self.bucket, ask),
                &asked,
                (id, waits),
                micros(&self.node.clock),
            );
            let Some(request) = request else {
                return Ok(true);
            };
            asked.push(request.from);
            // Before the answer: whoever stops waiting then releases what has come meanwhile.
            self.ids.push(id);
            self.ask(&request, answers).await;
        }
    }

    async fn ask(&self, request: &Request, mut answers: mpsc::Receiver<Reply>) {
        for _ in 0..TRIES {
            self.node.send_to(
                request.from,
                Body::Ask {
                    id: request.id,
                    bucket: request.bucket,
                    terms: request.terms,
                    need: request.need,
                    want: request.want,
                },
            );
            let wait = self.node.config.patience / (TRIES + 1);
            match tokio::time::timeout(wait, answers.recv()).await {
                Ok(Some(Reply::Given(units))) => {
                    return observe::transfer(if units > 0 { "given" } else { "refused" });
                }
                Ok(Some(Reply::Again)) | Err(_) => {}
                Ok(None) => return,
            }
        }
        observe::transfer("silent");
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        if self.ids.is_empty() {
            return;
        }
        let now_us = micros(&self.node.clock);
        let released = self
            .node
            .state()
            .release(&self.bucket, &self.ids, self.were_used, now_us);
        for release in released {
            self.node.send_to(
                release.from,
                Body::Release {
                    id: release.id,
                    bucket: self.bucket,
                    unspent: release.unspent,
                },
            );
        }
    }
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        self.node.state().end(&self.bucket);
    }
}
