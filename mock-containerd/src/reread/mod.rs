//! Reads a body once more that prost refused, as the played version reads it: the generated code of
//! 1.6, or the library that came after. What that takes comes back as a body that prost takes too;
//! what it refuses comes back in its words.

mod generated;
mod library;

use std::borrow::Cow;

use prost::{Message, Name};
use prost_reflect::{FieldDescriptor, MessageDescriptor};

pub(crate) use generated::CUT_OFF;
pub(crate) use library::{MALFORMED, NOT_UTF_8};

use crate::Profile;
use crate::stubs::POOL;

/// Why a body is refused, in the words of Go.
pub(crate) type Cause = Cow<'static, str>;

/// Wire types.
const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED_32: u8 = 5;

/// Fields that came later than the version they are in: before it, they are unknown fields.
const SINCE: [(&str, Profile); 6] = [
    ("containerd.services.containers.v1.Container.sandbox", Profile::V1_7),
    ("containerd.services.diff.v1.ApplyRequest.sync_fs", Profile::V1_7),
    ("containerd.services.diff.v1.DiffRequest.source_date_epoch", Profile::V1_7),
    ("containerd.services.images.v1.CreateImageRequest.source_date_epoch", Profile::V1_7),
    ("containerd.services.images.v1.DeleteImageRequest.target", Profile::V2_1),
    ("containerd.services.images.v1.UpdateImageRequest.source_date_epoch", Profile::V1_7),
];

/// Decodes a message; only what prost refuses is read twice.
pub(crate) fn decode<M: Message + Name + Default>(
    profile: Profile,
    body: &[u8],
) -> Result<M, Cause> {
    M::decode(body).or_else(|_| decode_again(profile, body))
}

/// Decodes what prost refused.
pub(crate) fn decode_again<M: Message + Name + Default>(
    profile: Profile,
    body: &[u8],
) -> Result<M, Cause> {
    let taken = reread::<M>(profile, body)?;
    M::decode(taken.as_slice()).map_err(|_| MALFORMED.into())
}

/// What the version takes of a body, encoded anew: without what it does not know.
fn reread<M: Name>(profile: Profile, body: &[u8]) -> Result<Vec<u8>, Cause> {
    let message = POOL
        .get_message_by_name(&M::full_name())
        .expect("stubs and descriptors come from the same protos");
    match profile {
        Profile::V1_6 => generated::read(&message, body),
        Profile::V1_7 | Profile::V2_1 => library::read(profile, &message, body),
    }
}

fn field(profile: Profile, message: &MessageDescriptor, number: u32) -> Option<FieldDescriptor> {
    message.get_field(number).filter(|field| {
        SINCE.iter().all(|(name, since)| profile >= *since || *name != field.full_name())
    })
}

fn wire_type(field: &FieldDescriptor) -> u8 {
    use prost::encoding::WireType;
    match field.kind().wire_type() {
        WireType::Varint => VARINT,
        WireType::SixtyFourBit => FIXED_64,
        WireType::LengthDelimited => LENGTH_DELIMITED,
        WireType::StartGroup => GROUP,
        WireType::EndGroup => GROUP_END,
        WireType::ThirtyTwoBit => FIXED_32,
    }
}

fn put_key(to: &mut Vec<u8>, field: &FieldDescriptor) {
    put_varint(to, u64::from(field.number()) << 3 | u64::from(wire_type(field)));
}

fn put_varint(to: &mut Vec<u8>, value: u64) {
    prost::encoding::encode_varint(value, to);
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
