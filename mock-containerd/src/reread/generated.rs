//! Bodies as the code reads them that gogo generated for 1.6: step by step as that code does, for it
//! tells exactly what it stumbled over. It takes text that is not UTF-8.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{
    Cause, FIXED_32, FIXED_64, GROUP, GROUP_END, LENGTH_DELIMITED, VARINT, field, put_bytes,
    put_key, put_varint, wire_type,
};
use crate::Profile;

pub(crate) const CUT_OFF: &str = "unexpected EOF";
const OVERFLOW: &str = "proto: integer overflow";
const NEGATIVE: &str = "proto: negative length found during unmarshaling";
const END_OF_GROUP: &str = "proto: unexpected end of group";

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

pub(super) fn read(message: &MessageDescriptor, body: &[u8]) -> Result<Vec<u8>, Cause> {
    let mut reader = Reader { body, at: 0 };
    let mut taken = Vec::new();
    while reader.at < body.len() {
        let before = reader.at;
        let tag = reader.varint()?;
        let (number, wire) = (number(tag), (tag & 7) as u8);
        let name = message.name();
        if wire == GROUP_END {
            return Err(format!("proto: {name}: wiretype end group for non-group").into());
        }
        if number <= 0 {
            return Err(format!("proto: {name}: illegal tag {number} (wire type {tag})").into());
        }
        let Some(field) = field(Profile::V1_6, message, number.unsigned_abs()) else {
            reader.at = before;
            reader.skip(body.len())?;
            continue;
        };
        if wire != wire_type(&field) {
            let name = in_go(field.name());
            return Err(format!("proto: wrong wireType = {wire} for field {name}").into());
        }
        put_key(&mut taken, &field);
        match wire {
            VARINT => put_varint(&mut taken, reader.varint()?),
            FIXED_64 => taken.extend(reader.take(8)?),
            FIXED_32 => taken.extend(reader.take(4)?),
            _ if field.is_map() => put_bytes(&mut taken, &reader.entry(&field)?),
            _ => put_bytes(&mut taken, &value(&field, reader.delimited()?)?),
        }
    }
    Ok(taken)
}

/// What is length-delimited.
fn value(field: &FieldDescriptor, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
    Ok(match field.kind() {
        Kind::Message(message) => read(&message, bytes)?,
        // Text in Go keeps any bytes; here it cannot.
        Kind::String => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        _ => bytes.to_vec(),
    })
}

/// It is cut to so many bits before it is looked at.
fn number(tag: u64) -> i32 {
    (tag >> 3) as i32
}

impl<'a> Reader<'a> {
    /// Bits beyond the 64th are dropped, and not refused.
    fn varint(&mut self) -> Result<u64, Cause> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.body.get(self.at).ok_or(CUT_OFF)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(OVERFLOW.into())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Cause> {
        let taken = self.body[self.at..].get(..count).ok_or(CUT_OFF)?;
        self.at += count;
        Ok(taken)
    }

    fn delimited(&mut self) -> Result<&'a [u8], Cause> {
        let length = self.length(0)?;
        self.take(length)
    }

    /// A length that ends, counted from `from`, where a number of 64 bits with a sign can say it.
    fn length(&mut self, from: usize) -> Result<usize, Cause> {
        let length = usize::try_from(self.varint()? as i64).map_err(|_| NEGATIVE)?;
        let end = (self.at - from).checked_add(length);
        end.filter(|end| i64::try_from(*end).is_ok()).ok_or(NEGATIVE)?;
        Ok(length)
    }

    /// An entry of a map. Types of its fields are not looked at, and they may reach beyond it: only
    /// the end of the message ends them.
    fn entry(&mut self, field: &FieldDescriptor) -> Result<Vec<u8>, Cause> {
        let length = self.delimited()?.len();
        let end = self.at;
        self.at -= length;
        let Kind::Message(entry) = field.kind() else { unreachable!("maps are of entries") };
        let mut read = [None, None];
        let fields = [entry.map_entry_key_field(), entry.map_entry_value_field()];
        while self.at < end {
            let before = self.at;
            let which = match number(self.varint()?) {
                1 => 0,
                2 => 1,
                _ => {
                    self.at = before;
                    self.skip(end)?;
                    continue;
                }
            };
            read[which] = Some(value(&fields[which], self.delimited()?)?);
        }
        self.at = end;
        let mut taken = Vec::new();
        for (field, value) in fields.iter().zip(read) {
            if let Some(value) = value {
                put_key(&mut taken, field);
                put_bytes(&mut taken, &value);
            }
        }
        Ok(taken)
    }

    /// Steps over a field that is not known, which ends before `end`.
    fn skip(&mut self, end: usize) -> Result<(), Cause> {
        let (from, mut depth) = (self.at, 0_usize);
        while self.at < self.body.len() {
            let wire = (self.varint()? & 7) as u8;
            let length = match wire {
                VARINT => self.varint().map(|_| 0)?,
                FIXED_64 => 8,
                LENGTH_DELIMITED => self.length(from)?,
                GROUP => {
                    depth += 1;
                    0
                }
                GROUP_END => {
                    depth = depth.checked_sub(1).ok_or(END_OF_GROUP)?;
                    0
                }
                FIXED_32 => 4,
                _ => return Err(format!("proto: illegal wireType {wire}").into()),
            };
            let after = self.at.checked_add(length).ok_or(NEGATIVE)?;
            i64::try_from(after).map_err(|_| NEGATIVE)?;
            // Beyond the end it is cut off, in a group or not.
            if after > if depth == 0 { end } else { self.body.len() } {
                return Err(CUT_OFF.into());
            }
            self.at = after;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(CUT_OFF.into())
    }
}

/// A field's name as Go has it: `container_id` is `ContainerID`.
fn in_go(field: &str) -> String {
    // Its generator keeps clear of the method of that name.
    if field == "size" {
        return "Size_".to_owned();
    }
    let word = |word: &str| match word {
        "id" => "ID".to_owned(),
        word => {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        }
    };
    field.split('_').map(word).collect()
}
