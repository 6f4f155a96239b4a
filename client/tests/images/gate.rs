//! A connection whose answers can be held back: what the server has done is done, and the client
//! does not know it yet.

use std::path::PathBuf;

use http::Uri;
use hyper_util::rt::TokioIo;
use laconic_client::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::UnixStream;
use tokio::sync::watch;

use crate::arm::Arm;

const BUFFER_BYTES: usize = 64 * 1024;

pub(crate) struct Gate {
    open: watch::Sender<bool>,
}

impl Gate {
    /// A client behind a gate, which stands open.
    pub(crate) async fn client(arm: &Arm) -> (Self, Client) {
        let (open, opened) = watch::channel(true);
        let path = arm.socket().to_owned();
        let connector = tower::service_fn(move |_: Uri| dial(path.clone(), opened.clone()));
        let client = Client::builder(arm.namespace()).with_connector(connector).await.unwrap();
        (Self { open }, client)
    }

    /// From now on no answer comes through.
    pub(crate) fn close(&self) {
        self.open.send_replace(false);
    }

    /// What was held back comes through, and all that follows.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn dial(
    path: PathBuf,
    mut open: watch::Receiver<bool>,
) -> std::io::Result<TokioIo<DuplexStream>> {
    let (mut answers, mut questions) = UnixStream::connect(path).await?.into_split();
    let (client, held) = tokio::io::duplex(BUFFER_BYTES);
    let (mut asks, mut hears) = tokio::io::split(held);
    tokio::spawn(async move { tokio::io::copy(&mut asks, &mut questions).await });
    tokio::spawn(async move {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Ok(read @ 1..) = answers.read(&mut buffer).await {
            let passes = open.wait_for(|open| *open).await.is_ok();
            if !passes || hears.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    });
    Ok(TokioIo::new(client))
}
