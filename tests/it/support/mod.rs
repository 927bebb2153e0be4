//! What tests share.

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod fixtures;
pub(crate) mod receiver;
pub(crate) mod server;

pub(crate) use app::TestApp;
pub(crate) use client::{Answer, Client};
pub(crate) use receiver::{Receiver, Reply};
