//! hau: upgrades a two-node active/standby pair without its users noticing.

pub mod bundle;
pub mod journal;
