//! `guid()` and `uniqueString()`: names that are the same wherever they are computed.

use serde_json::Value;
use uuid::Uuid;

use super::{Arguments, Fault};

/// The namespace of the name-based GUIDs that `guid()` makes.
const NAMESPACE: Uuid = Uuid::from_u128(0x11fb06fb_712d_4ddd_98c7_e71bbd588830);

/// The letters of `uniqueString()`.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

pub(super) fn guid(arguments: &Arguments) -> Result<Value, Fault> {
    let name = arguments.texts()?.join("-");
    Ok(Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string().into())
}

pub(super) fn unique_string(arguments: &Arguments) -> Result<Value, Fault> {
    let mut value = digest(arguments.texts()?.join("-").as_bytes());
    let mut text = String::with_capacity(13);
    for _ in 0..13 {
        text.push(char::from(ALPHABET[(value >> 59) as usize]));
        value <<= 5;
    }
    Ok(text.into())
}

/// The 64-bit hash behind `uniqueString()`: two lanes of 32 bits in the manner of MurmurHash 3. Not
/// published by Microsoft; this form reproduces the vendor's vectors.
pub(in crate::arm) fn digest(bytes: &[u8]) -> u64 {
    const C1: u32 = 0x239b_961b;
    const C2: u32 = 0xab0e_9789;
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
    };
    let mix1 = |k: u32| k.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let mix2 = |k: u32| k.wrapping_mul(C2).rotate_left(17).wrapping_mul(C1);
    let (mut h1, mut h2) = (0_u32, 0_u32);
    let mut blocks = bytes.chunks_exact(8);
    for block in blocks.by_ref() {
        h1 ^= mix1(word(&block[..4]));
        h1 = h1.rotate_left(19).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x561c_cd1b);
        h2 ^= mix2(word(&block[4..]));
        h2 = h2.rotate_left(13).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x0bca_a747);
    }
    let tail = blocks.remainder();
    if !tail.is_empty() {
        h1 ^= mix1(word(&tail[..tail.len().min(4)]));
    }
    if tail.len() > 4 {
        h2 ^= mix2(word(&tail[4..]));
    }
    // The length enters as 32 bits, as every value of this hash.
    let length = bytes.len() as u32;
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = finish(h1);
    h2 = finish(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (u64::from(h2) << 32) | u64::from(h1)
}

fn finish(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}
