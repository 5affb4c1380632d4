mod connection;
mod faults;
mod listener;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use self::faults::Shared;
use self::listener::Order;

pub use self::faults::Direction;

/// A TCP proxy on the loopback interface that can delay, cut and lose what passes.
///
/// It runs on a thread and a clock of its own: neither a blocked test nor tokio's paused time holds it up.
/// Every method returns once the fault is in force.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of `target`. A client whose connection the target refuses is hung up on.
    ///
    /// # Panics
    /// When `target` names no address.
    #[must_use]
    pub fn start(target: impl ToSocketAddrs) -> Self {
        let target = target
            .to_socket_addrs()
            .ok()
            .and_then(|mut addresses| addresses.next())
            .expect("the proxy's target is an address");
        let socket = TcpListener::bind(("127.0.0.1", crate::free_port()))
            .expect("a free loopback port can be bound");
        let address = socket.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let (orders, received) = mpsc::unbounded_channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || listener::run(socket, target, shared, received)
        });
        Self {
            address,
            shared,
            orders: Some(orders),
            thread: Some(thread),
        }
    }

    /// The address that clients connect to, the same after [`Proxy::cut`] and [`Proxy::heal`].
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Delivers each byte this much later, in both directions; zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.shared.change(|faults| faults.delay = delay);
    }

    /// Closes every connection and refuses new ones, until [`Proxy::heal`].
    ///
    /// # Panics
    /// When the proxy's thread has panicked.
    pub fn cut(&self) {
        self.order(Order::Cut);
    }

    /// Throws away what arrives in this direction from now on, the end of the stream included, while every
    /// connection stays open: half-open for one direction, a black hole for both.
    pub fn drop_bytes(&self, direction: Direction) {
        self.shared.change(|faults| faults.lose(direction));
    }

    /// Takes the target away from every connection that is open, for good and without a word; new ones reach it. It is
    /// what clients see whose server's address moved to another machine.
    pub fn vanish(&self) {
        self.shared.change(faults::Faults::vanish);
    }

    /// Ends every fault but [`Proxy::vanish`]. Connections that lost bytes are closed, since what follows a hole is no stream.
    ///
    /// # Panics
    /// When another program took the port after a [`Proxy::cut`].
    pub fn heal(&self) {
        self.shared.change(faults::Faults::clear);
        self.order(Order::Listen);
    }

    /// How many bytes were delivered in this direction.
    #[must_use]
    pub fn delivered_bytes(&self, direction: Direction) -> u64 {
        self.shared.delivered.sum(direction)
    }

    /// How many bytes were thrown away in this direction.
    #[must_use]
    pub fn dropped_bytes(&self, direction: Direction) -> u64 {
        self.shared.dropped.sum(direction)
    }

    fn order(&self, order: fn(oneshot::Sender<()>) -> Order) {
        let (done, wait) = oneshot::channel();
        let orders = self.orders.as_ref().expect("open until dropped");
        orders.send(order(done)).expect("the proxy's thread runs");
        // The caller may be a runtime's thread, where a blocking receive is refused.
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| wait.blocking_recv());
            let answer = waiter.join().expect("the waiter does not panic");
            answer.expect("the proxy could do as it was told");
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed, and a second one here would hide the test's own.
            let _panicked = thread.join();
        }
    }
}
