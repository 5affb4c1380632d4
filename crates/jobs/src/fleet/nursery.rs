//! The thread that starts workers. A system tells a process of the death of the *thread* that started it, and threads of a
//! pool come and go: this one lives as long as its fleet.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::{Started, Starter};

/// The running thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Nursery(mpsc::Sender<Birth>);

#[derive(Debug)]
struct Birth {
    place: u32,
    born: oneshot::Sender<io::Result<Started>>,
}

impl Nursery {
    /// Starts the thread, within the runtime of the caller.
    pub(super) fn open(mut starter: Box<dyn Starter>) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let (births, asked) = mpsc::channel::<Birth>();
        let start = move || {
            let _inside = runtime.enter();
            while let Ok(Birth { place, born }) = asked.recv() {
                // Who asked may be gone, and then so is the worker, with the thread.
                let _unheard = born.send(starter.start(place));
            }
        };
        thread::Builder::new()
            .name("jobs-nursery".to_owned())
            .spawn(start)?;
        Ok(Self(births))
    }

    /// Starts a worker in a place.
    pub(super) async fn start(&self, place: u32) -> io::Result<Started> {
        let gone = || io::Error::other("the thread that starts workers panicked");
        let (born, birth) = oneshot::channel();
        let asked = self.0.send(Birth { place, born });
        asked.map_err(|_| gone())?;
        birth.await.map_err(|_| gone())?
    }
}
