//! Questions that Azure's documentation leaves open, and the answer under every reading of them.
//!
//! A computation asks an open question wherever the sources disagree or are silent, and gets one
//! answer; [`explore`] repeats the computation until every combination of answers has been given.
//! Within one run the same question has the same answer.

/// More runs than this are not made: the result is then undetermined anyway.
const MOST_RUNS: usize = 64;

/// A question that the sources leave open, as two statements of which one is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenQuestion {
    /// What holds if the answer is yes, with its source.
    pub(super) yes: String,
    /// What holds if the answer is no, with its source.
    pub(super) no: String,
}

/// Whether something holds, as far as the sources say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// It holds if the answer to any of these is yes.
    Open(Vec<OpenQuestion>),
}

impl Truth {
    pub(super) fn open(yes: impl Into<String>, no: impl Into<String>) -> Truth {
        Truth::Open(vec![OpenQuestion {
            yes: yes.into(),
            no: no.into(),
        }])
    }

    /// Whether any of `truths` holds.
    pub(super) fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
        let mut open = Vec::new();
        for truth in truths {
            match truth {
                Truth::Yes => return Truth::Yes,
                Truth::No => {}
                Truth::Open(questions) => open.extend(questions),
            }
        }
        if open.is_empty() {
            Truth::No
        } else {
            Truth::Open(open)
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Truth {
        if holds { Truth::Yes } else { Truth::No }
    }
}

/// The answers given in one run of a computation.
#[derive(Debug, Default)]
pub(super) struct Readings {
    script: Vec<bool>,
    asked: Vec<(OpenQuestion, bool)>,
}

impl Readings {
    /// Answers one question for this run.
    pub(super) fn ask(&mut self, question: OpenQuestion) -> bool {
        if let Some((_, answer)) = self.asked.iter().find(|(asked, _)| *asked == question) {
            return *answer;
        }
        let answer = self.script.get(self.asked.len()).copied().unwrap_or(true);
        self.asked.push((question, answer));
        answer
    }

    /// Answers a question given as its two statements.
    pub(super) fn ask_whether(&mut self, yes: impl Into<String>, no: impl Into<String>) -> bool {
        self.holds(&Truth::open(yes, no))
    }

    /// Whether `truth` holds in this run.
    pub(super) fn holds(&mut self, truth: &Truth) -> bool {
        match truth {
            Truth::Yes => true,
            Truth::No => false,
            Truth::Open(questions) => questions.iter().any(|question| self.ask(question.clone())),
        }
    }

    /// Whether all of `truths` hold in this run. What is certainly false asks no question.
    pub(super) fn all_hold(&mut self, truths: &[Truth]) -> bool {
        !truths.contains(&Truth::No) && truths.iter().all(|truth| self.holds(truth))
    }
}

/// The results of a computation, each with the statements that it rests on.
#[derive(Debug)]
pub(super) struct Explored<T> {
    pub(super) results: Vec<(T, String)>,
    /// Whether every combination of answers was tried.
    pub(super) complete: bool,
}

/// Runs `compute` once for every combination of answers to the questions that it asks.
pub(super) fn explore<T, E>(
    mut compute: impl FnMut(&mut Readings) -> Result<T, E>,
) -> Result<Explored<T>, E> {
    let mut results = Vec::new();
    let mut script = Vec::new();
    loop {
        let mut readings = Readings {
            script,
            asked: Vec::new(),
        };
        let result = compute(&mut readings)?;
        let statements = readings
            .asked
            .iter()
            .map(|(question, answer)| if *answer { &question.yes } else { &question.no })
            .cloned()
            .collect::<Vec<_>>();
        results.push((result, statements.join("; ")));
        script = readings.asked.iter().map(|(_, answer)| *answer).collect();
        while script.last() == Some(&false) {
            script.pop();
        }
        let Some(last) = script.last_mut() else {
            return Ok(Explored {
                results,
                complete: true,
            });
        };
        *last = false;
        if results.len() == MOST_RUNS {
            return Ok(Explored {
                results,
                complete: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_answers_is_tried_once() {
        let explored = explore(|readings| {
            let first = readings.ask_whether("a", "not a");
            let second = !first && readings.ask_whether("b", "not b");
            let again = readings.ask_whether("a", "not a");
            assert_eq!(first, again);
            Ok::<_, ()>((first, second))
        })
        .expect("the computation does not fail");
        assert!(explored.complete);
        assert_eq!(
            explored.results,
            [
                ((true, false), "a".to_owned()),
                ((false, true), "not a; b".to_owned()),
                ((false, false), "not a; not b".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_certainly_false_asks_nothing() {
        let mut readings = Readings::default();
        assert!(!readings.all_hold(&[Truth::open("a", "not a"), Truth::No]));
        assert!(readings.asked.is_empty());
    }
}
