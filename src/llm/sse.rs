//! Server-sent events, bytes in, events out.
//!
//! Follows the parsing rules of the HTML standard (section 9.2.6): lines end
//! with LF, CR or CRLF, one byte order mark is skipped, an event that the end
//! of the stream interrupts does not exist. That last rule carries a promise:
//! half an event never passes for a whole one. Memory is bounded by
//! [`EVENT_LIMIT`]. Field names other than `data` mean nothing to this protocol.

/// The longest line and the longest event, in bytes.
pub const EVENT_LIMIT: usize = 1024 * 1024;

/// One thing that a stream said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A comment line: the server is alive.
    Comment,
    /// The data of one event, its lines joined with LF.
    Data(String),
}

/// An event or line was longer than [`EVENT_LIMIT`]; the rest of the stream
/// means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {EVENT_LIMIT} bytes")]
pub struct TooLong;

/// An incremental reader. Feed it with [`Reader::push`].
#[derive(Debug, Default)]
pub struct Reader {
    /// The unfinished last line, without its end.
    line: Vec<u8>,
    /// The data lines of the unfinished event, each followed by LF.
    data: Vec<u8>,
    /// Whether the byte before this chunk was a CR: a LF now belongs to it.
    after_cr: bool,
    /// Whether the first line is over, and with it the chance of a mark.
    begun: bool,
}

impl Reader {
    /// Takes the next bytes and appends the events they complete to `events`.
    /// Borders between chunks may fall anywhere.
    ///
    /// # Errors
    /// [`TooLong`]; drop the reader then.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.extend(rest);
            };
            self.extend(&rest[..end])?;
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line(events)?;
        }
        Ok(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + bytes.len() > EVENT_LIMIT {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        match line {
            [] => self.end_event(events),
            [b':', ..] => events.push(Event::Comment),
            _ => {
                let (field, value) = match line.iter().position(|byte| *byte == b':') {
                    Some(colon) => (&line[..colon], &line[colon + 1..]),
                    None => (line, &[][..]),
                };
                if field == b"data" {
                    let value = value.strip_prefix(b" ").unwrap_or(value);
                    if self.data.len() + value.len() >= EVENT_LIMIT {
                        return Err(TooLong);
                    }
                    self.data.extend_from_slice(value);
                    self.data.push(b'\n');
                }
            }
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let mut data = std::mem::take(&mut self.data);
        // Every data line added one LF; none means that there was no data.
        if data.pop().is_some() {
            events.push(Event::Data(String::from_utf8_lossy(&data).into_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
        let mut reader = Reader::default();
        let mut events = Vec::new();
        for chunk in chunks {
            reader.push(chunk, &mut events).unwrap();
        }
        events
    }

    fn data(text: &str) -> Event {
        Event::Data(text.to_owned())
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        for (bytes, expected) in [
            ("data: a\n\n", vec![data("a")]),
            ("data:a\r\n\r\n", vec![data("a")]),
            ("data:  a\r\rdata: b\n\n", vec![data(" a"), data("b")]),
            ("data: a\ndata: b\n\n", vec![data("a\nb")]),
            ("data\n\n", vec![data("")]),
            ("data:\ndata:\n\n", vec![data("\n")]),
            ("\u{feff}data: a\n\n", vec![data("a")]),
            ("\u{feff}\u{feff}data: a\n\n", vec![]),
            (
                ": PROCESSING\n\ndata: ä\n\n",
                vec![Event::Comment, data("ä")],
            ),
            ("event: x\nid: 1\nretry: 5\ndata: a\n\n", vec![data("a")]),
            ("event: x\n\n\n\n", vec![]),
            ("data: a\n", vec![]),
            ("data: a", vec![]),
            ("dataset: a\n\n", vec![]),
        ] {
            assert_eq!(read([bytes.as_bytes()]), expected, "{bytes:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut events = Vec::new();
        let mut line = Reader::default();
        let chunk = vec![b'x'; 64 * 1024];
        let pushes = (0..1000).take_while(|_| line.push(&chunk, &mut events).is_ok());
        assert_eq!(pushes.count(), 16);

        let mut event = Reader::default();
        let mut chunk = b"data: ".to_vec();
        chunk.extend_from_slice(&[b'x'; 64 * 1024]);
        chunk.push(b'\n');
        let pushes = (0..1000).take_while(|_| event.push(&chunk, &mut events).is_ok());
        assert_eq!(pushes.count(), 15);
        assert!(events.is_empty());
    }

    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "data", ":", " ", "ä", "💬", "\u{feff}", "\n", "\r", "\r\n", "\n\n", "x", "data: y",
            ": c", "event: z", "{}",
        ])
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            pieces in prop::collection::vec(piece(), 0..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
            prop_assert_eq!(read(chunks), read([bytes]));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(read(single), read([bytes]));
        }
    }
}
