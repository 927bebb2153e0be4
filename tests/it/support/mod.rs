//! Helpers of all tests: the host, a client, a receiver, a database, fixtures.

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod fixtures;
pub(crate) mod receiver;
pub(crate) mod server;

pub(crate) use app::TestApp;
pub(crate) use client::{Answer, Client};
pub(crate) use receiver::{Receiver, Reply};
