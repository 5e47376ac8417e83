//! SHA2-256 of many messages at once.
//!
//! One message is a chain: each block waits for the one before, and most of the processor idles. Leaves of a file do not
//! depend on one another, so that several can be hashed in step on one core. Where the processor has no instructions for
//! that, or a message is alone, the `sha2` crate does the work.

#[cfg(target_arch = "x86_64")]
mod x86_64;

use sha2::{Digest, Sha256, block_api::compress256};

/// A SHA2-256 digest.
pub(crate) type Digest256 = [u8; 32];

type Block = [u8; 64];
type State = [u32; 8];

/// Messages that go in step. More of them would not fit the registers.
const LANES: usize = 3;

/// The longest frame on either side of a body for which lanes are worth their set-up.
const MAX_FRAME_BYTES: usize = 40;

/// FIPS 180-4, section 5.3.3.
const INITIAL: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The bytes to hash: a body and the few bytes that frame it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Message<'a> {
    pub(crate) before: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) after: &'a [u8],
}

/// The digest of one message.
pub(crate) fn digest(message: &Message<'_>) -> Digest256 {
    let mut hasher = Sha256::new();
    hasher.update(message.before);
    hasher.update(message.body);
    hasher.update(message.after);
    hasher.finalize().into()
}

/// The digest of every message, in their order. Neighbours of equal length are hashed fastest.
pub(crate) fn digest_all(messages: &[Message<'_>]) -> Vec<Digest256> {
    let mut digests = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while let Some((group, behind)) = rest.split_first_chunk::<LANES>() {
        if !group.iter().all(Lane::takes) {
            break;
        }
        digests.extend(in_step(group));
        rest = behind;
    }
    if let Some((group, behind)) = rest.split_first_chunk::<2>()
        && group.iter().all(Lane::takes)
    {
        digests.extend(in_step(group));
        rest = behind;
    }
    digests.extend(rest.iter().map(digest));
    digests
}

fn in_step<const N: usize>(messages: &[Message<'_>; N]) -> [Digest256; N] {
    let lanes: [Lane<'_>; N] = std::array::from_fn(|lane| Lane::new(&messages[lane]));
    let mut states = [INITIAL; N];
    compress_runs(&mut states, std::array::from_fn(|lane| lanes[lane].head.as_slice()));
    compress_runs(&mut states, std::array::from_fn(|lane| lanes[lane].middle));
    compress_runs(&mut states, std::array::from_fn(|lane| &lanes[lane].tail[..lanes[lane].tail_blocks]));
    states.map(|state| {
        let mut digest = Digest256::default();
        for (word, bytes) in state.iter().zip(digest.as_chunks_mut::<4>().0) {
            *bytes = word.to_be_bytes();
        }
        digest
    })
}

/// A message cut into blocks, of which only the first and the last are copied.
struct Lane<'a> {
    head: Option<Block>,
    middle: &'a [Block],
    tail: [Block; 2],
    tail_blocks: usize,
}

impl<'a> Lane<'a> {
    fn takes(message: &Message<'_>) -> bool {
        message.before.len() <= MAX_FRAME_BYTES && message.after.len() <= MAX_FRAME_BYTES
    }

    fn new(message: &Message<'a>) -> Self {
        let (mut head, mut body) = (None, message.body);
        let mut tail = Tail::default();
        if !message.before.is_empty() {
            match body.split_at_checked(64 - message.before.len()) {
                Some((first, rest)) => {
                    let mut block = [0; 64];
                    block[..message.before.len()].copy_from_slice(message.before);
                    block[message.before.len()..].copy_from_slice(first);
                    (head, body) = (Some(block), rest);
                }
                None => tail.push(message.before),
            }
        }
        let (middle, rest) = body.as_chunks::<64>();
        // Where `before` is in the tail, so is the whole body, which is shorter than a block.
        let total_bytes = message.before.len() + message.body.len() + message.after.len();
        tail.push(rest);
        tail.push(message.after);
        let (tail, tail_blocks) = tail.pad(total_bytes as u64);
        Self { head, middle, tail, tail_blocks }
    }
}

/// The end of a message and the padding of FIPS 180-4, section 5.1.1.
struct Tail {
    bytes: [u8; 128],
    len: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Self { bytes: [0; 128], len: 0 }
    }
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn pad(mut self, message_bytes: u64) -> ([Block; 2], usize) {
        self.push(&[0x80]);
        let blocks = (self.len + 8).div_ceil(64);
        self.bytes[blocks * 64 - 8..blocks * 64].copy_from_slice(&(message_bytes * 8).to_be_bytes());
        let mut tail = [[0; 64]; 2];
        tail.copy_from_slice(self.bytes.as_chunks().0);
        (tail, blocks)
    }
}

/// Takes a run of blocks in every lane: as far as all of them reach in step, what is longer alone.
fn compress_runs<const N: usize>(states: &mut [State; N], runs: [&[Block]; N]) {
    let common = runs.iter().map(|run| run.len()).min().unwrap_or(0);
    compress_in_step(states, runs.map(|run| &run[..common]));
    for (state, run) in states.iter_mut().zip(runs) {
        compress256(state, &run[common..]);
    }
}

#[cfg(target_arch = "x86_64")]
fn compress_in_step<const N: usize>(states: &mut [State; N], runs: [&[Block]; N]) {
    if !x86_64::compress_in_step(states, runs) {
        compress_in_turn(states, runs);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn compress_in_step<const N: usize>(states: &mut [State; N], runs: [&[Block]; N]) {
    compress_in_turn(states, runs);
}

fn compress_in_turn<const N: usize>(states: &mut [State; N], runs: [&[Block]; N]) {
    for (state, run) in states.iter_mut().zip(runs) {
        compress256(state, run);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owned() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, Vec<u8>)> {
        let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
        (bytes(50), bytes(700), bytes(50))
    }

    proptest! {
        #[test]
        fn every_digest_is_the_one_of_the_sha2_crate(parts in prop::collection::vec(owned(), 0..9)) {
            let messages: Vec<_> =
                parts.iter().map(|(before, body, after)| Message { before, body, after }).collect();
            let expected: Vec<_> = messages.iter().map(digest).collect();
            prop_assert_eq!(digest_all(&messages), expected);
        }

        #[test]
        fn lanes_without_the_processors_help_say_the_same(body in prop::collection::vec(any::<u8>(), 256)) {
            let (blocks, _) = body.as_chunks::<64>();
            let (mut fast, mut plain) = ([INITIAL; 2], [INITIAL; 2]);
            compress_in_step(&mut fast, [&blocks[..2], &blocks[2..]]);
            compress_in_turn(&mut plain, [&blocks[..2], &blocks[2..]]);
            prop_assert_eq!(fast, plain);
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded_right() {
        let bytes = [0xa5; 400];
        for before in 0..=MAX_FRAME_BYTES {
            for body in (0..200).step_by(7) {
                let message = |extra: usize| Message {
                    before: &bytes[..before],
                    body: &bytes[..body + extra],
                    after: &bytes[..before / 3],
                };
                let messages = [message(0), message(1), message(64), message(65)];
                assert_eq!(digest_all(&messages), messages.iter().map(digest).collect::<Vec<_>>());
            }
        }
    }
}
