//! `vnetlab doctor`: what this host supports, feature by feature.

use std::fmt::Write;

use crate::lab::{self, Mode};

use super::{HELD, NOT_JUDGED, print};

/// Prints each check with its remedy; fails where the lab cannot run.
pub(super) fn run() -> u8 {
    let support = lab::support();
    let mut text = String::new();
    for check in &support.checks {
        let state = if check.ok { "ok  " } else { "no  " };
        writeln!(text, "{state}{:<28}{}", check.name, check.detail)
            .expect("writing to a string cannot fail");
        if let Some(remedy) = &check.remedy {
            writeln!(text, "    remedy: {remedy}").expect("writing to a string cannot fail");
        }
    }
    match support.mode {
        Some(mode) => {
            let how = match mode {
                Mode::UserNamespace => "in a user namespace, as any user",
                Mode::Root => "with the capabilities of root",
            };
            writeln!(text, "\nThe lab runs here, {how}: `vnetlab run` sends real packets.")
        }
        None => writeln!(text, "\nThe lab does not run here: `vnetlab run` uses the model fabric, which sends no packets."),
    }
    .expect("writing to a string cannot fail");
    print(&text);
    if support.mode.is_some() {
        HELD
    } else {
        NOT_JUDGED
    }
}
