//! Scripts, and what dash 0.5.12 and busybox 1.35 made of them: what they print, and their status.
//! Where there is a `sh` or a busybox, the same is asked of it.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::watch;

use super::super::controls::Controls;
use super::super::output::Output;
use super::super::{Setting, Signals};
use super::*;

/// Played with the words `a` and `b c`.
const ALIKE: &[(&str, &str, u32)] = &[
    // Words and variables.
    ("echo a 'b  c' \"d\\\"e\" f\\ g # h", "a b  c d\"e f g\n", 0),
    ("A='x  y'; echo $A \"$A\" ${A}z", "x y x  y x yz\n", 0),
    (
        "echo $# \"$@\" $*; for i in \"$@\"; do echo \"<$i>\"; done",
        "2 a b c a b c\n<a>\n<b c>\n",
        0,
    ),
    ("for i; do echo \"<$i>\"; done; for i in $*; do echo $i; done", "<a>\n<b c>\na\nb\nc\n", 0),
    (
        "IFS=,; echo \"$*\"; x=1,2,,3; for i in $x; do echo \"<$i>\"; done",
        "a,b c\n<1>\n<2>\n<>\n<3>\n",
        0,
    ),
    ("set -- \"\" x; echo $#; set --; echo $# \"$@\"; shift 0; echo $?", "2\n0\n0\n", 0),
    ("set -- 1 2 3; shift; echo $1 $#; shift 2; echo $#", "2 2\n0\n", 0),
    ("echo ${0} ${00} ${01} ${2} ${3}.", "sh sh a b c .\n", 0),
    ("echo ${X:-x y} \"${X-z}\" ${X:=w} $X ${X:+set} ${Y+set}.", "x y z w w set .\n", 0),
    ("E=; echo \"${E:-empty}\" \"${E-kept}\" ${#E} ${#1} ${#}", "empty  0 1 2\n", 0),
    ("for i in ${X:-p q \"r s\"}; do echo $i; done", "p\nq\nr s\n", 0),
    (
        "P=/usr/lib/a.tar.gz; echo ${P##*/} ${P%/*} ${P%%.*} ${P#/*/} ${P%.nosuch}",
        "a.tar.gz /usr/lib /usr/lib/a lib/a.tar.gz /usr/lib/a.tar.gz\n",
        0,
    ),
    ("S='*x'; echo \"${S#\"*\"}\" '*' \"*\"", "x * *\n", 0),
    ("HOME=/h; echo ~ ~/x a~ \"~\"", "/h /h/x a~ ~\n", 0),
    ("echo ${X?}; echo never", "", 2),
    ("echo ${X:?must be}; echo never", "", 2),
    ("set -u; echo $X; echo never", "", 2),
    ("A=1 B=$A; echo $B; A=2 true; echo $A", "1\n1\n", 0),
    ("unset A; A=1; unset A; echo \"${A-gone}\" $0", "gone sh\n", 0),
    // What commands print.
    ("echo $(echo a; echo b) \"$(echo c; echo d)\" `echo e`", "a b c\nd e\n", 0),
    ("echo `echo \\`echo in\\`` $(echo $(echo \")\"))", "in )\n", 0),
    ("x=$(exit 4); echo $?; echo $(exit 3)$?; x=$(echo a)$(false); echo $? $x", "4\n0\n1 a\n", 0),
    ("echo $(case a in a) echo one;; (b) echo two;; esac)", "one\n", 0),
    ("x=$(printf 'a\\n\\n\\n'); echo \"<$x>\"", "<a>\n", 0),
    // Sums.
    ("a=5; echo $((a+=2)) $a $((a==7&&1)) $((010)) $((0x1f))", "7 7 1 8 31\n", 0),
    (
        "echo $((-7/2)) $((-7%3)) $((1<<3|1)) $((!0)) $((0?3:4)) $(( (1 + 2) * 3 ))",
        "-3 -1 9 1 4 9\n",
        0,
    ),
    ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i $(($i*2)) $((none))", "3 6 0\n", 0),
    (
        "echo $((0&&1)) $((9223372036854775807+1)) $((~5)) $((5^3)) $((7>6))",
        "0 -9223372036854775808 -6 6 1\n",
        0,
    ),
    ("echo $((1/0)); echo never", "", 2),
    ("echo $((1+)); echo never", "", 2),
    // Choices and loops.
    ("case abc in x) echo 1;; a*|z) echo 2;; *) echo 3;; esac", "2\n", 0),
    (
        "case x in [!a-c]) echo n;; esac; case '*' in \\*) echo s;; esac; case a in b) ;; esac; echo $?",
        "n\ns\n0\n",
        0,
    ),
    (
        "p='a*'; case abc in $p) echo pattern;; esac; case abc in \"$p\") echo text;; *) echo none;; esac",
        "pattern\nnone\n",
        0,
    ),
    ("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n", 0),
    ("if false; then echo a; fi; echo $?; while false; do :; done; echo $?", "0\n0\n", 0),
    (
        "for i in 1 2 3; do for j in 1 2; do [ $j = 2 ] && continue 2; [ $i = 3 ] && break 2; echo $i$j; done; done",
        "11\n21\n",
        0,
    ),
    ("until true; do echo never; done; break; echo $?", "0\n", 0),
    ("while :; do while break; do :; done; echo out; break; done", "out\n", 0),
    ("for i in; do echo never; done; echo $?", "0\n", 0),
    ("! false && echo a; ! true || echo b; ! exit 3; echo never", "a\nb\n", 3),
    ("true && false || echo c; false || false; echo $?", "c\n1\n", 0),
    // Functions.
    ("f() { echo $# $1; return 3; }; f x y; echo $? $1", "2 x\n3 a\n", 0),
    ("f() { local v=in; v=$v$1; echo $v; }; v=out; f 1; echo $v", "in1\nout\n", 0),
    ("f() { [ $1 -le 0 ] && return; echo $1; f $(($1-1)); }; f 3", "3\n2\n1\n", 0),
    (
        "f() ( exit 7 ); f; echo $?; f() { :; }; f; echo $?; unset -f f; f 2>/dev/null; echo $?",
        "7\n0\n127\n",
        0,
    ),
    ("f() { echo \"$x\"; }; x=1; x=2 f", "2\n", 0),
    ("f() { exit 5; }; f; echo never", "", 5),
    ("echo() { command echo mine \"$@\"; }; echo a", "mine a\n", 0),
    ("return 5; echo never", "", 5),
    // Streams.
    (
        "cat <<E\n$1 $(echo x) `echo y` \\$z \"q\" $((1+1))\nE\necho after",
        "a x y $z \"q\" 2\nafter\n",
        0,
    ),
    ("cat <<'E'; cat <<-F | cat\n$1\nE\n\t\ttabs\n\tF\necho after", "$1\ntabs\nafter\n", 0),
    ("while read x; do echo \"<$x>\"; done <<E\n a \nb\\\nc\nE", "<a>\n<bc>\n", 0),
    (
        "echo err >&2; echo both 2>/dev/null; { echo of; echo it >&2; } 2>&1 >/dev/null",
        "both\nit\n",
        0,
    ),
    ("exec 2>&1; echo err >&2; exec >/dev/null; echo never", "err\n", 0),
    ("seq 3 | while read x; do echo $((x*2)); done | cat", "2\n4\n6\n", 0),
    ("false | true; echo $?; true | false; echo $?; exit 3 | exit 4", "0\n1\n", 4),
    ("yes | { read x; echo $x; }", "y\n", 0),
    (
        "echo a b c | { read x y; echo \"$y\"; }; printf 'a\\\\b' | { read x; echo $? $x; }",
        "b c\n1 ab\n",
        0,
    ),
    ("echo ' a:b c ' | { IFS=: read x y; echo \"<$x><$y>\"; }", "< a><b c >\n", 0),
    ("printf ' x\\\\y \\n' | { IFS= read -r l; echo \"<$l>\"; }", "< x\\y >\n", 0),
    // Jobs, signals and ends.
    ("sleep 0.1 & sleep 0.2 & wait; echo $?", "0\n", 0),
    ("(exit 3) & wait $!; echo $?; (exit 4) & wait; echo $?; wait 999; echo $?", "3\n0\n127\n", 0),
    ("sleep 9 & kill $!; wait $! 2>/dev/null; echo $?", "143\n", 0),
    ("sleep 0.3 & a=$!; sleep 9 & kill -9 $!; wait $a; echo $?", "0\n", 0),
    ("kill -0 $$ && echo here; kill -0 99999999 2>/dev/null || echo gone", "here\ngone\n", 0),
    (
        "(trap 'echo caught; exit 6' TERM; sleep 0.4) & sleep 0.2; kill $!; wait $!; echo $?",
        "caught\n6\n",
        0,
    ),
    ("trap 'echo bye $?' EXIT; trap 'echo usr' USR1; kill -USR1 $$; (exit 3)", "usr\nbye 3\n", 3),
    (
        "trap 'echo a b' TERM; trap '' INT; trap 'exit 3' EXIT; trap",
        "trap -- 'exit 3' EXIT\ntrap -- '' INT\ntrap -- 'echo a b' TERM\n",
        3,
    ),
    ("trap 'echo no' TERM; trap - TERM; trap; trap 'exit 4' 0; true", "", 4),
    ("trap '' TERM; kill $$; echo lives; exec echo last; echo never", "lives\nlast\n", 0),
    (
        "(sleep 0.2; kill -USR1 $$; sleep 0.3) & trap 'echo usr' USR1; wait; echo $?; wait; echo $?",
        "usr\n138\n0\n",
        0,
    ),
    (
        "set -e; false || true; if false; then :; fi; ! true; f() { false; echo never; }; f; echo never",
        "",
        1,
    ),
    ("set -e; x=$(false); echo never", "", 1),
    (
        "set -e; (exit 2) || echo $?; set +e; false; echo on; set -e; (exit 9); echo never",
        "2\non\n",
        9,
    ),
    ("exit 300", "", 44),
    ("exit abc; echo never", "", 2),
    ("eval 'x=1; echo $x'; eval; echo $?; eval 'exit 7'", "1\n0\n", 7),
    (
        "A=1; (A=2; cd /tmp; exit 3); echo $A $? $PWD; cd /; cd tmp/../usr/.; pwd; cd - ",
        "1 3 /\n/usr\n/\n",
        0,
    ),
    (
        "sh -c 'echo $0 $1' n x; sh -ec 'false; echo never'; echo $?; echo 'echo in' | sh",
        "n x\n1\nin\n",
        0,
    ),
    ("sh -c 'echo $#' n; sh /nosuch 2>/dev/null; echo $?; . /nosuch; echo never", "0\n2\n", 2),
    (
        "nosuch 2>/dev/null; echo $?; command -v nosuch; echo $?; : ignored; echo $?",
        "127\n127\n0\n",
        0,
    ),
    ("echo a\nfi\necho never", "a\n", 2),
    ("echo a; if", "", 2),
    ("echo never; echo 'x", "", 2),
    // Commands.
    ("[ a = a ] && [ ! a = b ] && [ -z '' ] && [ -n x ] && [ x ] && ! [ ] && echo yes", "yes\n", 0),
    (
        "[ a = b -o c = c ]; echo $?; test \\( a = a \\) -a ! b = c; echo $?; [ a = ] 2>/dev/null; echo $?",
        "0\n0\n2\n",
        0,
    ),
    (
        "[ 1 -eq x ] 2>/dev/null; echo $?; [ a 2>/dev/null; echo $?; [ -z ]; echo $?; [ -t 0 ]; echo $?",
        "2\n2\n0\n1\n",
        0,
    ),
    (
        "[ -d / ]; echo $?; [ -c /dev/null ]; echo $?; [ -f /nosuch ]; echo $?; [ -s /dev/null ]; echo $?",
        "0\n0\n1\n1\n",
        0,
    ),
    (
        "printf '%5d|%-5s|%05d|%x|%c|%b|%%|%s\\n' 3 ab 7 255 xyz 'a\\tb'",
        "    3|ab   |00007|ff|x|a\tb|%|\n",
        0,
    ),
    (
        "printf '%s-%s\\n' a b c; printf '\\101\\n'; printf '%.2s|%3s\\n' abc é; printf x",
        "a-b\nc-\nA\nab| é\nx",
        0,
    ),
    (
        "printf '%d\\n' x 2>/dev/null; printf '%d %i %u %o %X\\n' -3 0x10 7 8 255; printf 2>/dev/null; echo $?",
        "0\n-3 16 7 10 FF\n2\n",
        0,
    ),
    (
        "printf '%d %d\\n' -9223372036854775808 9223372036854775807; printf '%d\\n' -010 +5",
        "-9223372036854775808 9223372036854775807\n-8\n5\n",
        0,
    ),
    (
        "printf '%d\\n' --9223372036854775808 2>/dev/null; printf '%d\\n' -+1 2>/dev/null",
        "0\n0\n",
        1,
    ),
    ("seq 2; seq 2 4; seq 1 2 5; seq 3 -1 1; seq 3 1", "1\n2\n2\n3\n4\n1\n3\n5\n3\n2\n1\n", 0),
    ("seq -s , 3; seq -w 8 10", "1,2,3\n08\n09\n10\n", 0),
    ("sleep 0 && sleep 0.01s && sleep 0 0.01; echo $?; sleep x 2>/dev/null; echo $?", "0\n1\n", 0),
    ("echo -n a; echo; echo; echo a -n", "a\n\na -n\n", 0),
    ("cat /nosuch 2>/dev/null; echo $?; echo in | cat - /dev/null", "1\nin\n", 0),
    (
        "env -i A=1 B=2 env; A=x env -u A sh -c 'echo ${A-unset}'; env nosuch 2>/dev/null; echo $?",
        "A=1\nB=2\nunset\n127\n",
        0,
    ),
    ("export A=1; B=2; sh -c 'echo $A $B'; C=3 sh -c 'echo $C'; echo $C.", "1\n3\n.\n", 0),
    ("true x; false x; echo $?; cd /; pwd", "1\n/\n", 0),
];

/// Of which dash thinks otherwise.
const BUSYBOX: &[(&str, &str, u32)] = &[
    ("echo -e 'a\\tb\\0101\\x41'; echo 'a\\tb'; echo -ne 'x\\cy'", "a\tbAA\na\\tb\nx", 0),
    ("set -o pipefail; false | true; echo $?", "1\n", 0),
    ("shift 5; echo $?", "1\n", 0),
    ("printf 'a b\\n' | { read; echo \"$REPLY\"; }", "a b\n", 0),
];

/// Played in virtual time.
fn played(script: &str) -> (String, u32) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let (_held, controls) = watch::channel(Controls::default());
    runtime.block_on(async {
        let (writer, mut reader) = tokio::io::duplex(1024 * 1024);
        let actor = Actor {
            stdin: Default::default(),
            stdout: Output::of(writer),
            stderr: Default::default(),
            controls,
            signals: Signals::default(),
            setting: Setting::default().into(),
            depth: 0,
            processes: super::super::actor::processes(),
        };
        let words = ["-c", script, "sh", "a", "b c"];
        let minute = Duration::from_secs(60);
        let status = tokio::time::timeout(minute, run(&actor, &words)).await;
        drop(actor);
        let mut text = String::new();
        reader.read_to_string(&mut text).await.unwrap();
        (text, status.unwrap_or_else(|_| panic!("it goes on: {script}")))
    })
}

/// `None`: there is no such shell here.
fn asked(shell: &[&str], script: &str) -> Option<(String, u32)> {
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", script, "sh", "a", "b c"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let status = u32::try_from(output.status.code()?).ok()?;
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), status))
}

fn differences(
    table: &[(&str, &str, u32)],
    play: impl Fn(&str) -> Option<(String, u32)>,
) -> String {
    let mut text = String::new();
    for (script, out, status) in table {
        let wanted = ((*out).to_owned(), *status);
        match play(script) {
            Some(played) if played != wanted => {
                text.push_str(&format!("{script:?}\n  {wanted:?}\n  {played:?}\n"));
            }
            _ => {}
        }
    }
    text
}

#[test]
fn scripts_do_in_the_mock_what_they_were_seen_to_do_in_real_shells() {
    assert_eq!(differences(ALIKE, |script| Some(played(script))), "");
    assert_eq!(differences(BUSYBOX, |script| Some(played(script))), "");
}

#[test]
fn real_shells_still_do_so_where_there_are_some() {
    let is_there = |shell: &[&str]| asked(shell, "").is_some();
    if is_there(&["dash"]) {
        assert_eq!(differences(ALIKE, |script| asked(&["dash"], script)), "");
    } else {
        eprintln!("there is no dash here");
    }
    if is_there(&["busybox", "sh"]) {
        assert_eq!(differences(ALIKE, |script| asked(&["busybox", "sh"], script)), "");
        assert_eq!(differences(BUSYBOX, |script| asked(&["busybox", "sh"], script)), "");
    } else {
        eprintln!("there is no busybox here");
    }
}
