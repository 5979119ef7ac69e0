//! A spec as text again: its canonical short form with every comment, or its long form.
//!
//! ```text
//! text --tree--> document --layout (comments, blank lines)--> doc --short or long--> doc --print--> text
//! ```
//!
//! What is written is read back before it is given out: it must have the same long form, and the same
//! comments. What the language has and what of it has a short form is data, in `table`. Nothing here knows
//! whether a spec makes sense; names are looked up only to qualify them.

mod doc;
mod layout;
mod long;
mod names;
mod print;
#[cfg(test)]
mod random;
mod scalar;
mod short;
mod table;
#[cfg(test)]
mod tests;

use doc::{File, Plain};
use long::Defaults;

use super::{Diagnostic, Source, yaml};

/// Why a spec is not formatted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The text cannot be read.
    #[error("the file is not a spec")]
    Findings(Vec<Diagnostic>),
    /// A defect: the result would not mean what the text means.
    #[error("the formatted text would not mean what the file means")]
    Changed,
}

/// The canonical form of a spec: short forms, keys in their order, comments kept.
///
/// # Errors
/// The findings on the text, if it cannot be read as one YAML document of the language.
pub fn format(source: &Source) -> Result<String, FormatError> {
    let before = read(source)?;
    let mut file = before.clone();
    short::shorten(&mut file);
    let text = print::print(&file);
    let after = read(&Source::new(source.path(), text.as_str()))?;
    let same = after.comments() == before.comments() && meaning(after) == meaning(before);
    same.then_some(text).ok_or(FormatError::Changed)
}

/// The long form of a spec: a map for every sentence, names qualified, defaults written out, no comments.
///
/// # Errors
/// The findings on the text, if it cannot be read as one YAML document of the language.
pub fn lengthen(source: &Source) -> Result<String, FormatError> {
    let before = read(source)?;
    let mut file = before.clone();
    file.drop_comments();
    short::set_spaces(&mut file);
    long::lengthen(&mut file, Defaults::Known);
    names::qualify(&mut file);
    short::arrange(&mut file);
    let text = print::print(&file);
    let after = read(&Source::new(source.path(), text.as_str()))?;
    let same = qualified_meaning(after) == qualified_meaning(before);
    same.then_some(text).ok_or(FormatError::Changed)
}

fn read(source: &Source) -> Result<File, FormatError> {
    let mut found = Vec::new();
    match yaml::read(source, &mut found) {
        Some(document) if found.is_empty() => Ok(layout::layout(source.text(), &document)),
        _ => Err(FormatError::Findings(found)),
    }
}

/// What two files share that mean the same: the long form with every default, without what is only layout.
fn meaning(mut file: File) -> Plain {
    short::set_spaces(&mut file);
    long::lengthen(&mut file, Defaults::All);
    short::arrange(&mut file);
    file.root.plain()
}

/// The same, where names may be written in two ways.
fn qualified_meaning(mut file: File) -> Plain {
    short::set_spaces(&mut file);
    long::lengthen(&mut file, Defaults::All);
    names::qualify(&mut file);
    short::arrange(&mut file);
    file.root.plain()
}
