//! What a door takes, of any bytes: requests of people, and the other node's Hello, which a core then lives with.
#![no_main]
use hau::wire::{AloneRequest, CheckRequest, OrderRequest, PairRequest, StartRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = serde_json::from_slice::<StartRequest>(data);
    let _ = serde_json::from_slice::<OrderRequest>(data);
    let _ = serde_json::from_slice::<AloneRequest>(data);
    let _ = serde_json::from_slice::<PairRequest>(data);
    let _ = serde_json::from_slice::<CheckRequest>(data);
    hau::daemon::take_hello(data);
});
