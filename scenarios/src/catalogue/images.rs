//! From an archive to nothing left.

use driver_protocol::ErrorKind::NotFound;
use driver_protocol::Lifecycle::Running;
use driver_protocol::{ContainerId, CreateFromImage, ImageTarget, Import, Operation, RemoveImage};

use super::KILL;
use crate::scenario::words::*;
use crate::{Expect, Scenario};

/// Names of the images in the archive that targets have, both of the same image.
pub const IMAGES: [&str; 2] = ["laconic.test/other:1", "laconic.test/tiny:1"];

/// Stands in a scenario for the path of that archive.
pub const ARCHIVE: &str = "{archive}";

const OTHER: &str = IMAGES[0];
const TINY: &str = IMAGES[1];

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        imported("an-archive-is-imported-and-its-images-are-removed")
            .then(Operation::Images {})
            .expect(Expect::Finds(2))
            .then(Operation::Image(of(TINY)))
            .then(Operation::Image(of("laconic.test/nobody:1")))
            .refused(&[NotFound])
            .removed(),
        unpacked("an-image-is-run-to-nothing-left")
            .then(create_from("c0", &[]))
            .leaves_no_task("c0")
            .then(start("c0"))
            .then(wait("c0"))
            .exits(7)
            .then(delete_task("c0"))
            .exits(7)
            .leaves_no_task("c0")
            .then(Operation::DeleteWithSnapshot(on("c0")))
            .removed(),
        unpacked("a-container-outlives-its-image")
            .then(create_from("c0", &["sleep", "600"]))
            .then(start("c0"))
            .then(remove(TINY))
            .then(remove(OTHER))
            .leaves("c0", Running)
            .then(exec("c0", "e0", &["sh", "-c", "exit 7"]))
            .then(exec_wait("c0", "e0"))
            .exits(7)
            .then(delete_exec("c0", "e0"))
            .then(force_delete("c0"))
            .exits(128 + KILL)
            .then(Operation::DeleteWithSnapshot(on("c0"))),
        imported("a-container-from-an-image-that-is-not-unpacked-is-refused-and-leaves-nothing")
            .then(create_from("c0", &[]))
            .refused(&[NotFound])
            .then(load("c0"))
            .refused(&[NotFound])
            .removed(),
    ]
}

fn of(image: &str) -> ImageTarget {
    ImageTarget { image: image.to_owned() }
}

fn remove(image: &str) -> Operation {
    Operation::RemoveImage(RemoveImage { image: image.to_owned(), sync: true })
}

fn create_from(container: &str, args: &[&str]) -> Operation {
    Operation::CreateFromImage(CreateFromImage {
        container: ContainerId::new(container),
        image: TINY.to_owned(),
        args: args.iter().map(|word| (*word).to_owned()).collect(),
    })
}

fn imported(name: &'static str) -> Scenario {
    let archive = ARCHIVE.into();
    Scenario::new(name).then(Operation::Import(Import { archive })).expect(Expect::Finds(2))
}

fn unpacked(name: &'static str) -> Scenario {
    imported(name).then(Operation::Unpack(of(TINY)))
}

impl Scenario {
    /// Both images go, and with the second all that they have held.
    fn removed(self) -> Self {
        self.then(remove(OTHER)).then(remove(TINY))
    }
}
