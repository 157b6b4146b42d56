//! GaussDB and openGauss. So far the client alone, which the adapter will ask with.
#![allow(dead_code, unused_imports)]
mod connect;
mod error;
mod link;
mod login;
mod messages;
mod wire;
