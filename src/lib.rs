//! hau: upgrades a two-node active/standby pair without its users noticing.
pub mod core;
pub mod database;
pub mod host;
pub mod time;
