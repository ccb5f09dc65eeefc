//! Keys of proofs that held, parsed once. A client sends the same header with each proof, so a key is found by the whole
//! header, and by nothing less. Bounded: in two generations, of which the older is forgotten when the younger is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_keys::jws::ProofHeader;

#[derive(Debug)]
pub(super) struct KnownKeys {
    /// Of one generation.
    capacity: usize,
    generations: Mutex<Generations>,
}

type Generation = HashMap<Arc<str>, ProofHeader>;

#[derive(Debug, Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

impl KnownKeys {
    /// For so many keys at the most.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.div_ceil(2), generations: Mutex::default() }
    }

    pub(super) fn find(&self, header: &str) -> Option<ProofHeader> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = generations.young.get(header) {
            return Some(known.clone());
        }
        let known = generations.old.remove(header)?;
        self.keep(&mut generations, known.clone());
        Some(known)
    }

    pub(super) fn remember(&self, header: ProofHeader) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.keep(&mut generations, header);
    }

    fn keep(&self, generations: &mut Generations, header: ProofHeader) {
        if generations.young.len() >= self.capacity {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(Arc::clone(header.encoded()), header);
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use countersign_keys::jws::UnverifiedProof;

    use super::*;
    use crate::testing::TestHolder;

    fn header(holder: &TestHolder) -> Option<ProofHeader> {
        let text = holder.proof("GET", "https://api.example").mint();
        let proof = UnverifiedProof::parse(&text, 4096, |_| None).ok()?;
        proof.header(&proof.key().ok()?)
    }

    #[test]
    fn row_38_memory_is_bounded_and_what_is_used_stays() {
        let known = KnownKeys::new(4);
        let often = header(&TestHolder::new());
        let is_known = |header: &Option<ProofHeader>| {
            header.as_ref().is_some_and(|header| known.find(header.encoded()).is_some())
        };

        for _ in 0..50 {
            assert!(header(&TestHolder::new()).map(|header| known.remember(header)).is_some());
            if !is_known(&often) {
                known.remember(often.clone().unwrap());
            }
            let generations = known.generations.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(generations.young.len() + generations.old.len() <= 4);
        }

        assert!(is_known(&often));
        assert!(!is_known(&header(&TestHolder::new())));
    }
}
