use serde::Deserialize;
use stanchion_jobs::{Fence, JobId, LeaseId};
use stanchion_kernel::Uuid;
use utoipa::ToSchema;

/// By what the holder of a job is known, as the claim gave it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Fence)]
pub(crate) struct FenceInput {
    /// The number of the attempt.
    #[schema(minimum = 1)]
    attempt: u32,
    /// The lease.
    lease: Uuid,
}

/// The fence of the job with this id.
pub(super) fn fence(job: Uuid, attempt: u32, lease: Uuid) -> Fence {
    Fence {
        job: JobId(job),
        attempt,
        lease: LeaseId(lease),
    }
}

impl FenceInput {
    pub(super) fn of(&self, job: Uuid) -> Fence {
        fence(job, self.attempt, self.lease)
    }
}
