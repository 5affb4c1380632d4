use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use crate::context::Context;
use crate::error::Invalid;
use crate::failure::Failure;
use crate::model::{Args, Kind};
use crate::work::{Job, Weight};

/// Does the jobs of a kind. Every `Fn(J::Args, Context) -> impl Future` is one.
///
/// It may be called for the same job more than once, also at the same time on two workers when one lost its lease: effects
/// in the job's database are applied once by [`Context::hold`] or [`Context::complete`], others pass
/// [`Context::job_id`] on as their idempotency key.
pub trait Handler<J: Job>: Send + Sync + 'static {
    /// Does a job. It runs on the async threads: what computes for long moves to a blocking thread.
    fn handle(
        &self,
        args: J::Args,
        context: Context,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

impl<J, F, Fut> Handler<J> for F
where
    J: Job,
    F: Fn(J::Args, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    fn handle(
        &self,
        args: J::Args,
        context: Context,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        self(args, context)
    }
}

/// An attempt under way.
pub(crate) type Attempt = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// A handler whose type is forgotten.
trait AnyHandler: Send + Sync {
    fn begin(&self, args: &Args, context: Context) -> Result<Attempt, serde_json::Error>;
}

struct Typed<J, H> {
    handler: Arc<H>,
    job: PhantomData<fn() -> J>,
}

impl<J: Job, H: Handler<J>> AnyHandler for Typed<J, H> {
    fn begin(&self, args: &Args, context: Context) -> Result<Attempt, serde_json::Error> {
        let args: J::Args = args.read()?;
        let handler = Arc::clone(&self.handler);
        Ok(Box::pin(async move { handler.handle(args, context).await }))
    }
}

/// The handlers of a worker, by kind.
#[derive(Clone, Default)]
pub struct Handlers {
    by_kind: HashMap<Kind, Registered>,
}

#[derive(Clone)]
struct Registered {
    handler: Arc<dyn AnyHandler>,
    weight: Weight,
}

impl Handlers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These, and one for the jobs of `J`, in place of an earlier one.
    ///
    /// # Errors
    /// [`Invalid::Kind`] when the kind's name is none.
    pub fn with<J: Job>(mut self, handler: impl Handler<J>) -> Result<Self, Invalid> {
        let registered = Registered {
            handler: Arc::new(Typed {
                handler: Arc::new(handler),
                job: PhantomData::<fn() -> J>,
            }),
            weight: J::weight(),
        };
        self.by_kind.insert(Kind::new(J::KIND)?, registered);
        Ok(self)
    }

    /// The kinds that there are handlers for.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.by_kind.keys()
    }

    pub(crate) fn weights(&self) -> impl Iterator<Item = Weight> {
        self.by_kind.values().map(|registered| registered.weight)
    }

    pub(crate) fn weight(&self, kind: &Kind) -> Option<Weight> {
        Some(self.by_kind.get(kind)?.weight)
    }

    /// Begins an attempt; none when there is no handler.
    pub(crate) fn begin(
        &self,
        kind: &Kind,
        args: &Args,
        context: Context,
    ) -> Option<Result<Attempt, serde_json::Error>> {
        Some(self.by_kind.get(kind)?.handler.begin(args, context))
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds()).finish()
    }
}
