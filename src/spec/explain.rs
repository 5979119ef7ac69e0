//! The pages of the codes: what a finding means, why, and how to mend it.

/// One file for all pages, a section for each code.
const PAGES: &str = include_str!("../../docs/diagnostics.md");

/// The page of a code (`VNL0107`) or of an exit code (`6`), as Markdown; `None` where there is no such code.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    let code = code.trim().to_ascii_uppercase();
    sections().find(|page| {
        let title = page.lines().next().unwrap_or_default();
        let heading = title.trim_start_matches('#').trim();
        heading
            .split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(&code))
    })
}

/// The sections of the file, each with its heading.
fn sections() -> impl Iterator<Item = &'static str> {
    let starts: Vec<usize> = PAGES
        .match_indices("\n### ")
        .map(|(at, _)| at + 1)
        .collect();
    let ends = starts.clone().into_iter().skip(1).chain([PAGES.len()]);
    let pages: Vec<&str> = starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let page = &PAGES[*start..end];
            // The heading of the next group of codes belongs to that group.
            page.split("\n## ").next().unwrap_or(page).trim_end()
        })
        .collect();
    pages.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::codes;

    #[test]
    fn every_code_has_its_page_and_every_page_its_code() {
        for (code, meaning) in codes::ALL {
            let page = explain(code).unwrap_or_else(|| panic!("{code} has no page"));
            let meaning = meaning.trim().trim_end_matches('.');
            let heading = page.lines().next().unwrap_or_default();
            assert_eq!(heading, format!("### {code}: {meaning}"));
            assert!(page.lines().count() > 2, "the page of {code} says nothing");
        }
        let pages = sections()
            .filter(|page| page.starts_with("### VNL"))
            .count();
        assert_eq!(pages, codes::ALL.len());
    }

    #[test]
    fn an_exit_code_has_a_page_too() {
        for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "130", "143"] {
            assert!(explain(code).is_some(), "exit code {code}");
        }
        assert_eq!(explain("VNL9999"), None);
        assert_eq!(explain(""), None);
    }
}
