//! `vnetlab explain CODE`: the page of a code.

use crate::spec::{self, codes};

use super::{HELD, WRONG_INPUT, print, tell};

/// Prints the page of a code.
pub(super) fn run(code: &str) -> u8 {
    if let Some(page) = spec::explain(code) {
        print(&format!("{page}\n"));
        return HELD;
    }
    let known = codes::ALL.iter().map(|(code, _)| *code);
    let near = known
        .min_by_key(|known| strsim::damerau_levenshtein(known, &code.to_ascii_uppercase()))
        .filter(|known| strsim::damerau_levenshtein(known, &code.to_ascii_uppercase()) <= 2);
    tell(&format!("error: there is no code `{code}`"));
    tell(&match near {
        Some(near) => format!("help: did you mean `{near}`?"),
        None => "help: a finding's code stands in brackets, as in `error[VNL0107]`; an exit code is a number".to_owned(),
    });
    WRONG_INPUT
}
