//! Collects the lines that a component writes, within bounds, for its owner to read.

use crate::limits::LOG_LINE_BYTES_MAX;

/// The severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Of use to the component's author only.
    Debug,
    /// Worth knowing to those who use the component.
    Info,
    /// Unusual, though nothing failed.
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
    /// Its severity.
    pub level: Level,
    /// The text, at most [`LOG_LINE_BYTES_MAX`] bytes of it.
    pub message: String,
    /// Whether the line was longer.
    pub truncated: bool,
}

/// The lines of one call, in order, as many as are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// The first lines.
    pub lines: Vec<LogLine>,
    /// How many lines came after them and were not kept.
    pub dropped: u32,
}

/// Collects the lines of a call within its budget.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    logs: Logs,
    lines_left: usize,
    bytes_left: usize,
}

impl Collector {
    pub(crate) fn new(lines_max: usize, bytes_max: usize) -> Self {
        Self { logs: Logs::default(), lines_left: lines_max, bytes_left: bytes_max }
    }

    /// Keeps a line, or as much of it as fits.
    pub(crate) fn write(&mut self, level: Level, message: String) {
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

    pub(crate) fn finish(self) -> Logs {
        self.logs
    }
}

/// Cuts a text between two characters, to at most `bytes_max` bytes.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
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
