//! Commands that only print: what, as a function of their words and their setting.

use std::time::Duration;

use super::condition;
use super::printf::{printf, unescaped};
use super::setting::Setting;

/// What goes to standard output, or to standard error, and the status.
pub(super) type Answer = Result<(Vec<u8>, u32), (String, u32)>;

fn text(text: impl Into<Vec<u8>>) -> Answer {
    Ok((text.into(), 0))
}

/// Commands that wait or read stand in `commands`.
pub(super) fn of(name: &str, words: &[&str], setting: &Setting) -> Answer {
    match name {
        "false" => Ok((Vec::new(), 1)),
        "echo" => text(echo(words)),
        "printf" => match words {
            [] => Err(("printf: usage: printf FORMAT [ARGUMENT...]".to_owned(), 2)),
            [format, words @ ..] => text(printf(format, words).0),
        },
        "pwd" => text(format!("{}\n", setting.folder())),
        "hostname" if words.is_empty() => text(format!("{}\n", setting.hostname)),
        "hostname" => Err((format!("hostname: the mock only has hostname: {}", words[0]), 1)),
        "id" => id(words, setting),
        "whoami" => match setting.user.uid {
            0 => text("root\n"),
            uid => Err((format!("whoami: unknown uid {uid}"), 1)),
        },
        "printenv" => Ok(printenv(words, setting)),
        "test" => test(words, setting),
        "[" => match words.split_last() {
            Some((&"]", words)) => test(words, setting),
            _ => Err(("[: missing ]".to_owned(), 2)),
        },
        other => Err((format!("{other}: not found"), 127)),
    }
}

/// What `printf` has to say beside what it prints.
pub(super) fn complaint(name: &str, words: &[&str]) -> Option<(String, u32)> {
    match words {
        [format, words @ ..] if name == "printf" => {
            let wrong = printf(format, words).1?;
            Some((format!("printf: {wrong}"), 1))
        }
        _ => None,
    }
}

fn echo(words: &[&str]) -> Vec<u8> {
    let is_option = |word: &&&str| {
        word.len() > 1 && word.starts_with('-') && word[1..].chars().all(|one| "neE".contains(one))
    };
    let options: Vec<&&str> = words.iter().take_while(is_option).collect();
    let has = |option| options.iter().any(|word| word.contains(option));
    let text = words[options.len()..].join(" ");
    let (mut text, goes_on) = match has('e') {
        true => unescaped(&text, true),
        false => (text.into_bytes(), true),
    };
    if !has('n') && goes_on {
        text.push(b'\n');
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
        ["-u" | "-ur" | "-ru"] => user.uid.to_string(),
        ["-g" | "-gr" | "-rg"] => user.gid.to_string(),
        ["-G"] => {
            let more = user.more_gids.iter().filter(|gid| **gid != user.gid);
            let all: Vec<String> =
                [&user.gid].into_iter().chain(more).map(u32::to_string).collect();
            all.join(" ")
        }
        ["-un" | "-nu"] if user.uid == 0 => "root".to_owned(),
        ["-gn" | "-ng"] if user.gid == 0 => "root".to_owned(),
        ["-un" | "-nu"] => return Err((format!("id: unknown ID {}", user.uid), 1)),
        ["-gn" | "-ng"] => return Err((format!("id: unknown ID {}", user.gid), 1)),
        [name] if !name.starts_with('-') => return Err((format!("id: unknown user {name}"), 1)),
        _ => return Err(("id: the mock only has -u, -g, -G, -un, -gn".to_owned(), 1)),
    };
    Ok(((text + "\n").into_bytes(), 0))
}

fn printenv(words: &[&str], setting: &Setting) -> (Vec<u8>, u32) {
    if words.is_empty() {
        let all: String = setting.env.iter().map(|line| format!("{line}\n")).collect();
        return (all.into_bytes(), 0);
    }
    let value = |name: &str| {
        let lines = setting.env.iter().rev();
        lines.filter_map(|line| line.split_once('=')).find(|(known, _)| *known == name)
    };
    let found: Vec<_> = words.iter().filter_map(|word| value(word)).collect();
    let text: String = found.iter().map(|(_, value)| format!("{value}\n")).collect();
    (text.into_bytes(), u32::from(found.len() < words.len()))
}

fn test(words: &[&str], setting: &Setting) -> Answer {
    match condition::holds(words, setting) {
        Ok(holds) => Ok((Vec::new(), u32::from(!holds))),
        Err(wrong) => Err((format!("sh: {wrong}"), 2)),
    }
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
            assert_eq!(said(line), Ok((text.as_bytes().to_vec(), 0)), "{line}");
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
