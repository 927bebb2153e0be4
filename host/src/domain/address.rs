//! stub
#[derive(Clone)]
pub struct Policy {
    pub allow_private: bool,
    pub allowed: Vec<ipnet::IpNet>,
}
pub fn check_url(_t: &str, _p: &Policy) -> Result<(), String> {
    Ok(())
}
