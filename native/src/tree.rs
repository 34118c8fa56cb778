//! BLAKE3's tree over part of a value (specs/002-verified-values.md, "The tree"). Each function
//! returns `None` for input that is no such part, instead of panicking as the crate does.

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, max_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

pub const CV_BYTES: usize = 32;
pub const PAIR_BYTES: usize = 2 * CV_BYTES;
const CHUNK_BYTES: u64 = 1024;

/// The chaining value of the subtree over `bytes`, whose first chunk is the value's chunk `chunk`;
/// the digest if it is the `root`.
pub fn subtree(bytes: &[u8], chunk: u64, root: bool) -> Option<ChainingValue> {
    if root {
        return (chunk == 0).then(|| *blake3::hash(bytes).as_bytes());
    }
    let offset = chunk.checked_mul(CHUNK_BYTES)?;
    let fits = max_subtree_len(offset).is_none_or(|most| bytes.len() as u64 <= most);
    if bytes.is_empty() || !fits {
        return None;
    }
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(bytes);
    Some(hasher.finalize_non_root())
}

/// The chaining values of consecutive groups, one after another; the last group may be short.
pub fn groups(bytes: &[u8], chunk: u64, group_bytes: usize) -> Option<Vec<ChainingValue>> {
    if !group_bytes.is_power_of_two() || (group_bytes as u64) < CHUNK_BYTES {
        return None;
    }
    let chunks = group_bytes as u64 / CHUNK_BYTES;
    let parts = bytes.chunks(group_bytes).zip(0u64..);
    parts
        .map(|(group, i)| subtree(group, chunk.checked_add(i * chunks)?, false))
        .collect()
}

/// The chaining value of the subtree over `bytes`, two groups or more, and the pairs of its parents
/// in pre-order.
pub fn outboard(
    bytes: &[u8],
    chunk: u64,
    root: bool,
    group_bytes: usize,
) -> Option<(ChainingValue, Vec<u8>)> {
    let cvs = groups(bytes, chunk, group_bytes)?;
    if cvs.len() < 2 || (root && chunk != 0) {
        return None;
    }
    let mut pairs = vec![0; (cvs.len() - 1) * PAIR_BYTES];
    let cv = join(&cvs, root, &mut pairs);
    Some((cv, pairs))
}

/// The chaining value of the subtree over these groups. `pairs` has room for its parents.
fn join(cvs: &[ChainingValue], root: bool, pairs: &mut [u8]) -> ChainingValue {
    if let [only] = cvs {
        return *only;
    }
    let left_count = cvs.len().next_power_of_two() / 2;
    let (left_cvs, right_cvs) = cvs.split_at(left_count);
    let (pair, below) = pairs.split_at_mut(PAIR_BYTES);
    let (left_pairs, right_pairs) = below.split_at_mut((left_count - 1) * PAIR_BYTES);
    let left = join(left_cvs, false, left_pairs);
    let right = join(right_cvs, false, right_pairs);
    pair[..CV_BYTES].copy_from_slice(&left);
    pair[CV_BYTES..].copy_from_slice(&right);
    if root {
        return *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes();
    }
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}
