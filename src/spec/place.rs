//! Where a value stands in the document, and with it what it is.
//!
//! A change names a place by its path, and `with` adds to the map in which it stands: what is said in them
//! is what is said there.

use super::language::{Form, form_at, shape_at};

/// A place in the document.
#[derive(Debug, Clone)]
pub(super) struct Place<'p> {
    path: Vec<&'p str>,
    form: Option<Form>,
}

impl<'p> Place<'p> {
    /// The document as a whole.
    pub(super) fn root() -> Place<'p> {
        Place::at(Vec::new())
    }

    fn at(path: Vec<&'p str>) -> Place<'p> {
        Place {
            form: form_at(&path),
            path,
        }
    }

    /// The keys that lead there; a step has the key `-`.
    pub(super) fn path(&self) -> &[&'p str] {
        &self.path
    }

    /// The value of a key of the map at this place.
    pub(super) fn entry<'k>(&self, key: &'k str) -> Place<'k>
    where
        'p: 'k,
    {
        if matches!(self.form, Some(Form::Changes)) {
            let separator = if key.contains('/') { '/' } else { '.' };
            return Place::at(key.split(separator).map(str::trim).collect());
        }
        if key == "with" && self.takes_with() {
            return self.clone();
        }
        Place::at([&self.path[..], &[key]].concat())
    }

    /// An item of the list at this place.
    pub(super) fn item(&self) -> Place<'p> {
        match self.form {
            Some(Form::OneOrMany(inner) | Form::List(inner)) => Place {
                path: self.path.clone(),
                form: Some(*inner),
            },
            _ => Place::at([&self.path[..], &["-"]].concat()),
        }
    }

    /// Whether the map at this place may have the key `with`.
    pub(super) fn takes_with(&self) -> bool {
        shape_at(&self.path).is_some_and(|shape| shape.key("with").is_some())
    }

    /// Whether it is the `with` of a thing, which a change names.
    pub(super) fn is_with(&self) -> bool {
        matches!(&self.path[..], [thing @ .., "with"] if Place::at(thing.to_vec()).takes_with())
    }

    /// Whether the paths of a change stand here.
    pub(super) fn is_change(&self) -> bool {
        matches!(self.form, Some(Form::Changes))
    }

    /// Whether the value of a key is a remark.
    pub(super) fn is_remark(&self, key: &str) -> bool {
        matches!(key, "about" | "note") && shape_at(&self.path).is_some()
    }

    /// Whether a text at this place is any text, not words that mean something one by one.
    pub(super) fn is_free_text(&self) -> bool {
        matches!(self.form, Some(Form::Text | Form::SecretText | Form::Match))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_and_with_say_stands_where_they_say_it() {
        let change = Place::root().entry("steps").item().entry("change");
        assert!(change.is_change());
        let body = change.entry("workloads.web.body");
        assert_eq!(body.path(), ["workloads", "web", "body"]);
        assert!(body.is_free_text());
        assert!(!change.entry("nsgs/n/inbound/r").is_free_text());
        let web = Place::root().entry("workloads").entry("web");
        let with = web.entry("with");
        assert_eq!(with.path(), ["workloads", "web"]);
        assert!(with.entry("env").entry("A").is_free_text());
        assert!(web.is_remark("about"));
        assert!(!Place::root().entry("tags").is_remark("about"));
    }
}
