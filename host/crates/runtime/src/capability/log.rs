//! Lines that the tenant can read next to the delivery, within bounds.

use crate::domain::limits::LOG_LINE_BYTES_MAX;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For the author only.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A line that a component wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How loud.
    pub level: Level,
    /// What it says, at most [`LOG_LINE_BYTES_MAX`] bytes of it.
    pub message: String,
    /// Whether the line was longer.
    pub truncated: bool,
}

/// The lines of one call, in order, as many as are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// The first ones.
    pub lines: Vec<LogLine>,
    /// How many came after them.
    pub dropped: u32,
}

/// Collects the lines of a call within its budget.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Collector {
    logs: Logs,
    lines_left: usize,
    bytes_left: usize,
}

impl Collector {
    pub(in crate::runtime) fn new(lines_max: usize, bytes_max: usize) -> Self {
        Self { logs: Logs::default(), lines_left: lines_max, bytes_left: bytes_max }
    }

    /// Keeps a line, or as much of it as fits.
    pub(in crate::runtime) fn write(&mut self, level: Level, message: String) {
        if self.lines_left == 0 || self.bytes_left == 0 {
            self.logs.dropped = self.logs.dropped.saturating_add(1);
            return;
        }
        let length = message.len();
        let fits = length.min(LOG_LINE_BYTES_MAX) <= self.bytes_left;
        let message = cut(message, LOG_LINE_BYTES_MAX.min(self.bytes_left));
        let truncated = message.len() < length;
        self.lines_left -= 1;
        // The first line that does not fit is the last one: after a gap, lines would mislead.
        self.bytes_left = if fits { self.bytes_left - message.len() } else { 0 };
        self.logs.lines.push(LogLine { level, message, truncated });
    }

    pub(in crate::runtime) fn finish(self) -> Logs {
        self.logs
    }
}

/// At most `bytes_max` bytes of the text, cut between two characters.
pub(in crate::runtime) fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(lines_max: usize, bytes_max: usize, lines: &[&str]) -> Logs {
        let mut collector = Collector::new(lines_max, bytes_max);
        for line in lines {
            collector.write(Level::Info, (*line).to_owned());
        }
        collector.finish()
    }

    #[test]
    fn lines_beyond_the_number_are_counted() {
        let logs = collect(2, 100, &["a", "b", "c", "d"]);
        assert_eq!((logs.lines.len(), logs.dropped), (2, 2));
    }

    #[test]
    fn lines_beyond_the_bytes_are_cut_and_then_counted() {
        let logs = collect(9, 3, &["ab", "éé", "c"]);
        let kept: Vec<_> = logs.lines.iter().map(|line| (line.message.as_str(), line.truncated)).collect();
        assert_eq!((kept, logs.dropped), (vec![("ab", false), ("", true)], 1));
    }

    #[test]
    fn a_long_line_is_cut_and_does_not_end_the_log() {
        let logs = collect(9, 10_000, &["x".repeat(LOG_LINE_BYTES_MAX + 1).as_str(), "y"]);
        assert_eq!(logs.lines[0].message.len(), LOG_LINE_BYTES_MAX);
        assert!(logs.lines[0].truncated);
        assert_eq!(logs.lines[1].message, "y");
    }
}
