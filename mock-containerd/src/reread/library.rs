//! Bodies as Go's protobuf library reads them, which 1.7 and 2.1 use. A field of another type than
//! its own is an unknown field to it.

use prost_reflect::{Kind, MessageDescriptor};

use super::{
    Cause, FIXED_32, FIXED_64, GROUP, GROUP_END, LENGTH_DELIMITED, VARINT, field, put_bytes,
    put_key, put_varint, wire_type,
};
use crate::Profile;

/// The space is one that does not break: the library puts it into some builds on purpose, and did
/// into those that were looked at.
pub(crate) const MALFORMED: &str = "proto:\u{a0}cannot parse invalid wire-format data";
pub(crate) const NOT_UTF_8: &str = "string field contains invalid UTF-8";

const NUMBER_MAX: u64 = (1 << 29) - 1;
/// Of a field inside of a group that is skipped, more is taken.
const SKIPPED_NUMBER_MAX: u64 = (1 << 31) - 1;
/// Groups within groups.
const DEPTH_MAX: usize = 10_000;

/// Where the reading is: what lies ahead.
struct Reader<'a>(&'a [u8]);

/// The body is refused; that it is malformed has one text for all.
type Read<T> = Option<T>;

pub(super) fn read(
    profile: Profile,
    message: &MessageDescriptor,
    body: &[u8],
) -> Result<Vec<u8>, Cause> {
    let malformed = || Cause::from(MALFORMED);
    let mut body = Reader(body);
    let mut taken = Vec::new();
    while !body.0.is_empty() {
        let (number, wire) = body.tag(NUMBER_MAX).ok_or_else(malformed)?;
        let known = field(profile, message, number).filter(|field| wire_type(field) == wire);
        let Some(field) = known else {
            body.skip(number, wire).ok_or_else(malformed)?;
            continue;
        };
        put_key(&mut taken, &field);
        if wire != LENGTH_DELIMITED {
            match wire {
                VARINT => put_varint(&mut taken, body.varint().ok_or_else(malformed)?),
                FIXED_64 => taken.extend(body.take(8).ok_or_else(malformed)?),
                _ => taken.extend(body.take(4).ok_or_else(malformed)?),
            }
            continue;
        }
        let value = body.delimited().ok_or_else(malformed)?;
        match field.kind() {
            // An entry of a map is read as the message that stands for it.
            Kind::Message(inner) => put_bytes(&mut taken, &read(profile, &inner, value)?),
            Kind::String if std::str::from_utf8(value).is_err() => return Err(NOT_UTF_8.into()),
            _ => put_bytes(&mut taken, value),
        }
    }
    Ok(taken)
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Read<u64> {
        prost::encoding::decode_varint(&mut self.0).ok()
    }

    fn delimited(&mut self) -> Read<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }

    fn tag(&mut self, number_max: u64) -> Read<(u32, u8)> {
        let tag = self.varint()?;
        let number = Some(tag >> 3).filter(|number| (1..=number_max).contains(number))?;
        Some((u32::try_from(number).ok()?, (tag & 7) as u8))
    }

    /// Steps over the value of a field; not recursive, for groups nest as deep as a body wants.
    fn skip(&mut self, number: u32, wire: u8) -> Read<()> {
        let mut open = Vec::new();
        let (mut number, mut wire) = (number, wire);
        loop {
            match wire {
                VARINT => drop(self.varint()?),
                FIXED_64 => drop(self.take(8)?),
                LENGTH_DELIMITED => drop(self.delimited()?),
                GROUP if open.len() <= DEPTH_MAX => open.push(number),
                GROUP_END if open.pop() == Some(number) => {}
                FIXED_32 => drop(self.take(4)?),
                _ => return None,
            }
            if open.is_empty() {
                return Some(());
            }
            (number, wire) = self.tag(SKIPPED_NUMBER_MAX)?;
        }
    }
}
