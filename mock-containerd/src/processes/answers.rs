//! Commands that only print: what, as a function of their words and their setting.

use std::time::Duration;

use super::setting::Setting;

/// What goes to standard output, or to standard error, and the status.
pub(super) type Answer = Result<(String, u32), (String, u32)>;

/// Commands that wait or read stand in `commands`.
pub(super) fn of(name: &str, words: &[&str], setting: &Setting) -> Answer {
    match name {
        "false" => Ok((String::new(), 1)),
        "echo" => Ok((echo(words), 0)),
        "printf" => Ok((printf(words), 0)),
        "pwd" => Ok((format!("{}\n", cwd(setting)), 0)),
        "hostname" => Ok((format!("{}\n", setting.hostname), 0)),
        "id" => id(words, setting),
        "whoami" => match setting.user.uid {
            0 => Ok(("root\n".to_owned(), 0)),
            uid => Err((format!("whoami: unknown uid {uid}"), 1)),
        },
        "printenv" => Ok(printenv(words, setting)),
        "test" => Ok((String::new(), test(words)?)),
        "[" => match words.split_last() {
            Some((&"]", words)) => Ok((String::new(), test(words)?)),
            _ => Err(("[: missing ]".to_owned(), 2)),
        },
        other => Err((format!("{other}: not found"), 127)),
    }
}

fn cwd(setting: &Setting) -> &str {
    if setting.cwd.is_empty() { "/" } else { &setting.cwd }
}

fn echo(words: &[&str]) -> String {
    let is_option = |word: &&&str| {
        word.len() > 1 && word.starts_with('-') && word[1..].chars().all(|one| "neE".contains(one))
    };
    let options: Vec<&&str> = words.iter().take_while(is_option).collect();
    let has = |option| options.iter().any(|word| word.contains(option));
    let text = words[options.len()..].join(" ");
    let text = if has('e') { unescaped(&text) } else { text };
    if has('n') { text } else { text + "\n" }
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text.chars());
    while let Some(next) = rest.next() {
        match (next, next == '\\') {
            (_, true) => match rest.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') => plain.push('\r'),
                Some('\\') | None => plain.push('\\'),
                Some(other) => plain.extend(['\\', other]),
            },
            (next, false) => plain.push(next),
        }
    }
    plain
}

/// `%s`, `%d` and `%%`. Words without a place are dropped, places without a word stay empty.
fn printf(words: &[&str]) -> String {
    let Some((format, rest)) = words.split_first() else { return String::new() };
    let (mut text, mut rest) = (String::new(), rest.iter());
    let format = unescaped(format);
    let mut format = format.chars();
    while let Some(next) = format.next() {
        match (next, (next == '%').then(|| format.next()).flatten()) {
            ('%', Some('s' | 'd')) => text.push_str(rest.next().unwrap_or(&"")),
            ('%', Some('%') | None) => text.push('%'),
            ('%', Some(other)) => text.extend(['%', other]),
            (next, _) => text.push(next),
        }
    }
    text
}

fn id(words: &[&str], setting: &Setting) -> Answer {
    let user = &setting.user;
    let named = |id: u32| if id == 0 { "0(root)".to_owned() } else { id.to_string() };
    let text = match words {
        [] => {
            let groups: Vec<String> = user.more_gids.iter().map(|gid| named(*gid)).collect();
            let groups = match groups.is_empty() {
                true => String::new(),
                false => format!(" groups={}", groups.join(",")),
            };
            format!("uid={} gid={}{groups}", named(user.uid), named(user.gid))
        }
        ["-u"] => user.uid.to_string(),
        ["-g"] => user.gid.to_string(),
        ["-un"] if user.uid == 0 => "root".to_owned(),
        ["-gn"] if user.gid == 0 => "root".to_owned(),
        _ => return Err(("id: the mock only has id, id -u, id -g".to_owned(), 1)),
    };
    Ok((text + "\n", 0))
}

fn printenv(words: &[&str], setting: &Setting) -> (String, u32) {
    if words.is_empty() {
        return (setting.env.iter().map(|line| format!("{line}\n")).collect(), 0);
    }
    let value = |name: &str| {
        let lines = setting.env.iter().rev();
        lines.filter_map(|line| line.split_once('=')).find(|(known, _)| *known == name)
    };
    let found: Vec<_> = words.iter().filter_map(|word| value(word)).collect();
    let text = found.iter().map(|(_, value)| format!("{value}\n")).collect();
    (text, u32::from(found.len() < words.len()))
}

/// Strings and numbers. There are no files to ask about.
fn test(words: &[&str]) -> Result<u32, (String, u32)> {
    let number =
        |word: &str| word.parse::<i64>().map_err(|_| (format!("sh: {word}: bad number"), 2));
    let holds = match words {
        [] => false,
        ["!", rest @ ..] => test(rest)? != 0,
        [word] => !word.is_empty(),
        ["-n", word] => !word.is_empty(),
        ["-z", word] => word.is_empty(),
        ["-e" | "-f" | "-d" | "-r" | "-w" | "-x" | "-s", _] => false,
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, "-eq", right] => number(left)? == number(right)?,
        [left, "-ne", right] => number(left)? != number(right)?,
        [left, "-lt", right] => number(left)? < number(right)?,
        [left, "-le", right] => number(left)? <= number(right)?,
        [left, "-gt", right] => number(left)? > number(right)?,
        [left, "-ge", right] => number(left)? >= number(right)?,
        _ => return Err(("sh: the mock's test does not have this".to_owned(), 2)),
    };
    Ok(u32::from(!holds))
}

/// `1.5`, `2m`; `Some(None)` is for ever.
pub(super) fn duration(word: &str) -> Option<Option<Duration>> {
    if matches!(word, "inf" | "infinity") {
        return Some(None);
    }
    let digits = word.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit = match &word[digits.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    let seconds: f64 = digits.parse().ok()?;
    Duration::try_from_secs_f64(seconds * unit).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(line: &str) -> Answer {
        let words: Vec<&str> = line.split(' ').collect();
        let env = vec!["A=1".to_owned(), "B=two".to_owned()];
        let setting = Setting { env, hostname: "box".to_owned(), ..Setting::default() };
        of(words[0], &words[1..], &setting)
    }

    #[test]
    fn what_they_print_is_what_busybox_prints() {
        for (line, text) in [
            ("echo a b", "a b\n"),
            ("echo -n a", "a"),
            ("echo -e a\\tb\\n", "a\tb\n\n"),
            ("echo -x a", "-x a\n"),
            ("printf %s=%d%%\\n a 1", "a=1%\n"),
            ("pwd", "/\n"),
            ("hostname", "box\n"),
            ("id", "uid=0(root) gid=0(root)\n"),
            ("id -u", "0\n"),
            ("printenv B", "two\n"),
        ] {
            assert_eq!(said(line), Ok((text.to_owned(), 0)), "{line}");
        }
    }

    #[test]
    fn a_test_holds_or_not() {
        let status =
            |line: &str| said(line).map_or_else(|(_, status)| status, |(_, status)| status);
        for (line, wanted) in [
            ("test a = a", 0),
            ("test a != a", 1),
            ("[ 2 -gt 1 ]", 0),
            ("[ ! x ]", 1),
            ("[ 2 -gt b ]", 2),
            ("[ a", 2),
            ("test -f /etc/passwd", 1),
        ] {
            assert_eq!(status(line), wanted, "{line}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("0.5"), Some(Some(Duration::from_millis(500))));
        assert_eq!(duration("2m"), Some(Some(Duration::from_secs(120))));
        assert_eq!(duration("inf"), Some(None));
        for none in ["", "x", "-1", "1y", "1e999"] {
            assert_eq!(duration(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(
            name in proptest::sample::select(vec!["echo", "printf", "id", "test", "[", "printenv"]),
            words in proptest::collection::vec("\\PC{0,6}", 0..5),
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let _ = of(name, &words, &Setting::default());
        }

        #[test]
        fn no_duration_makes_it_panic(word in "\\PC{0,12}") {
            let _ = duration(&word);
        }
    }
}
