//! As much of a client as the kit needs itself: a connection, a command, its answer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

// A paused server accepts the connection and then says nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends one command on a connection of its own. Elements of a list come one a line, a nil as nothing.
///
/// # Errors
/// What the server answered instead, or why it did not answer.
pub(super) fn ask(
    port: u16,
    password: Option<&str>,
    arguments: &[String],
) -> Result<String, String> {
    let mut connection = Connection::open(port).map_err(|error| error.to_string())?;
    if let Some(password) = password {
        connection.ask(&["AUTH".to_owned(), password.to_owned()])?;
    }
    connection.ask(arguments)
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(socket)))
    }

    fn ask(&mut self, arguments: &[String]) -> Result<String, String> {
        let mut request = format!("*{}\r\n", arguments.len());
        for argument in arguments {
            request.push_str(&format!("${}\r\n{argument}\r\n", argument.len()));
        }
        let sent = self.0.get_mut().write_all(request.as_bytes());
        sent.map_err(|error| error.to_string())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line);
        read.map_err(|error| format!("no answer: {error}"))?;
        let line = line.trim_end_matches(['\r', '\n']);
        let (kind, rest) = line
            .split_at_checked(1)
            .ok_or("no answer: the server hung up")?;
        let count = || rest.parse::<i64>().map_err(|error| error.to_string());
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => Err(rest.to_owned()),
            "$" => match usize::try_from(count()?) {
                Ok(length) => self.bulk(length),
                Err(_nil) => Ok(String::new()),
            },
            "*" => {
                let elements = (0..count()?).map(|_| self.answer());
                Ok(elements.collect::<Result<Vec<_>, _>>()?.join("\n"))
            }
            _ => Err(format!("not an answer: {line:?}")),
        }
    }

    fn bulk(&mut self, length: usize) -> Result<String, String> {
        let mut bytes = vec![0; length + 2];
        let read = self.0.read_exact(&mut bytes);
        read.map_err(|error| format!("half an answer: {error}"))?;
        Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }
}
