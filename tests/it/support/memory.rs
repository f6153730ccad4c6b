//! Reads the memory use of a process.

/// The peak memory of a running process in bytes; `None` if the system does not report it, or the
/// process has ended.
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
