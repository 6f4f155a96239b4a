//! What fuzz targets reach inside, and what must hold there. Only in builds of cargo-fuzz.

use std::collections::{BTreeMap, BTreeSet};

use containerd_client::services::v1::WriteContentRequest;
use containerd_client::services::v1::version_client::VersionClient;
use tokio::io::AsyncWriteExt;
use tonic::transport::Endpoint;
use tower::Service;

use crate::clock::Clock;
use crate::state::{Digest, Failure, State, Writing, parse_all};
use crate::{MockContainerd, Profile};

/// The filter grammar takes any text.
pub fn filter(text: &str) {
    if let Ok(filters) = parse_all(&[text.to_owned()]) {
        let value = |path: &[&str]| Some(path.join("."));
        let _ = crate::state::any_passes(&filters, &value);
    }
}

/// The write machine under any messages: what it says of a blob is true of the bytes that were kept.
pub fn writes(bytes: &[u8]) {
    let mut desk = Desk {
        state: State::new(Profile::V2_1, crate::Cgroups::default(), Clock::Wall),
        open: BTreeMap::new(),
        files: BTreeMap::new(),
        bytes: BTreeMap::new(),
        blobs: BTreeSet::new(),
    };
    let mut rest = bytes.chunks_exact(5);
    for step in &mut rest {
        desk.step([step[0], step[1], step[2], step[3], step[4]]);
    }
}

const NAMESPACES: [&str; 2] = ["one", "two"];
const REFERENCES: [&str; 2] = ["a", "b"];

struct Desk {
    state: State,
    open: BTreeMap<(&'static str, &'static str), Writing>,
    files: BTreeMap<u64, Vec<u8>>,
    /// Of every blob that ever was.
    bytes: BTreeMap<String, Vec<u8>>,
    /// Namespace and digest.
    blobs: BTreeSet<(&'static str, String)>,
}

impl Desk {
    fn step(&mut self, [verb, place, action, offset, data]: [u8; 5]) {
        let namespace = NAMESPACES[usize::from(place & 1)];
        let reference = REFERENCES[usize::from(place >> 1 & 1)];
        let data = vec![data; usize::from(data % 5)];
        let known = [Digest::of(&[]), Digest::of(&data), Digest::of(&[7; 2])];
        match verb % 5 {
            0..=2 => {
                let request = WriteContentRequest {
                    action: i32::from(action % 4),
                    r#ref: reference.to_owned(),
                    total: i64::from(action >> 2 & 7),
                    expected: match action >> 5 {
                        wanted @ 1..=3 => known[usize::from(wanted - 1)].to_string(),
                        4 => "zz".to_owned(),
                        _ => String::new(),
                    },
                    offset: i64::from(offset) - 1,
                    data,
                    labels: Default::default(),
                };
                if self.message(namespace, reference, &request).is_err() {
                    self.close(namespace, reference);
                }
            }
            3 => self.close(namespace, reference),
            _ => {
                let digest = &known[usize::from(action % 3)];
                if action & 4 == 0 {
                    let _ = self.state.abort(namespace, reference);
                } else if self.state.delete_blob(namespace, digest).is_ok() {
                    assert!(self.blobs.remove(&(namespace, digest.to_string())));
                }
            }
        }
        self.state.collect_if_dirty();
        self.blobs.retain(|(space, digest)| {
            self.state.blob(space, &digest.parse().expect("it was one")).is_ok()
        });
        self.state.take_garbage();
        self.state.take_events();
    }

    fn message(
        &mut self,
        namespace: &'static str,
        reference: &'static str,
        request: &WriteContentRequest,
    ) -> Result<(), Failure> {
        let place = (namespace, reference);
        if !self.open.contains_key(&place) {
            let Ok(writing) = self.state.open_write(namespace, None, request) else {
                return Ok(());
            };
            self.open.insert(place, writing);
        } else if !request.expected.is_empty() {
            let writing = self.open.get_mut(&place).expect("it is open");
            writing.expect(&request.expected);
            self.state.check_expected(namespace, writing)?;
        }
        let writing = self.open.get_mut(&place).expect("it is open");
        if let Some(digest) = writing.added_to(request).cloned() {
            let bytes = self.bytes[digest.as_str()].clone();
            writing.wrote_out(&bytes);
            self.files.insert(writing.file, bytes);
        }
        let act = writing.accept(request)?;
        let file = self.files.entry(writing.file).or_default();
        if act.truncate {
            file.clear();
        }
        if act.append {
            file.extend(&request.data);
        }
        if !writing.is_shared() {
            assert_eq!(usize::try_from(writing.offset).unwrap(), file.len());
            assert_eq!(writing.digest(), Digest::of(file));
        }
        self.state.wrote(namespace, writing);
        if act.commit {
            let digest = self.state.check_commit(namespace, writing, &request.labels)?;
            let size = writing.offset;
            self.state.commit(namespace, None, writing, &digest, Default::default());
            assert_eq!(self.state.blob(namespace, &digest).unwrap().size, size);
            self.blobs.insert((namespace, digest.to_string()));
            if let Some(bytes) = self.files.get(&writing.file).filter(|_| !writing.is_shared()) {
                self.bytes.insert(digest.to_string(), bytes.clone());
            } else {
                self.bytes.entry(digest.to_string()).or_default();
            }
            self.open.remove(&place);
        }
        Ok(())
    }

    fn close(&mut self, namespace: &'static str, reference: &'static str) {
        if let Some(writing) = self.open.remove(&(namespace, reference)) {
            self.state.close_write(namespace, writing);
        }
    }
}

thread_local! {
    /// One for all inputs: starting one takes longer than most inputs do.
    static SERVED: (tokio::runtime::Runtime, crate::InMemory) = {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("no more than a loop");
        // Virtual: a wait that was begun takes no time to be given up.
        let mock = runtime.block_on(async {
            tokio::time::pause();
            MockContainerd::builder().in_memory()
        });
        (runtime, mock)
    };
}

/// Any bytes on a connection end that connection at the most: the mock answers the next one.
pub fn socket(bytes: &[u8]) {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    SERVED.with(|(runtime, mock)| {
        runtime.block_on(async {
            let mut mock = mock.clone();
            let (first, rest) = bytes.split_first().unwrap_or((&0, bytes));
            let raw = mock.call(http::Uri::from_static("http://mock")).await.expect("a pipe");
            let mut raw = raw.into_inner();
            if first & 1 == 0 {
                let _ = raw.write_all(PREFACE).await;
            }
            let _ = raw.write_all(rest).await;
            // What came is read and answered, or refused, before the end is seen.
            let _ = raw.shutdown().await;
            let mut answer = Vec::new();
            let reading = tokio::io::AsyncReadExt::read_to_end(&mut raw, &mut answer);
            // A wait that was begun goes on: nobody waits for it here.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), reading).await;
            drop(raw);
            let endpoint = Endpoint::from_static("http://mock");
            let channel = endpoint.connect_with_connector(mock).await.expect("a pipe");
            VersionClient::new(channel).version(()).await.expect("the mock lives on");
        });
    });
}
