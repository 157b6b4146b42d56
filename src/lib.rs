//! hau: upgrades a two-node active/standby pair without its users noticing.
pub mod backup;
pub mod bundle;
pub mod checks;
pub mod config;
pub mod core;
pub mod ctl;
pub mod daemon;
pub mod database;
pub mod host;
pub mod journal;
pub mod keepalived;
pub mod quick;
pub mod steps;
pub mod sync;
pub mod time;
pub mod tls;
pub mod wire;
