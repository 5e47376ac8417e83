//! Lanes by the SHA extensions of x86-64: the rounds of all lanes alternate, so that each waits for itself alone.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x, _mm_setzero_si128,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use super::{Block, State};

/// FIPS 180-4, section 4.2.2: four rounds a line.
#[rustfmt::skip]
const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// Takes runs of equal length in step; `false`, and nothing done, where the processor cannot.
pub(super) fn compress_in_step<const N: usize>(states: &mut [State; N], runs: [&[Block]; N]) -> bool {
    let can =
        is_x86_feature_detected!("sha") && is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1");
    if can {
        #[expect(unsafe_code, reason = "the processor has what the function is compiled for")]
        // SAFETY: the features that it needs were found a moment ago.
        unsafe {
            compress(states, runs);
        }
    }
    can
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress<const N: usize>(states: &mut [State; N], runs: [&[Block]; N]) {
    let (mut abef, mut cdgh) = ([_mm_setzero_si128(); N], [_mm_setzero_si128(); N]);
    for lane in 0..N {
        (abef[lane], cdgh[lane]) = load_state(&states[lane]);
    }
    let blocks = runs.iter().map(|run| run.len()).min().unwrap_or(0);
    #[expect(clippy::needless_range_loop, reason = "the place in every lane's run")]
    for at in 0..blocks {
        let (abef_before, cdgh_before) = (abef, cdgh);
        let mut w = [[_mm_setzero_si128(); 4]; N];
        for lane in 0..N {
            w[lane] = load_block(&runs[lane][at]);
        }
        for (line, k) in K.iter().enumerate() {
            let k = _mm_set_epi32(k[3].cast_signed(), k[2].cast_signed(), k[1].cast_signed(), k[0].cast_signed());
            if line >= 4 {
                for w in &mut w {
                    w[line % 4] = next_words(w[line % 4], w[(line + 1) % 4], w[(line + 2) % 4], w[(line + 3) % 4]);
                }
            }
            for lane in 0..N {
                let words = _mm_add_epi32(w[lane][line % 4], k);
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], words);
                abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(words, 0x0e));
            }
        }
        for lane in 0..N {
            abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
        }
    }
    for lane in 0..N {
        states[lane] = store_state(abef[lane], cdgh[lane]);
    }
}

/// Four words of the message schedule from the sixteen before.
#[inline]
#[target_feature(enable = "sha,ssse3")]
fn next_words(w0: __m128i, w1: __m128i, w2: __m128i, w3: __m128i) -> __m128i {
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    _mm_sha256msg2_epu32(sum, w3)
}

#[inline]
#[target_feature(enable = "ssse3")]
fn load_block(block: &Block) -> [__m128i; 4] {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (words, _) = block.as_chunks::<8>();
    let pair = |at: usize| {
        let bytes = _mm_set_epi64x(i64::from_le_bytes(words[at + 1]), i64::from_le_bytes(words[at]));
        _mm_shuffle_epi8(bytes, big_endian)
    };
    [pair(0), pair(2), pair(4), pair(6)]
}

#[inline]
#[target_feature(enable = "sse2")]
fn load_state(&[a, b, c, d, e, f, g, h]: &State) -> (__m128i, __m128i) {
    let pack = |high: u32, x: u32, y: u32, low: u32| {
        _mm_set_epi32(high.cast_signed(), x.cast_signed(), y.cast_signed(), low.cast_signed())
    };
    (pack(a, b, e, f), pack(c, d, g, h))
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn store_state(abef: __m128i, cdgh: __m128i) -> State {
    let word = |value: i32| value.cast_unsigned();
    [
        word(_mm_extract_epi32(abef, 3)),
        word(_mm_extract_epi32(abef, 2)),
        word(_mm_extract_epi32(cdgh, 3)),
        word(_mm_extract_epi32(cdgh, 2)),
        word(_mm_extract_epi32(abef, 1)),
        word(_mm_extract_epi32(abef, 0)),
        word(_mm_extract_epi32(cdgh, 1)),
        word(_mm_extract_epi32(cdgh, 0)),
    ]
}
