//! keepalived as hau sees it: its configuration, its state, and the one file by which hau moves the VIP.
//!
//! Nothing here talks to another module of hau. `levels` says which number to show, `weight` writes it, `fifo`, `dump` and
//! `advert` say what keepalived and the peer made of it, `lint` says why a configuration would not do what is meant.

pub mod advert;
pub mod conf;
pub mod dump;
pub mod fifo;
pub mod instance;
pub mod levels;
pub mod lint;
pub mod weight;
