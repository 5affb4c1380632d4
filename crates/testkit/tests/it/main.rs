//! The promises of testkit itself.
mod data;
mod envoy;
mod postgres;
mod program;
mod proxy;
mod redis;
mod waiting;

fn is_alive(pid: u32) -> bool {
    // The link of a zombie cannot be read: such a process has ended.
    std::fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}
