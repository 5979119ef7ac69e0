//! Reports: the record of a run as text for a person and as JSON for a program.
//!
//! Everything shown stands in the [`Report`](crate::verdict::event::Report) already: nothing here
//! judges, and nothing prints. Text that came from servers or from Azure is shown with its control
//! characters escaped.

mod facts;
pub mod human;
pub mod json;
mod layout;
mod style;
mod truth_table;

pub use style::Style;
