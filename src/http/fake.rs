//! Servers for tests that misbehave byte by byte, on threads that end with the
//! test process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A server that handles every connection with `handle`, on threads that end
/// with the test process.
pub(crate) fn serve(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback works");
    let address = listener.local_addr().expect("loopback works");
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Reads one request with its body; `None` at the end of the connection.
pub(crate) fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("loopback works");
    let length = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")
                .map(|n| n.parse().expect("loopback works"))
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).expect("loopback works"))
}

/// A server that answers every connection's first request with these bytes and
/// closes.
pub(crate) fn answering(answer: impl Into<String>) -> SocketAddr {
    let answer = answer.into();
    serve(move |mut stream| {
        if request(&mut stream).is_some() {
            let _ = stream.write_all(answer.as_bytes());
        }
    })
}

/// An address that refuses every connection as long as the socket lives, which
/// keeps the port from every other test.
pub(crate) fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().expect("loopback works");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("loopback works");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}
