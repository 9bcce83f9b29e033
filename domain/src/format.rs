//! The version of a stored format: written with everything that is stored, checked when it is read.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Version 1, the only one so far. As a field it is the number 1 and refuses any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for V1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => {
                Err(D::Error::custom(format!("stored in format {other}, which this version of Baton does not know")))
            }
        }
    }
}
