//! Signals by number and name, as Linux has them.

/// Ends a process, whatever it thinks of it.
pub(crate) const SIGKILL: u32 = 9;
/// The status of a process that it ended.
pub(crate) const KILLED: u32 = 128 + SIGKILL;
/// Asks a process to end.
pub(crate) const SIGTERM: u32 = 15;
/// Ctrl-C at a terminal.
pub(crate) const SIGINT: u32 = 2;
/// Ctrl-\ at a terminal.
pub(crate) const SIGQUIT: u32 = 3;
/// Ctrl-Z at a terminal.
pub(crate) const SIGTSTP: u32 = 20;
/// The terminal has another size.
pub(crate) const SIGWINCH: u32 = 28;
/// The largest signal there is.
pub(crate) const SIGNAL_MAX: u32 = 64;
/// CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH: by default they end nothing.
const HARMLESS: [u32; 8] = [17, 18, 19, 20, 21, 22, 23, SIGWINCH];

/// By number, from 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// Whether a process that knows nothing of it lives on.
pub(crate) fn is_harmless(signal: u32) -> bool {
    signal == 0 || HARMLESS.contains(&signal)
}

/// KILL and STOP cannot.
pub(crate) fn can_be_handled(signal: u32) -> bool {
    !matches!(signal, SIGKILL | 19)
}

/// `TERM`, `SIGTERM` and `15` are one. Signal 0 has no name and is none.
pub(crate) fn number(name: &str) -> Option<u32> {
    if let Ok(number) = name.parse::<u32>() {
        return (1..=SIGNAL_MAX).contains(&number).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    let at = NAMES.iter().position(|known| *known == bare)?;
    Some(u32::try_from(at).expect("there are 31") + 1)
}

/// The other way round; one without a name is its number.
pub(crate) fn name(number: u32) -> String {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    match at.and_then(|at| NAMES.get(at)) {
        Some(name) => (*name).to_owned(),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_known_by_name_with_or_without_sig_and_by_number() {
        assert_eq!(number("TERM"), Some(SIGTERM));
        assert_eq!(number("SIGKILL"), Some(SIGKILL));
        assert_eq!(number("winch"), Some(SIGWINCH));
        assert_eq!(number("10"), number("USR1"));
        for none in ["", "0", "65", "SIG", "NOSUCH", "-1"] {
            assert_eq!(number(none), None, "{none:?}");
        }
    }
}
