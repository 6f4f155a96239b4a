//! Both directions of one connection, joined into calls.

use std::collections::BTreeMap;

use rpc_ledger::{Call, ConnectionId, Ledger, Opening, Seq};

use super::half::{Half, Heard};
use super::stream::{end, opening, said};
use super::{Blind, Direction};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads one connection. Purely: bytes in, calls into the ledger.
pub struct ConnectionReader {
    ledger: Ledger,
    connection: ConnectionId,
    greeted: bool,
    to_server: Half,
    to_client: Half,
    calls: BTreeMap<u32, Call>,
    /// Streams are numbered upwards: what is not above was opened before.
    last_stream: u32,
}

impl ConnectionReader {
    /// Nothing has been read yet.
    pub fn new(ledger: Ledger, connection: ConnectionId) -> Self {
        Self {
            ledger,
            connection,
            greeted: false,
            to_server: Half::new(),
            to_client: Half::new(),
            calls: BTreeMap::new(),
            last_stream: 0,
        }
    }

    /// Reads a chunk. After an error the connection is blind and must not be fed again.
    pub fn feed(&mut self, direction: Direction, seq: Seq, bytes: &[u8]) -> Result<(), Blind> {
        match direction {
            Direction::ToServer => {
                self.to_server.push(bytes);
                if !self.greeted {
                    self.greeted = self.to_server.take_prefix(PREFACE)?;
                }
                while self.greeted {
                    let Some(heard) = self.to_server.next()? else { break };
                    self.client_said(seq, heard);
                }
            }
            Direction::ToClient => {
                self.to_client.push(bytes);
                while let Some(heard) = self.to_client.next()? {
                    self.server_said(heard);
                }
            }
        }
        Ok(())
    }

    /// The connection has ended: what is still open never gets a status.
    pub fn close(mut self, server_closed_first: bool) {
        for call in std::mem::take(&mut self.calls).into_values() {
            if server_closed_first { call.broken() } else { call.cancelled() }
        }
    }

    fn client_said(&mut self, seq: Seq, heard: Heard) {
        match heard {
            Heard::Headers { stream, fields, .. } if stream > self.last_stream => {
                self.last_stream = stream;
                let opening =
                    Opening { connection: self.connection, seq: Some(seq), ..opening(&fields) };
                self.calls.insert(stream, self.ledger.start(opening));
            }
            // Trailers of a request: gRPC has none that matter.
            Heard::Headers { .. } => {}
            Heard::Data { stream, payload, .. } => {
                if let Some(call) = self.calls.get(&stream) {
                    call.request_bytes(&payload);
                }
            }
            Heard::Reset { stream } => {
                if let Some(call) = self.calls.remove(&stream) {
                    call.cancelled();
                }
            }
            Heard::HeaderTableSize(bytes) => self.to_client.allow_table(bytes),
        }
    }

    fn server_said(&mut self, heard: Heard) {
        match heard {
            Heard::Headers { stream, fields, ends_stream } => {
                let Some(call) = self.calls.remove(&stream) else { return };
                if let Some(open) = end(call, said(&fields, ends_stream)) {
                    self.calls.insert(stream, open);
                }
            }
            Heard::Data { stream, payload, ends_stream } => {
                if let Some(call) = self.calls.get(&stream) {
                    call.reply_bytes(&payload);
                }
                // gRPC ends with trailers: data that ends the stream has lost them.
                if ends_stream && let Some(call) = self.calls.remove(&stream) {
                    call.broken();
                }
            }
            Heard::Reset { stream } => {
                if let Some(call) = self.calls.remove(&stream) {
                    call.broken();
                }
            }
            Heard::HeaderTableSize(bytes) => self.to_server.allow_table(bytes),
        }
    }
}
