use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

use crate::free_port;

/// A network of datagrams between nodes, which can be divided, and which remembers the first 100,000 that it carried.
#[derive(Clone, Debug, Default)]
pub struct Network(Arc<Mutex<Wires>>);

/// How many datagrams are remembered.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Default)]
struct Wires {
    /// The side on which a node is; 0 unless the network is divided.
    sides: HashMap<SocketAddr, usize>,
    carried: Vec<(SocketAddr, Vec<u8>)>,
}

/// An address of the loopback interface that nobody uses.
#[must_use]
pub fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

impl Network {
    /// Divides it: each list of nodes, by the addresses at which they listen, hears only itself.
    ///
    /// # Panics
    /// When another thread did while it held the network.
    pub fn divide(&self, sides: &[&[SocketAddr]]) {
        let mut wires = self.0.lock().expect("no panic");
        wires.sides.clear();
        for (side, nodes) in sides.iter().enumerate() {
            wires.sides.extend(nodes.iter().map(|node| (*node, side)));
        }
    }

    /// Lets every node hear every other one again.
    ///
    /// # Panics
    /// When another thread did while it held the network.
    pub fn heal(&self) {
        self.divide(&[]);
    }

    /// What it carried to each node since it was asked last.
    ///
    /// # Panics
    /// When another thread did while it held the network.
    pub fn carried(&self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.0.lock().expect("no panic").carried)
    }

    fn carries(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> bool {
        let mut wires = self.0.lock().expect("no panic");
        let side = |node| wires.sides.get(&node).copied().unwrap_or_default();
        let carries = side(from) == side(to);
        if carries && wires.carried.len() < REMEMBERED {
            wires.carried.push((to, datagram.to_vec()));
        }
        carries
    }

    /// An address through which others reach `node`. Whoever is answered there hears the answer from the same address.
    ///
    /// # Panics
    /// When there is no free address.
    pub async fn reach(&self, node: SocketAddr) -> SocketAddr {
        let front = UdpSocket::bind(free_address()).await.expect("a socket");
        let address = front.local_addr().expect("an address");
        tokio::spawn(relay(self.clone(), Arc::new(front), node));
        address
    }
}

async fn relay(network: Network, front: Arc<UdpSocket>, node: SocketAddr) {
    let mut behind: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut datagram = vec![0; 65_536];
    while let Ok((length, from)) = front.recv_from(&mut datagram).await {
        if !network.carries(from, node, &datagram[..length]) {
            continue;
        }
        let socket = match behind.get(&from) {
            Some(socket) => Arc::clone(socket),
            None => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
                let socket = Arc::new(socket.expect("a socket"));
                socket.connect(node).await.expect("an address");
                let (network, front) = (network.clone(), Arc::clone(&front));
                tokio::spawn(answers(network, Arc::clone(&socket), front, (node, from)));
                behind.insert(from, Arc::clone(&socket));
                socket
            }
        };
        // A node that is down refuses it, which looks to the sender as if it were lost.
        let _lost = socket.send(&datagram[..length]).await;
    }
}

async fn answers(
    network: Network,
    behind: Arc<UdpSocket>,
    front: Arc<UdpSocket>,
    (node, to): (SocketAddr, SocketAddr),
) {
    let mut datagram = vec![0; 65_536];
    loop {
        if let Ok(length) = behind.recv(&mut datagram).await
            && network.carries(node, to, &datagram[..length])
        {
            let _lost = front.send_to(&datagram[..length], to).await;
        }
    }
}
