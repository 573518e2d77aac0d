//! Many payloads in one piece of memory, each behind its length.

const HEADER: usize = 4;

pub(crate) fn push(buffer: &mut Vec<u8>, payload: &[u8]) {
    buffer.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    buffer.extend_from_slice(payload);
}

/// The payloads in it, up to the first that is not all there.
pub(crate) fn payloads(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*header) as usize)?;
        bytes = rest;
        Some(payload)
    })
}

/// How many bytes a payload has with its length.
pub(crate) const fn size(payload: &[u8]) -> usize {
    HEADER + payload.len()
}
