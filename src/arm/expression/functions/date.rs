//! Dates: arithmetic in UTC and .NET's format strings.
//!
//! No clock is read here: `utcNow()` asks the environment.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde_json::Value;

use super::super::eval::Evaluator;
use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    ("dateTimeAdd", 2, Some(3), Body::Eager(date_time_add)),
    ("dateTimeFromEpoch", 1, Some(1), Body::Eager(from_epoch)),
    ("dateTimeToEpoch", 1, Some(1), Body::Eager(to_epoch)),
    ("utcNow", 0, Some(1), Body::Asking(utc_now)),
];

const DEFAULT: &str = "yyyy-MM-ddTHH:mm:ssZ";
const DEFAULT_NOW: &str = "yyyyMMddTHHmmssZ";

fn utc_now(arguments: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let format = arguments.optional_text(0)?.unwrap_or(DEFAULT_NOW);
    formatted(arguments, evaluator.environment.now()?, format)
}

fn date_time_add(arguments: &Arguments) -> Result<Value, Fault> {
    let base = instant(arguments)?;
    let text = arguments.text(1)?;
    let duration = duration(text).ok_or_else(|| {
        Fault::Invalid(format!(
            "The template function 'dateTimeAdd' has an invalid parameter. The second parameter '{text}' is not a valid ISO8601 Duration string. Please see https://aka.ms/arm-functions/#dateTimeAdd for usage details."
        ))
    })?;
    let sum = base
        .checked_add(duration)
        .map_err(|_| arguments.invalid("the result is out of range."))?;
    formatted(
        arguments,
        sum,
        arguments.optional_text(2)?.unwrap_or(DEFAULT),
    )
}

fn from_epoch(arguments: &Arguments) -> Result<Value, Fault> {
    let instant = Timestamp::from_second(arguments.integer(0)?)
        .map_err(|_| arguments.invalid("the epoch time is out of range."))?;
    formatted(arguments, instant, DEFAULT)
}

fn to_epoch(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(instant(arguments)?.as_second().into())
}

/// Reads a date and time; without an offset it is in UTC, without a time it is midnight.
fn instant(arguments: &Arguments) -> Result<Timestamp, Fault> {
    let text = arguments.text(0)?;
    let civil = |text: &str| {
        let date_time = text.parse::<DateTime>().ok()?;
        TimeZone::UTC.to_timestamp(date_time).ok()
    };
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| civil(text))
        .or_else(|| civil(&spread(text)?))
        .ok_or_else(|| arguments.invalid(format!("the value '{text}' is not a date and time.")))
}

/// `20200407T010203Z`, the default form of `utcNow()`, in its long spelling.
fn spread(text: &str) -> Option<String> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    (digits(date, 8) && digits(time, 6)).then(|| {
        format!(
            "{}-{}-{}T{}:{}:{}",
            &date[..4],
            &date[4..6],
            &date[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        )
    })
}

/// An ISO 8601 duration; a year is 365 days, a month 30.
fn duration(text: &str) -> Option<SignedDuration> {
    let span = text
        .parse::<Span>()
        .ok()
        .filter(|_| text.trim_start_matches('-').starts_with('P'))?;
    let days = i64::from(span.get_years()) * 365
        + i64::from(span.get_months()) * 30
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    let seconds = days * 86_400
        + i64::from(span.get_hours()) * 3_600
        + span.get_minutes() * 60
        + span.get_seconds();
    let nanoseconds = span.get_milliseconds() * 1_000_000
        + span.get_microseconds() * 1_000
        + span.get_nanoseconds();
    SignedDuration::from_secs(seconds).checked_add(SignedDuration::from_nanos(nanoseconds))
}

fn formatted(arguments: &Arguments, instant: Timestamp, format: &str) -> Result<Value, Fault> {
    let time = TimeZone::UTC.to_datetime(instant);
    let pattern = match format {
        "d" => "MM/dd/yyyy",
        "D" => "dddd, dd MMMM yyyy",
        "t" => "HH:mm",
        "T" => "HH:mm:ss",
        "f" => "dddd, dd MMMM yyyy HH:mm",
        "F" => "dddd, dd MMMM yyyy HH:mm:ss",
        "g" => "MM/dd/yyyy HH:mm",
        "G" => "MM/dd/yyyy HH:mm:ss",
        "m" | "M" => "MMMM dd",
        "y" | "Y" => "yyyy MMMM",
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        "r" | "R" => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "u" => "yyyy-MM-dd HH:mm:ss'Z'",
        other => other,
    };
    custom(time, pattern).map(Value::from).map_err(|problem| {
        arguments.invalid(format!("the format '{format}' is not valid: {problem}."))
    })
}

/// A custom format: runs of a letter stand for a part, other letters for themselves.
fn custom(time: DateTime, pattern: &str) -> Result<String, String> {
    let letters = pattern.chars().collect::<Vec<_>>();
    let mut out = String::new();
    let mut place = 0;
    while let Some(&letter) = letters.get(place) {
        match letter {
            '\'' | '"' => {
                let end = letters[place + 1..]
                    .iter()
                    .position(|other| *other == letter)
                    .ok_or("a quote is not closed")?;
                out.extend(&letters[place + 1..place + 1 + end]);
                place += end + 2;
            }
            '\\' => {
                out.push(*letters.get(place + 1).ok_or("it ends in a backslash")?);
                place += 2;
            }
            '%' => place += 1,
            letter => {
                let count = letters[place..]
                    .iter()
                    .take_while(|other| **other == letter)
                    .count();
                out.push_str(&part(time, letter, count)?);
                place += count;
            }
        }
    }
    Ok(out)
}

fn part(time: DateTime, letter: char, count: usize) -> Result<String, String> {
    let number = |number: i64| format!("{number:0count$}");
    let named = |directive: &str| time.strftime(directive).to_string();
    Ok(match (letter, count) {
        ('y', 1 | 2) => number(i64::from(time.year()) % 100),
        ('y', _) => number(time.year().into()),
        ('M', 1 | 2) => number(time.month().into()),
        ('M', 3) => named("%b"),
        ('M', _) => named("%B"),
        ('d', 1 | 2) => number(time.day().into()),
        ('d', 3) => named("%a"),
        ('d', _) => named("%A"),
        ('H', 1 | 2) => number(time.hour().into()),
        ('h', 1 | 2) => number((i64::from(time.hour()) + 11) % 12 + 1),
        ('m', 1 | 2) => number(time.minute().into()),
        ('s', 1 | 2) => number(time.second().into()),
        ('f', 1..=7) => format!("{:09}", time.subsec_nanosecond())[..count].to_owned(),
        ('t', 1) => if time.hour() < 12 { "A" } else { "P" }.to_owned(),
        ('t', 2) => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        ('z', 1) => "+0".to_owned(),
        ('z', 2) => "+00".to_owned(),
        ('z', 3) => "+00:00".to_owned(),
        ('K', 1) => "Z".to_owned(),
        ('H' | 'h' | 'm' | 's' | 'f' | 'F' | 't' | 'z' | 'K' | 'g', _) => {
            return Err(format!(
                "`{}` is not supported by this version",
                String::from(letter).repeat(count)
            ));
        }
        _ => String::from(letter).repeat(count),
    })
}
