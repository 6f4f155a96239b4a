//! The channel, and what every call carries.

use std::future::Future;
use std::time::Duration;

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::version_client::VersionClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::Error;

/// A call that takes longer is given up. Waits are not calls here.
const CALL_LIMIT_MS: u64 = 30_000;
/// As containerd's.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

#[derive(Clone, Debug)]
pub(crate) struct Wire {
    channel: Channel,
    namespace: String,
    header: MetadataValue<Ascii>,
}

impl Wire {
    pub(crate) fn new(channel: Channel, namespace: String) -> Result<Self, Error> {
        let header = namespace.parse().map_err(|_| {
            let what = "a namespace is made of ASCII";
            Error::local("use namespace", &namespace, Code::InvalidArgument, what)
        })?;
        Ok(Self { channel, namespace, header })
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn containers(&self) -> ContainersClient<Channel> {
        ContainersClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn tasks(&self) -> TasksClient<Channel> {
        TasksClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn events(&self) -> EventsClient<Channel> {
        EventsClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn version(&self) -> VersionClient<Channel> {
        VersionClient::new(self.channel.clone())
    }

    /// A message with the namespace that every call names.
    pub(crate) fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("containerd-namespace", self.header.clone());
        request
    }
}

/// Awaits an answer, with a limit, and names what failed.
pub(crate) async fn answer<T>(
    operation: &'static str,
    object: &str,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Error> {
    let limit = Duration::from_millis(CALL_LIMIT_MS);
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(Error::server(operation, object, &status)),
        Err(_) => {
            let message = format!("no answer within {CALL_LIMIT_MS} ms");
            Err(Error::local(operation, object, Code::DeadlineExceeded, message))
        }
    }
}
