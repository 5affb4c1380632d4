//! The proxy's thread: accepts connections, and closes them all when told to.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::connection;
use super::faults::Shared;

/// What the test tells the thread to do; the sender is used up once it is done.
#[derive(Debug)]
pub(super) enum Order {
    Cut(oneshot::Sender<()>),
    Listen(oneshot::Sender<()>),
}

/// Runs until the orders' sender is dropped.
pub(super) fn run(
    socket: std::net::TcpListener,
    target: SocketAddr,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedReceiver<Order>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(serve(socket, target, shared, orders));
}

async fn serve(
    socket: std::net::TcpListener,
    target: SocketAddr,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let address = socket.local_addr().expect("a bound socket has an address");
    let mut listener = Some(register(socket));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An order goes before a connection that waits to be accepted.
            biased;
            order = orders.recv() => match order {
                None => return,
                Some(Order::Cut(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    let _nobody_waits = done.send(());
                }
                Some(Order::Listen(done)) => {
                    listener = listener.or_else(|| Some(register(bind(address))));
                    let _nobody_waits = done.send(());
                }
            },
            Some(client) = accept(listener.as_ref()) => {
                connections.spawn(connection::carry(client, target, Arc::clone(&shared)));
            }
            // Finished connections are taken out, or the set would grow with every one.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    let (client, _) = listener?.accept().await.ok()?;
    Some(client)
}

fn bind(address: SocketAddr) -> std::net::TcpListener {
    std::net::TcpListener::bind(address).expect("nobody took the proxy's port meanwhile")
}

fn register(socket: std::net::TcpListener) -> TcpListener {
    socket
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(socket))
        .expect("a bound socket can be registered")
}
