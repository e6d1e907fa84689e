//! Lines of a report: the one place that text passes on its way to the
//! terminal, so that none gets there without being made neutral.

use super::{
    Layout,
    style::{Role, paint},
    text::{Break, grouped, head, neutral, shorten, width, wrap},
};

/// Columns that labels take.
const LABEL: usize = 10;

/// Narrower than this, nothing could be laid out.
const NARROWEST: usize = 20;

/// A report under construction.
pub(super) struct Page {
    layout: Layout,
    out: String,
}

/// A piece of text with one layout.
pub(super) struct Span {
    role: Role,
    text: String,
}

/// A piece of text that looks like `role`.
pub(super) fn span(role: Role, text: impl AsRef<str>) -> Span {
    Span {
        role,
        text: neutral(text.as_ref()),
    }
}

impl Span {
    /// How many columns it takes.
    pub(super) fn width(&self) -> usize {
        width(&self.text)
    }
}

impl Page {
    /// An empty page.
    pub(super) fn new(layout: Layout) -> Self {
        let layout = Layout {
            width: layout.width.max(NARROWEST),
            ..layout
        };
        Self {
            layout,
            out: String::new(),
        }
    }

    /// Its text.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// How wide it is.
    pub(super) fn width(&self) -> usize {
        self.layout.width
    }

    /// Whether it has colour.
    pub(super) fn colour(&self) -> bool {
        self.layout.colour
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.out.push('\n');
    }

    /// A line; what does not fit is cut off.
    pub(super) fn line(&mut self, spans: impl IntoIterator<Item = Span>) {
        let mut room = self.layout.width;
        for span in spans {
            let columns = span.width();
            if columns <= room {
                paint(self.layout.colour, &mut self.out, span.role, &span.text);
                room -= columns;
                continue;
            }
            if room > 0 {
                let (mut start, _) = head(&span.text, room - 1);
                start.push('…');
                paint(self.layout.colour, &mut self.out, span.role, &start);
            }
            break;
        }
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    /// A line across the page with a caption in it.
    pub(super) fn rule(&mut self, caption: &str) {
        let caption = format!("── {caption} ");
        let rest = "─".repeat(self.width().saturating_sub(width(&caption)));
        self.line([span(Role::Quiet, caption + &rest)]);
    }

    /// The heading of a section, with a note beside it.
    pub(super) fn heading(&mut self, text: &str, note: &str) {
        self.gap();
        let heading = span(Role::Strong, format!("  {text}"));
        self.line([heading, span(Role::Quiet, format!("  {note}"))]);
    }

    /// A text behind `first`, wrapped to the right of it, at most `lines`
    /// lines long and shortened to fit.
    pub(super) fn paragraph(&mut self, first: Vec<Span>, role: Role, text: &str, lines: usize) {
        let start: usize = first.iter().map(Span::width).sum();
        // Beside a wide start the text would be one letter a line: there it
        // begins below.
        let indent = start.min(self.layout.width - NARROWEST / 2);
        let room = self.layout.width - indent;
        let short = shorten(text, room * lines);
        let mut wrapped = wrap(&short, room, Break::AtSpaces);
        if wrapped.len() > lines {
            wrapped = wrap(&short, room, Break::Anywhere);
        }
        let mut first = Some(first);
        if indent < start {
            self.line(first.take().unwrap_or_default());
        }
        for line in wrapped {
            let start = first
                .take()
                .unwrap_or_else(|| vec![span(Role::Text, " ".repeat(indent))]);
            self.line(start.into_iter().chain([span(role, line)]));
        }
    }

    /// A text with a label in front, `indent` columns in.
    pub(super) fn labelled(
        &mut self,
        indent: usize,
        label: &str,
        role: Role,
        text: &str,
        lines: usize,
    ) {
        let label = format!("{:indent$}{label:<LABEL$}", "");
        self.paragraph(vec![span(Role::Quiet, label)], role, text, lines);
    }

    /// A note about things not shown.
    pub(super) fn left_out(&mut self, indent: usize, count: usize, what: &str) {
        if count > 0 {
            let note = format!("{:indent$}… {} {what} (--json has all)", "", grouped(count));
            self.line([span(Role::Quiet, note)]);
        }
    }
}
