//! How much memory a process takes.

/// The most that a running process has held at once so far, in bytes; `None` where this system
/// does not tell, or the process has ended.
#[cfg(target_os = "linux")]
pub fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
}

#[cfg(not(target_os = "linux"))]
pub fn peak(_: u32) -> Option<u64> {
    None
}
