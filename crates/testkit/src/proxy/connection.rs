//! One connection through the proxy: two one-way pumps, each a reader, a queue and a writer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::faults::{Direction, Faults, Shared};

const CHUNK_BYTES: usize = 16 * 1024;
// What may be under way at a time, 16 MiB: it bounds the speed of a delayed connection.
const CHUNKS_UNDER_WAY: usize = 1024;

struct Chunk {
    due: Duration,
    bytes: Vec<u8>,
}

/// Carries bytes both ways until both sides have ended, one of them breaks, or a loss is healed.
pub(super) async fn carry(client: TcpStream, target: SocketAddr, shared: Arc<Shared>) {
    // The client learns of a refusal as it does of every error here: its connection is closed.
    let _broken = try_carry(client, target, &shared).await;
}

async fn try_carry(client: TcpStream, target: SocketAddr, shared: &Shared) -> io::Result<()> {
    let born = shared.watch().borrow().vanished();
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pump(from_client, to_server, Direction::ToServer, born, shared);
    let back = pump(from_server, to_client, Direction::ToClient, born, shared);
    tokio::try_join!(there, back)?;
    Ok(())
}

async fn pump(
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    direction: Direction,
    born: u64,
    shared: &Shared,
) -> io::Result<()> {
    let clock = Clock::system();
    let (sender, queue) = mpsc::channel(CHUNKS_UNDER_WAY);
    let read = read(from, sender, direction, born, shared, &clock);
    let write = write(to, queue, direction, shared, &clock);
    tokio::try_join!(read, write)?;
    Ok(())
}

/// Ends in order at the stream's end, and with an error when this direction lost bytes and is healed.
async fn read(
    mut from: OwnedReadHalf,
    queue: mpsc::Sender<Chunk>,
    direction: Direction,
    born: u64,
    shared: &Shared,
    clock: &Clock,
) -> io::Result<()> {
    let loses = |faults: &Faults| faults.vanished() > born || faults.loses(direction);
    let mut faults = shared.watch();
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut lost, mut ended) = (false, false);
    loop {
        let got = tokio::select! {
            // A fault counts for all that is read after it.
            biased;
            Ok(()) = faults.changed() => {
                if lost && !loses(&faults.borrow_and_update()) {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                continue;
            }
            got = from.read(&mut buffer), if !ended => got,
        };
        let (delay, is_lost) = {
            let faults = faults.borrow();
            (faults.delay, loses(&faults))
        };
        if is_lost {
            lost = true;
            ended = !matches!(got, Ok(1..));
            shared.dropped.add(direction, got.unwrap_or_default());
            continue;
        }
        let bytes = buffer[..got?].to_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        let due = clock.monotonic() + delay;
        if queue.send(Chunk { due, bytes }).await.is_err() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
}

async fn write(
    mut to: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Chunk>,
    direction: Direction,
    shared: &Shared,
    clock: &Clock,
) -> io::Result<()> {
    while let Some(chunk) = queue.recv().await {
        let wait = chunk.due.saturating_sub(clock.monotonic());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        to.write_all(&chunk.bytes).await?;
        shared.delivered.add(direction, chunk.bytes.len());
    }
    to.shutdown().await
}
