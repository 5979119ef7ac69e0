//! The matrix: every combination of the rows of its axes, each an experiment of its own.
//!
//! Combinations are in the order of the axes and their rows as written, the last axis changing fastest,
//! then those that `include` adds. `exclude` leaves out before `include` adds.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::Given;
use super::substitution::Variable;
use super::tree::{Entry, Node, Text, Value};
use super::{Diagnostic, Name, Span, codes, suggestion};

/// The most combinations that a matrix may have.
const MOST: usize = 256;

/// The matrix of a spec.
#[derive(Default)]
pub(super) struct Matrix {
    pub(super) axes: Vec<Axis>,
    pub(super) include: Vec<Picks>,
    pub(super) exclude: Vec<Picks>,
}

/// An axis.
pub(super) struct Axis {
    pub(super) name: Name,
    pub(super) key: Span,
    /// Its rows; empty where they cannot be read.
    pub(super) rows: Vec<Row>,
}

/// A row of an axis.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) name: Text,
    /// Its fields, where the axis is a map.
    pub(super) fields: Option<Node>,
}

/// A combination, or a part of one, that the matrix names.
pub(super) struct Picks {
    pub(super) span: Span,
    pub(super) picks: Vec<Pick>,
}

/// A row of an axis, by their names.
pub(super) struct Pick {
    pub(super) axis: Text,
    pub(super) row: Text,
}

/// One row of each axis.
#[derive(Clone)]
pub(crate) struct Combination<'m> {
    pub(super) rows: Vec<(&'m Axis, Row)>,
}

impl Combination<'_> {
    /// The row of each axis, by name.
    pub(super) fn names(&self) -> BTreeMap<Name, String> {
        let rows = self.rows.iter();
        rows.map(|(axis, row)| (axis.name.clone(), row.name.text.clone()))
            .collect()
    }

    /// The axes as variables.
    pub(super) fn variables(&self) -> Vec<(Name, Variable)> {
        let rows = self.rows.iter();
        rows.map(|(axis, row)| {
            let variable = Variable::Row {
                name: row.name.clone(),
                fields: row.fields.clone(),
            };
            (axis.name.clone(), variable)
        })
        .collect()
    }

    fn row(&self, axis: &str) -> Option<&str> {
        let mut rows = self.rows.iter();
        rows.find(|(other, _)| other.name.as_str() == axis)
            .map(|(_, row)| row.name.text.as_str())
    }

    fn fits(&self, picks: &Picks) -> bool {
        let mut picks = picks.picks.iter();
        picks.all(|pick| self.row(&pick.axis.text) == Some(pick.row.text.as_str()))
    }

    fn is(&self, other: &Combination<'_>) -> bool {
        self.names() == other.names()
    }
}

impl Matrix {
    fn axis(&self, name: &Text) -> Result<&Axis, Diagnostic> {
        let names = || self.axes.iter().map(|axis| axis.name.as_str());
        self.axes
            .iter()
            .find(|axis| axis.name.as_str() == name.text)
            .ok_or_else(|| {
                let message = format!("unknown axis `{}`", name.text);
                let help = match self.axes.is_empty() {
                    true => "the spec has no `matrix`".to_owned(),
                    false => suggestion(&name.text, names(), "there is"),
                };
                Diagnostic::error(codes::UNKNOWN_ROW, name.span, message).help(help)
            })
    }

    /// The names of the rows of an axis, those that only `include` has among them.
    fn rows<'m>(&'m self, axis: &'m Axis) -> Vec<&'m str> {
        let mut names: Vec<&str> = axis.rows.iter().map(|row| row.name.text.as_str()).collect();
        for pick in self.include.iter().flat_map(|picks| &picks.picks) {
            let name = pick.row.text.as_str();
            if pick.axis.text == axis.name.as_str() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Refuses an axis or a row that the matrix does not have.
    fn known(&self, axis: &Text, row: &Text) -> Result<(), Diagnostic> {
        let axis = self.axis(axis)?;
        let rows = self.rows(axis);
        // An axis without rows is reported already.
        if axis.rows.is_empty() || rows.contains(&row.text.as_str()) {
            return Ok(());
        }
        let message = format!("axis `{}` has no row `{}`", axis.name, row.text);
        Err(Diagnostic::error(codes::UNKNOWN_ROW, row.span, message)
            .help(suggestion(&row.text, rows, "it has"))
            .related(axis.key, "the axis"))
    }

    /// Every combination that is to be run; one without rows where there is no matrix. Where something is
    /// wrong with the matrix, the first rows, so that the rest of the spec can be read.
    pub(super) fn combinations(
        &self,
        given: &Given,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Combination<'_>> {
        let before = found.len();
        let all = self.all(found);
        let chosen = all.map(|all| self.chosen(all, given, found));
        match chosen {
            Some(chosen) if found[before..].iter().all(|f| !f.is_error()) => chosen,
            _ => vec![Combination {
                rows: self
                    .axes
                    .iter()
                    .filter_map(|axis| Some((axis, axis.rows.first()?.clone())))
                    .collect(),
            }],
        }
    }

    /// The product of the axes, without what is left out, with what is added.
    fn all(&self, found: &mut Vec<Diagnostic>) -> Option<Vec<Combination<'_>>> {
        if self.axes.iter().any(|axis| axis.rows.is_empty()) {
            // Reported with the axis.
            return None;
        }
        let sizes = self.axes.iter().map(|axis| axis.rows.len());
        let count = sizes
            .fold(1, usize::saturating_mul)
            .saturating_add(self.include.len());
        if count > MOST {
            let at = self.axes.first()?.key;
            let message = format!("the matrix has {count} combinations, and {MOST} can be run");
            found.push(
                Diagnostic::error(codes::COMBINATIONS, at, message)
                    .help("leave rows out, or make several specs of it"),
            );
            return None;
        }
        let mut all = vec![Combination { rows: Vec::new() }];
        for axis in &self.axes {
            all = all
                .iter()
                .flat_map(|combination| {
                    axis.rows.iter().map(|row| {
                        let mut longer = combination.clone();
                        longer.rows.push((axis, row.clone()));
                        longer
                    })
                })
                .collect();
        }
        for picks in &self.exclude {
            let mut sound = true;
            for pick in &picks.picks {
                if let Err(diagnostic) = self.known(&pick.axis, &pick.row) {
                    found.push(diagnostic);
                    sound = false;
                }
            }
            let count = all.len();
            all.retain(|combination| !combination.fits(picks));
            if sound && all.len() == count {
                let message = "this leaves no combination out";
                found.push(Diagnostic::warning(codes::NO_EFFECT, picks.span, message));
            }
        }
        for picks in &self.include {
            match self.added(picks) {
                Ok(Some(added)) if all.iter().any(|other| other.is(&added)) => {
                    let message = "this combination is run already";
                    found.push(Diagnostic::warning(codes::NO_EFFECT, picks.span, message));
                }
                Ok(Some(added)) => all.push(added),
                Ok(None) => {}
                Err(diagnostic) => found.push(diagnostic),
            }
        }
        Some(all)
    }

    /// A combination that `include` adds: a row of each axis. A row that a list does not have is added too.
    fn added(&self, picks: &Picks) -> Result<Option<Combination<'_>>, Diagnostic> {
        for pick in &picks.picks {
            self.axis(&pick.axis)?;
        }
        let mut rows = Vec::new();
        for axis in &self.axes {
            let name = axis.name.as_str();
            let Some(pick) = picks.picks.iter().find(|pick| pick.axis.text == name) else {
                let message = format!("the combination names no row of axis `{name}`");
                return Err(Diagnostic::error(codes::MATRIX, picks.span, message)
                    .help("a combination that is added has a row of every axis"));
            };
            let known = axis.rows.iter().find(|row| row.name.text == pick.row.text);
            match (known, axis.rows.first()) {
                (Some(row), _) => rows.push((axis, row.clone())),
                (None, None) => return Ok(None),
                // Of a row without fields everything is known by its name.
                (None, Some(first)) if first.fields.is_none() => rows.push((
                    axis,
                    Row {
                        name: pick.row.clone(),
                        fields: None,
                    },
                )),
                (None, Some(_)) => {
                    let names = axis.rows.iter().map(|row| row.name.text.as_str());
                    let message = format!("axis `{name}` has no row `{}`", pick.row.text);
                    return Err(
                        Diagnostic::error(codes::UNKNOWN_ROW, pick.row.span, message)
                            .help(suggestion(&pick.row.text, names, "it has")),
                    );
                }
            }
        }
        Ok(Some(Combination { rows }))
    }

    /// The combinations whose rows the run picks: any of those that it picks of an axis.
    fn chosen<'m>(
        &'m self,
        all: Vec<Combination<'m>>,
        given: &Given,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Combination<'m>> {
        let before = found.len();
        for (axis, row) in &given.picks {
            found.extend(self.known(axis, row).err());
        }
        let picked = |combination: &Combination<'_>| {
            self.axes.iter().all(|axis| {
                let name = axis.name.as_str();
                let mut picks = given.picks.iter().filter(|(axis, _)| axis.text == name);
                let mut none = true;
                let fits = picks.any(|(_, row)| {
                    none = false;
                    combination.row(name) == Some(row.text.as_str())
                });
                none || fits
            })
        };
        let chosen: Vec<_> = all.into_iter().filter(picked).collect();
        if chosen.is_empty() && found.len() == before {
            let pick = given.picks.first().map(|(axis, _)| axis.span);
            if let Some(at) = pick.or(self.axes.first().map(|axis| axis.key)) {
                let message = "no combination of the matrix is left to run";
                found.push(Diagnostic::error(codes::COMBINATIONS, at, message));
            }
        }
        chosen
    }

    /// Checks the `when` of every step, which names axes and rows.
    pub(super) fn check_steps(&self, document: &Node, found: &mut Vec<Diagnostic>) {
        for (_, when) in conditions(document) {
            for Entry { key, value } in when {
                if let Err(diagnostic) = self.axis(key) {
                    found.push(diagnostic);
                    continue;
                }
                for row in texts(value) {
                    found.extend(self.known(key, row).err());
                }
            }
        }
    }
}

/// Takes out the steps that are not run with this combination; the others are marked in `run`.
pub(super) fn filter_steps(
    document: &mut Node,
    combination: &Combination<'_>,
    run: &mut BTreeSet<Span>,
) {
    let runs = |step: &Node| {
        let Some(Value::Map(when)) = step.get("when").map(|when| &when.value) else {
            return true;
        };
        when.iter().all(|Entry { key, value }| {
            // An axis that does not exist is reported; what the step says is checked all the same.
            combination
                .row(&key.text)
                .is_none_or(|row| texts(value).any(|text| text.text == row) || !readable(value))
        })
    };
    if let Value::Map(entries) = &mut document.value
        && let Some(steps) = entries.iter_mut().find(|entry| entry.key.text == "steps")
        && let Value::List(steps) = &mut steps.value.value
    {
        steps.retain(runs);
        run.extend(steps.iter().map(|step| step.span));
    }
}

/// The steps that have conditions, with those.
pub(super) fn conditions(document: &Node) -> impl Iterator<Item = (&Node, &[Entry])> {
    let steps = match document.get("steps").map(|steps| &steps.value) {
        Some(Value::List(steps)) => &steps[..],
        _ => &[],
    };
    steps
        .iter()
        .filter_map(|step| match &step.get("when")?.value {
            Value::Map(entries) => Some((step, &entries[..])),
            _ => None,
        })
}

/// A text, or the texts of a list.
fn texts(node: &Node) -> impl Iterator<Item = &Text> {
    let nodes = match &node.value {
        Value::List(items) => &items[..],
        _ => std::slice::from_ref(node),
    };
    nodes.iter().filter_map(|node| match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    })
}

fn readable(node: &Node) -> bool {
    matches!(node.value, Value::Text(_) | Value::List(_))
}
