//! Time as an argument: nothing in this crate reads a clock.
//!
//! A machine is told the time with every call. [`Instant`] drives deadlines and never goes back;
//! [`Wall`] is what the calendar says at some instant, and only ever stamps records. Correcting
//! the wall clock therefore changes stamps, never deadlines (B5.2).

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// A moment on the shell's monotonic clock, in milliseconds since a start the shell chose.
///
/// Arithmetic saturates at both ends: a deadline too far away to be represented is "never", which
/// is what a caller adding an absurd duration means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Instant(u64);

impl Instant {
    /// The start of the shell's clock.
    pub const ZERO: Self = Self(0);
    /// Later than every deadline.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The moment `millis` milliseconds after the start of the clock.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start of the clock.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero if `earlier` is the later one.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Rounds up to whole milliseconds, so that a deadline never comes early.
    fn add(self, duration: Duration) -> Self {
        let millis = duration.as_nanos().div_ceil(1_000_000);
        Self(self.0.saturating_add(u64::try_from(millis).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0 / 1000, self.0 % 1000)
    }
}

/// A date and time in UTC with a resolution of one second: every stamp that leaves the server.
///
/// Counted in seconds since 1970-01-01T00:00:00Z, limited to the years 0001 to 9999, so that it
/// always has the one written form `YYYY-MM-DDThh:mm:ssZ` (B5.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

impl Stamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800);
    /// 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(253_402_300_799);
    /// The length of the written form, in bytes.
    pub const WRITTEN_LEN: usize = 20;

    /// The stamp `seconds` after 1970-01-01T00:00:00Z, moved to the nearest one that can be written.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        if seconds < Self::MIN.0 {
            Self::MIN
        } else if seconds > Self::MAX.0 {
            Self::MAX
        } else {
            Self(seconds)
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn as_unix_seconds(self) -> i64 {
        self.0
    }

    /// Whole seconds from `earlier` to `self`; zero if `earlier` is the later one.
    pub const fn saturating_since(self, earlier: Self) -> u32 {
        let seconds = self.0.saturating_sub(earlier.0);
        if seconds <= 0 {
            0
        } else if seconds > u32::MAX as i64 {
            u32::MAX
        } else {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let seconds = seconds as u32;
            seconds
        }
    }

    /// Reads the written form; `None` for anything else, impossible dates included.
    pub fn parse(written: &str) -> Option<Self> {
        let bytes: &[u8; Self::WRITTEN_LEN] = written.as_bytes().try_into().ok()?;
        let shape = b"dddd-dd-ddTdd:dd:ddZ";
        for (byte, shape) in bytes.iter().zip(shape) {
            let fits = if *shape == b'd' { byte.is_ascii_digit() } else { byte == shape };
            if !fits {
                return None;
            }
        }
        let number = |from: usize, len: usize| {
            bytes[from..from + len].iter().fold(0_i64, |n, digit| n * 10 + i64::from(digit - b'0'))
        };
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
        let (hour, minute, second) = (number(11, 2), number(14, 2), number(17, 2));
        if year < 1 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        // A day or month that does not exist comes back as another date.
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        Some(Self(days * 86_400 + hour * 3600 + minute * 60 + second))
    }

    /// The written form, `YYYY-MM-DDThh:mm:ssZ`.
    pub fn written(self) -> heapless::String<{ Self::WRITTEN_LEN }, u8> {
        use fmt::Write as _;
        let (year, month, day) = civil_from_days(self.0.div_euclid(86_400));
        let second = self.0.rem_euclid(86_400);
        let mut text = heapless::String::new();
        // Cannot fail: the years 0001 to 9999 take exactly the 20 bytes there are.
        let _ = write!(
            text,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        );
        text
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written())
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counting from March so
/// that the leap day is the last of its year.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// What the wall clock said at some [`Instant`]: the bridge from deadlines to stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Wall {
    at: Instant,
    unix_millis: i64,
}

impl Wall {
    /// At `at`, the wall clock showed `unix_millis` milliseconds since 1970-01-01T00:00:00Z.
    pub const fn new(at: Instant, unix_millis: i64) -> Self {
        Self { at, unix_millis }
    }

    /// The wall time at `now`, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn unix_millis(self, now: Instant) -> i64 {
        let signed = |instant: Instant| i64::try_from(instant.as_millis()).unwrap_or(i64::MAX);
        self.unix_millis.saturating_add(signed(now)).saturating_sub(signed(self.at))
    }

    /// The stamp of `now`: the wall time, rounded down to whole seconds.
    pub fn stamp(self, now: Instant) -> Stamp {
        Stamp::from_unix_seconds(self.unix_millis(now).div_euclid(1000))
    }
}

#[cfg(test)]
mod tests;
