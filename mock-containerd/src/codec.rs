//! Messages to and from bytes: prost's codec, and for a body that prost refuses, what the played
//! version makes of it.

use std::marker::PhantomData;

use bytes::Buf;
use prost::{Message, Name};
use tokio::task::futures::TaskLocalFuture;
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder};
use tonic_prost::ProstEncoder;

use crate::Profile;
use crate::refusal::UNREAD;
use crate::reread;

tokio::task_local! {
    /// Stubs make their codec from nothing: this is how it learns which version is played.
    static PLAYED: Profile;
}

/// Has calls of the stubs inside of `answered` decode as that version does.
pub(crate) fn played<F: Future>(profile: Profile, answered: F) -> TaskLocalFuture<Profile, F> {
    PLAYED.scope(profile, answered)
}

/// What the stubs are generated with.
#[derive(Debug)]
pub(crate) struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Forgiving<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        // Here, and not when it decodes: the task that answers a call makes the decoder, but a
        // stream of messages may be read in another.
        Forgiving { profile: PLAYED.get(), message: PhantomData }
    }
}

/// Takes what the version takes.
#[derive(Debug)]
pub(crate) struct Forgiving<U> {
    profile: Profile,
    message: PhantomData<U>,
}

/// Up to here a body is decoded where it lies, which copies `bytes` in it twice; a longer one is
/// shared, which takes an allocation, as a field of `bytes` in it would anyway. Either way it is
/// still there when prost refuses it, at no cost when not.
const IN_PLACE_BYTES_MAX: usize = 1024;

impl<U: Message + Name + Default> Decoder for Forgiving<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let length = buffer.remaining();
        let in_place = buffer.chunk();
        let decoded = if length <= IN_PLACE_BYTES_MAX && in_place.len() == length {
            let decoded = reread::decode(self.profile, in_place);
            buffer.advance(length);
            decoded
        } else {
            let body = buffer.copy_to_bytes(length);
            U::decode(body.clone()).or_else(|_| reread::decode_again(self.profile, &body))
        };
        decoded.map(Some).map_err(|cause| Status::internal(format!("{UNREAD}{cause}")))
    }
}
