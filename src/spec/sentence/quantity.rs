//! Durations and sizes: `500ms`, `2h`, `0.5`, `1.5GB`.

use std::time::Duration;

use super::error;
use crate::spec::Diagnostic;
use crate::spec::tree::Text;

/// Reads a duration.
pub(crate) fn duration(text: &Text) -> Result<Duration, Diagnostic> {
    let (number, unit) = split(&text.text);
    let read = match (number.parse::<u64>(), unit) {
        (Ok(number), "ms") => Some(Duration::from_millis(number)),
        (Ok(number), "s") => Some(Duration::from_secs(number)),
        (Ok(number), "m") => number.checked_mul(60).map(Duration::from_secs),
        (Ok(number), "h") => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    };
    read.ok_or_else(|| {
        error(text, format!("`{}` is not a duration", text.text))
            .help("a duration is a whole number with `ms`, `s`, `m` or `h`, for example `90s`")
    })
}

/// Reads a size in megabytes; a gigabyte has 1024 of them.
pub(crate) fn memory(text: &Text) -> Result<u32, Diagnostic> {
    let (number, unit) = split(&text.text);
    let megabytes = match unit {
        "MB" => scaled(number, 1),
        "GB" => scaled(number, 1024),
        _ => None,
    };
    megabytes.filter(|size| *size > 0).ok_or_else(|| {
        error(text, format!("`{}` is not a size", text.text))
            .help("a size is a number with `MB` or `GB`, for example `1.5GB`")
    })
}

/// Reads a number of cores in thousandths.
pub(crate) fn cores(text: &Text) -> Result<u32, Diagnostic> {
    scaled(&text.text, 1000)
        .filter(|cores| *cores > 0)
        .ok_or_else(|| {
            error(text, format!("`{}` is not a number of cores", text.text))
                .help("a number of cores is a decimal number above zero, for example `0.5`")
        })
}

fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A decimal number with up to three decimals times `factor`, if that is a whole number.
fn scaled(number: &str, factor: u64) -> Option<u32> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
        return None;
    }
    let thousandths = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(format!("{decimals:0<3}").parse().ok()?)?
        .checked_mul(factor)?;
    (thousandths % 1000 == 0)
        .then(|| u32::try_from(thousandths / 1000).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("1s", 1000),
            ("2m", 120_000),
            ("4h", 14_400_000),
        ] {
            let read = duration(&Text::at_start(text)).map(|d| d.as_millis());
            assert_eq!(read, Ok(millis), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "2d",
            "5 s",
            "99999999999999999999h",
        ] {
            assert!(duration(&Text::at_start(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_and_cores_are_decimal() {
        for (text, megabytes) in [("1GB", 1024), ("1.5GB", 1536), ("512MB", 512)] {
            assert_eq!(memory(&Text::at_start(text)), Ok(megabytes), "{text}");
        }
        for text in ["1", "GB", "1gb", "0MB", "0.0001GB", "1.GB", "1..5GB"] {
            assert!(memory(&Text::at_start(text)).is_err(), "{text}");
        }
        assert_eq!(cores(&Text::at_start("0.25")), Ok(250));
        assert!(cores(&Text::at_start("0")).is_err());
    }
}
