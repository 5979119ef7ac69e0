//! Probes.

use super::Place;
use super::fields::Decoder;
use crate::spec::language::PROBE;
use crate::spec::tree::Entry;
use crate::spec::{Diagnostic, Probe, ProbeConnection, Scheme, Spanned, codes, sentence};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const RECORD_TYPES: [&str; 3] = ["A", "CNAME", "TXT"];

impl Decoder<'_> {
    pub(super) fn probe(&mut self, entry: &Entry) -> Option<Probe> {
        let node = self.long(&entry.value, Place::Probe)?;
        let mut fields = self.fields(&node, entry.key.span, &PROBE)?;
        self.optional(&mut fields, "about", Self::text);
        let from = self.required(&mut fields, "from", Self::reference);
        let to = self.required(&mut fields, "to", |d, node| {
            d.sentence(node, "a host", sentence::host)
                .map(|host| host.value)
        });
        let scheme = self.required(&mut fields, "scheme", |d, node| {
            d.one_of(node, &Scheme::ALL, &[])
        });
        let port = self.optional(&mut fields, "port", |d, node| {
            d.sentence(node, "a port", sentence::port)
        });
        let path = self.optional(&mut fields, "path", |d, node| {
            let path = d.text(node)?;
            if path.value.starts_with('/') && !path.value.contains(char::is_whitespace) {
                return Some(path);
            }
            let message = format!("`{}` is not the path of a URL", path.value);
            let diagnostic = Diagnostic::error(codes::VALUE, path.span, message);
            d.found
                .push(diagnostic.help("a path begins with `/` and has no spaces"));
            None
        });
        let timeout = self.optional(&mut fields, "timeout", |d, node| {
            let timeout = d.duration(node)?;
            if timeout.value.is_zero() {
                let message = "a probe waits longer than nothing";
                d.found
                    .push(Diagnostic::error(codes::VALUE, timeout.span, message));
            }
            Some(timeout)
        });
        let method = self.optional(&mut fields, "method", |d, node| {
            let text = d.one_of(node, &METHODS.map(|method| (method, method)), &[])?;
            Some(Spanned {
                value: text.value.to_owned(),
                span: text.span,
            })
        });
        let headers = self.map_of(&mut fields, "headers", Self::secret_text);
        let send = self.optional(&mut fields, "send", Self::text);
        let resolver = self.optional(&mut fields, "resolver", |d, node| {
            d.sentence(node, "an address", sentence::address)
        });
        let record_type = self.optional(&mut fields, "type", |d, node| {
            let text = d.one_of(node, &RECORD_TYPES.map(|kind| (kind, kind)), &[])?;
            Some(Spanned {
                value: text.value.to_owned(),
                span: text.span,
            })
        });
        let attempts = self.optional(&mut fields, "attempts", |d, node| d.number(node, 1, 1000));
        let every = self.optional(&mut fields, "every", Self::duration);
        let count = self.optional(&mut fields, "count", |d, node| d.number(node, 1, 1000));
        let connection = self.optional(&mut fields, "connection", |d, node| {
            let words = [
                ("new", ProbeConnection::New),
                ("held", ProbeConnection::Held),
            ];
            d.one_of(node, &words, &[])
        });
        Some(Probe {
            key: entry.key.span,
            from,
            to,
            scheme,
            port,
            path,
            method,
            headers,
            send,
            resolver,
            record_type,
            timeout,
            attempts,
            every,
            count,
            connection,
            unread: fields.unread,
        })
    }
}
