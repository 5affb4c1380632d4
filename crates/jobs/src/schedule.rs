use stanchion_kernel::{Timestamp, Uuid};

use crate::cron::Cron;
use crate::error::Invalid;
use crate::jobs;
use crate::model::{JobId, NewJob, Queue};
use crate::work::Job;

/// A job that is enqueued at every tick of a clock, once for each tick, however many workers have the schedule. Ticks that
/// were missed while no worker ran become one: the last.
#[derive(Clone, Debug)]
pub struct Schedule {
    name: String,
    cron: Cron,
    job: NewJob,
    /// The last tick that is known to have been fired.
    pub(crate) fired: Option<Timestamp>,
}

impl Schedule {
    /// A schedule of this name, which tells it apart from others in the database: written as a queue's
    /// name is.
    ///
    /// # Errors
    /// [`Invalid::Cron`]; [`Invalid::Queue`] for the name; what else is wrong with the job.
    pub fn new<J: Job>(name: &str, cron: &str, args: &J::Args) -> Result<Self, Invalid> {
        let name = Queue::new(name)?;
        Ok(Self {
            name: name.as_str().to_owned(),
            cron: Cron::parse(cron)?,
            // Each tick's job gets an id of its own.
            job: jobs::new_job::<J>(JobId(Uuid::nil()), args)?,
            fired: None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it fires.
    #[must_use]
    pub fn cron(&self) -> &Cron {
        &self.cron
    }

    /// What is enqueued, but for its id.
    #[must_use]
    pub fn job(&self) -> &NewJob {
        &self.job
    }
}
