//! The binary envelope that Wolverine keeps in `wolverine_outgoing_envelopes.body`.
//!
//! Format, little-endian: the instant of sending as .NET's `DateTime.ToBinary` (8 bytes, ticks of 100 ns since the year 1 in
//! the lower 62 bits), the number of headers (4 bytes), each header as two texts (their length in 7-bit groups, then UTF-8),
//! the length of the data (4 bytes), the data. Source: `EnvelopeSerializer.cs` of Wolverine 1 to 4. Data that its serializer
//! compressed or encrypted cannot be read: its content type says so, and it is left as bytes.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

/// From the year 1 to 1970, in ticks of 100 ns.
const UNIX_EPOCH_TICKS: i64 = 621_355_968_000_000_000;
/// The lower bits of a .NET instant; the upper two say whether it is UTC.
const TICKS_MASK: i64 = 0x3FFF_FFFF_FFFF_FFFF;
const HEADERS_MAX: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub sent_at: Option<DateTime<Utc>>,
    pub headers: BTreeMap<String, String>,
    pub data: &'a [u8],
}

/// `Err` says what is wrong with the bytes.
pub fn read(bytes: &[u8]) -> Result<Envelope<'_>, String> {
    let mut rest = Rest(bytes);
    let ticks = i64::from_le_bytes(rest.array("the instant of sending")?) & TICKS_MASK;
    let count = rest.length("the number of headers")?;
    if count > HEADERS_MAX {
        return Err(format!("it says that it has {count} headers"));
    }
    let mut headers = BTreeMap::new();
    for _ in 0..count {
        let name = rest.text("the name of a header")?;
        headers.insert(name, rest.text("the value of a header")?);
    }
    let length = rest.length("the length of the data")?;
    let data = rest.take(length, "the data")?;
    let since_epoch = TimeDelta::microseconds((ticks - UNIX_EPOCH_TICKS) / 10);
    Ok(Envelope { sent_at: DateTime::UNIX_EPOCH.checked_add_signed(since_epoch), headers, data })
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(|| format!("it ends before {what} does"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], String> {
        Ok(self.take(N, what)?.try_into().expect("as many bytes as were asked for"))
    }

    fn length(&mut self, what: &str) -> Result<usize, String> {
        let number = i32::from_le_bytes(self.array(what)?);
        usize::try_from(number).map_err(|_| format!("{what} is {number}"))
    }

    fn text(&mut self, what: &str) -> Result<String, String> {
        let mut length = 0_usize;
        for group in 0.. {
            let [byte] = self.array(what)?;
            if group > 4 {
                return Err(format!("the length of {what} does not end"));
            }
            length |= usize::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let bytes = self.take(length, what)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| format!("{what} is not UTF-8"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As Wolverine writes it.
    pub fn write(sent_at: DateTime<Utc>, headers: &[(&str, &str)], data: &[u8]) -> Vec<u8> {
        let ticks = UNIX_EPOCH_TICKS + sent_at.timestamp_micros() * 10;
        // Kind UTC.
        let mut bytes = (ticks | 0x4000_0000_0000_0000).to_le_bytes().to_vec();
        bytes.extend(i32::try_from(headers.len()).unwrap().to_le_bytes());
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            let mut length = text.len();
            while length >= 0x80 {
                bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            bytes.push(u8::try_from(length).unwrap());
            bytes.extend(text.as_bytes());
        }
        bytes.extend(i32::try_from(data.len()).unwrap().to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        let sent_at = "2026-11-30T09:00:00.123456Z".parse().unwrap();
        let long = "é".repeat(200);
        let bytes = write(sent_at, &[("message-type", "Placed"), ("note", &long)], b"{\"n\":1}");
        let envelope = read(&bytes).unwrap();
        assert_eq!(envelope.sent_at, Some(sent_at));
        assert_eq!(envelope.headers["message-type"], "Placed");
        assert_eq!(envelope.headers["note"], long);
        assert_eq!(envelope.data, b"{\"n\":1}");
    }

    #[test]
    fn bytes_that_end_anywhere_are_no_envelope() {
        let bytes = write(DateTime::UNIX_EPOCH, &[("message-type", "Placed")], b"{}");
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).unwrap_err().contains("ends before"), "{end}");
        }
        let mut negative = bytes.clone();
        negative[8..12].copy_from_slice(&(-1_i32).to_le_bytes());
        assert_eq!(read(&negative), Err("the number of headers is -1".into()));
        let mut endless = bytes;
        endless.splice(12..13, [0xff; 6]);
        assert!(read(&endless).unwrap_err().contains("does not end"));
    }
}
