//! Wires the core to the world: the doors others come in by, and the link to the other node.

pub mod door;
pub mod link;
