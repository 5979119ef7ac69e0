use crate::verdict::Verdict;

/// How a text report looks. The layout is ASCII either way; colour adds no information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to write colours, as ANSI escape codes.
    pub color: bool,
    /// The width of a line in characters.
    pub width: usize,
}

impl Default for Style {
    /// No colour, 100 characters.
    fn default() -> Style {
        Style {
            color: false,
            width: 100,
        }
    }
}

impl Style {
    pub(super) fn verdict(self, verdict: Verdict) -> String {
        self.of_verdict(verdict, verdict.word())
    }

    pub(super) fn of_verdict(self, verdict: Verdict, text: &str) -> String {
        let code = match verdict {
            Verdict::Pass => "32",
            Verdict::Fail => "1;31",
            Verdict::Diverged => "1;35",
            Verdict::Inconclusive | Verdict::Flaky => "33",
            Verdict::Skipped => "2",
        };
        self.paint(code, text)
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(super) fn warning(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    pub(super) fn error(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
