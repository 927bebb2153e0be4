//! stub
use crate::domain::event::Request;
pub struct Outbound;
pub struct Sent {
    pub outcome: Outcome,
}
pub enum Outcome {
    Response { status: u16, retry_after_s: Option<u32>, snippet: Option<String> },
    Failed { message: String },
}
impl Outbound {
    pub fn new(_p: crate::domain::address::Policy, _t: std::time::Duration) -> crate::error::Result<Self> {
        Ok(Self)
    }
    pub async fn send(&self, _r: &Request) -> Sent {
        todo!()
    }
}
