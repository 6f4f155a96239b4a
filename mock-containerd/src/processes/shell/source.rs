//! The text of a script, read by the character. The bodies of here-documents are taken out of it as
//! soon as their names are known.

/// Where it stands in a text.
#[derive(Clone, Debug)]
pub(super) struct Source {
    chars: Vec<char>,
    at: usize,
    /// After this line come bodies, which end there.
    bodies: Option<(usize, usize)>,
}

impl Source {
    pub(super) fn new(text: &str) -> Self {
        Self { chars: text.chars().collect(), at: 0, bodies: None }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        if let Some((_, end)) = self.bodies.filter(|(line, _)| self.at > *line) {
            self.at = end;
            self.bodies = None;
        }
        Some(next)
    }

    pub(super) fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        self.peek().filter(|next| wanted(*next)).and_then(|_| self.next())
    }

    pub(super) fn takes(&mut self, wanted: char) -> bool {
        self.next_if(|next| next == wanted).is_some()
    }

    /// The lines after this one, until one that is only the name; `None`: there is no such line.
    pub(super) fn body(&mut self, name: &str, without_tabs: bool) -> Option<String> {
        let end_of_line = |from: usize| {
            self.chars[from..].iter().position(|next| *next == '\n').map(|length| from + length)
        };
        let (line, mut at) = match self.bodies {
            Some(bodies) => bodies,
            None => end_of_line(self.at).map(|line| (line, line + 1))?,
        };
        let mut body = String::new();
        while at < self.chars.len() {
            let end = end_of_line(at).unwrap_or(self.chars.len());
            let text: String = self.chars[at..end].iter().collect();
            let text = if without_tabs { text.trim_start_matches('\t') } else { &text };
            at = (end + 1).min(self.chars.len());
            if text == name {
                self.bodies = Some((line, at));
                return Some(body);
            }
            body.push_str(text);
            body.push('\n');
        }
        None
    }
}
