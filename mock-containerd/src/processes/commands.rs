//! The commands that every mock knows, by name, and what each does.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::actor::Actor;
use super::answers;
use super::shell;

/// Also by a path such as `/bin/true`, and as `busybox true`.
const NAMES: [&str; 19] = [
    "[", "cat", "echo", "env", "false", "hostname", "id", "printenv", "printf", "pwd", "seq", "sh",
    "sleep", "stty", "tail", "test", "true", "whoami", "yes",
];
const FOLDERS: [&str; 6] =
    ["/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/local/sbin/"];
/// How much `seq` and `yes` write at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// Whether what is called by a bare name would be found on this PATH.
pub(crate) fn is_found(name: &str, path: &str) -> bool {
    name.contains('/')
        || path.split(':').any(|entry| {
            FOLDERS.iter().any(|folder| folder.trim_end_matches('/') == entry.trim_end_matches('/'))
        })
}

/// The same for who starts it from a running process: without any PATH the C library has its own.
pub(super) fn is_found_from(name: &str, env_path: Option<&str>) -> bool {
    env_path.is_none_or(|path| is_found(name, path))
}

/// The command with the bare name in front; `None`: there is no such binary.
pub(crate) fn known(argv: &[String]) -> Option<Vec<String>> {
    let (first, rest) = argv.split_first()?;
    let name = FOLDERS.iter().find_map(|folder| first.strip_prefix(folder)).unwrap_or(first);
    if name == "busybox" && !rest.is_empty() {
        let inner = &rest[0];
        return (NAMES.contains(&inner.as_str())).then(|| rest.to_vec());
    }
    let name = if matches!(name, "ash" | "bash" | "dash") { "sh" } else { name };
    NAMES.contains(&name).then(|| {
        let mut argv = argv.to_vec();
        argv[0] = name.to_owned();
        argv
    })
}

/// Plays a known command to its end and says its status.
pub(crate) fn run<'a>(
    actor: &'a Actor,
    argv: &'a [String],
) -> Pin<Box<dyn Future<Output = u32> + Send + 'a>> {
    Box::pin(async move {
        let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
        match argv.first().map_or("", String::as_str) {
            "true" => 0,
            "sleep" => sleep(actor, &words).await,
            "cat" => cat(actor, &words).await,
            "tail" => tail(actor, &words).await,
            "seq" => seq(actor, &words).await,
            "yes" => yes(actor, &words).await,
            "env" => Box::pin(env(actor, &words)).await,
            "sh" => Box::pin(shell::run(actor, &words)).await,
            "stty" => stty(actor, &words).await,
            name => match answers::of(name, &words, &actor.setting) {
                Ok((text, status)) => {
                    if !text.is_empty() {
                        actor.print(text).await;
                    }
                    let Some((complaint, status)) = answers::complaint(name, &words) else {
                        return status;
                    };
                    actor.complain(format!("{complaint}\n")).await;
                    status
                }
                Err((complaint, status)) => {
                    actor.complain(format!("{complaint}\n")).await;
                    status
                }
            },
        }
    })
}

async fn sleep(actor: &Actor, words: &[&str]) -> u32 {
    if words.is_empty() {
        actor.complain("sleep: missing operand\n").await;
        return 1;
    }
    let mut total = Duration::ZERO;
    for word in words {
        match answers::duration(word) {
            Some(Some(duration)) => total = total.saturating_add(duration),
            Some(None) => std::future::pending().await,
            None => {
                actor.complain(format!("sleep: invalid number '{word}'\n")).await;
                return 1;
            }
        }
    }
    actor.sleep(total).await;
    0
}

/// A mock has no files: only what comes in, or nothing.
async fn cat(actor: &Actor, words: &[&str]) -> u32 {
    let mut status = 0;
    if words.is_empty() {
        actor.copy().await;
    }
    for word in words {
        match *word {
            "-" | "/dev/stdin" => actor.copy().await,
            "/dev/null" => {}
            path => {
                let what = format!("cat: can't open '{path}': No such file or directory\n");
                actor.complain(what).await;
                status = 1;
            }
        }
    }
    status
}

/// Known for one thing: `tail -f /dev/null` keeps a container alive.
async fn tail(actor: &Actor, words: &[&str]) -> u32 {
    match words {
        ["-f" | "-F", "/dev/null"] => std::future::pending().await,
        _ => {
            actor.complain("tail: the mock only has tail -f /dev/null\n").await;
            1
        }
    }
}

async fn seq(actor: &Actor, words: &[&str]) -> u32 {
    let (mut words, mut separator, mut is_wide) = (words, "\n", false);
    loop {
        match words {
            ["-w", rest @ ..] => (words, is_wide) = (rest, true),
            ["-s", text, rest @ ..] => (words, separator) = (rest, text),
            _ => break,
        }
    }
    let numbers: Option<Vec<i64>> = words.iter().map(|word| word.parse().ok()).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) if *step != 0 => (*first, *step, *last),
        _ => {
            actor.complain("seq: the mock only has whole numbers, -w and -s\n").await;
            return 1;
        }
    };
    let width = if is_wide { first.to_string().len().max(last.to_string().len()) } else { 0 };
    let counts = |at: i64| if step > 0 { at <= last } else { at >= last };
    let (mut chunk, mut at) = (String::new(), first);
    while counts(at) {
        if at != first {
            chunk.push_str(separator);
        }
        chunk.push_str(&format!("{at:0width$}"));
        if chunk.len() >= CHUNK_BYTES {
            if !actor.print(&chunk).await {
                return 1;
            }
            chunk.clear();
            tokio::task::yield_now().await;
        }
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    if counts(first) {
        chunk.push('\n');
    }
    actor.print(&chunk).await;
    0
}

async fn yes(actor: &Actor, words: &[&str]) -> u32 {
    let line = if words.is_empty() { "y\n".to_owned() } else { format!("{}\n", words.join(" ")) };
    let chunk = line.repeat(CHUNK_BYTES.div_ceil(line.len()));
    loop {
        if !actor.print(&chunk).await {
            return 1;
        }
        // Into /dev/null it would take all there is of the processor.
        actor.sleep(Duration::from_millis(1)).await;
    }
}

/// Without a command it prints; with one, that is played in the changed environment.
async fn env(actor: &Actor, words: &[&str]) -> u32 {
    let (mut words, mut setting) = (words, (*actor.setting).clone());
    loop {
        match words {
            ["-i" | "-", rest @ ..] => {
                setting.env.clear();
                words = rest;
            }
            ["-u", name, rest @ ..] => {
                let is_other =
                    |line: &String| line.split_once('=').is_none_or(|(known, _)| known != *name);
                setting.env.retain(is_other);
                words = rest;
            }
            ["--", rest @ ..] => {
                words = rest;
                break;
            }
            [option, ..] if option.starts_with('-') => {
                actor.complain(format!("env: the mock's env does not have {option}\n")).await;
                return 1;
            }
            _ => break,
        }
    }
    let assigned = words.iter().take_while(|word| word.contains('=')).count();
    for assignment in &words[..assigned] {
        let name = assignment.split_once('=').map_or("", |(name, _)| name);
        setting.env.retain(|line| line.split_once('=').is_none_or(|(known, _)| known != name));
        setting.env.push((*assignment).to_owned());
    }
    let command: Vec<String> = words[assigned..].iter().map(|word| (*word).to_owned()).collect();
    if command.is_empty() {
        let text: String = setting.env.iter().map(|line| format!("{line}\n")).collect();
        actor.print(text).await;
        return 0;
    }
    let found = known(&command).filter(|_| is_found_from(&command[0], setting.path()));
    let Some(command) = found else {
        actor
            .complain(format!("env: can't execute '{}': No such file or directory\n", command[0]))
            .await;
        return 127;
    };
    let within = Actor { setting: setting.into(), ..actor.clone() };
    run(&within, &command).await
}

async fn stty(actor: &Actor, words: &[&str]) -> u32 {
    if !actor.setting.terminal {
        actor.complain("stty: standard input: Not a tty\n").await;
        return 1;
    }
    let size = actor.controls.borrow().size;
    match words {
        ["size"] => actor.print(format!("{} {}\n", size.rows, size.columns)).await,
        [] => actor.print("speed 38400 baud;\n").await,
        _ => {
            actor.complain("stty: the mock only has stty size\n").await;
            return 1;
        }
    };
    0
}
