//! What a process has used, as the kernel counts it by thread.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// So much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Its threads ran for so long.
    pub cpu_ns: u64,
    /// It waited for something so often.
    pub voluntary: u64,
    /// Somebody else was given the processor so often.
    pub involuntary: u64,
}

impl Used {
    fn add(&mut self, other: Self) {
        self.cpu_ns += other.cpu_ns;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
    }

    /// What was used since.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            voluntary: self.voluntary.saturating_sub(earlier.voluntary),
            involuntary: self.involuntary.saturating_sub(earlier.involuntary),
        }
    }
}

/// Reads one process again and again. A thread that has ended counts with what was last seen of it:
/// what it used after that is lost.
#[derive(Debug)]
pub struct Account {
    pid: u32,
    threads: BTreeMap<String, Used>,
    ended: Used,
}

impl Account {
    /// Of the process with this pid.
    pub fn of(pid: u32) -> Self {
        Self { pid, threads: BTreeMap::new(), ended: Used::default() }
    }

    /// What it has used so far.
    pub fn read(&mut self) -> io::Result<Used> {
        let mut now = BTreeMap::new();
        for entry in std::fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let entry = entry?;
            // One that ends in this moment is found to have ended.
            if let Some(used) = thread(&entry.path()) {
                now.insert(entry.file_name().to_string_lossy().into_owned(), used);
            }
        }
        let before = std::mem::replace(&mut self.threads, now);
        for (thread, last) in before {
            if !self.threads.contains_key(&thread) {
                self.ended.add(last);
            }
        }
        let mut sum = self.ended;
        self.threads.values().for_each(|used| sum.add(*used));
        Ok(sum)
    }
}

fn thread(folder: &Path) -> Option<Used> {
    let times = std::fs::read_to_string(folder.join("schedstat")).ok()?;
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    used(&times, &status)
}

fn used(times: &str, status: &str) -> Option<Used> {
    let cpu_ns = times.split_whitespace().next()?.parse().ok()?;
    let number = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().parse().ok()
    };
    Some(Used {
        cpu_ns,
        voluntary: number("voluntary_ctxt_switches")?,
        involuntary: number("nonvoluntary_ctxt_switches")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_of_a_thread_is_read() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t545\n";
        let expected = Used { cpu_ns: 173, voluntary: 150, involuntary: 545 };
        assert_eq!(used("173 256 93\n", status), Some(expected));
        assert_eq!(used("", status), None);
        assert_eq!(used("173 256 93\n", "Name:\tx\n"), None);
    }

    #[test]
    fn a_thread_that_works_and_ends_stays_counted() {
        let mut account = Account::of(std::process::id());
        let before = account.read().unwrap();
        let (ask, asked) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let working = std::thread::spawn(move || {
            let begun = std::time::Instant::now();
            while begun.elapsed().as_millis() < 20 {}
            tell.send(()).unwrap();
            asked.recv().unwrap_err();
        });
        told.recv().unwrap();
        let while_it_lives = account.read().unwrap();
        drop(ask);
        working.join().unwrap();
        let after = account.read().unwrap();
        assert!(while_it_lives.since(before).cpu_ns > 0);
        assert!(after.cpu_ns >= while_it_lives.cpu_ns, "{after:?} {while_it_lives:?}");
        assert!(after.voluntary >= while_it_lives.voluntary);
    }
}
