//! Runs an image out of an archive, to nothing left.
//!
//! ```sh
//! ci/tiny-image tiny /tmp/tiny.tar
//! cargo run -p laconic-client --example run_image -- \
//!     /run/containerd/containerd.sock /tmp/tiny.tar sh -c 'exit 7'
//! ```

use laconic_client::{Archive, Client, Collect, Io, NewContainer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(socket), Some(archive)) = (words.next(), words.next()) else {
        return Err("run_image SOCKET ARCHIVE [COMMAND…]".into());
    };
    let args: Vec<String> = words.collect();

    let client = Client::builder("laconic-example").connect(socket).await?;
    let images = client.import(Archive::at(archive)).await?;
    let image = images.first().ok_or("there is no image in it")?;
    image.unpack("overlayfs").await?;
    eprintln!("{}: {:?} on {:?}", image.name(), image.config().args(&args), image.chain_id());

    // From here on seven calls, the rest is known or comes by event.
    let new = NewContainer::from_image("run-image", image).args(args);
    let container = client.create(new).await?; // Containers/Create, Snapshots/Prepare
    let task = container.start(Io::Null).await?; // Tasks/Create, Tasks/Start
    let exit = task.wait().await?;
    eprintln!("it ended with {:?}", exit.status);
    task.delete().await?; // Tasks/Delete
    container.delete().await?; // Containers/Delete, Snapshots/Remove

    image.remove(Collect::Now).await?;
    Ok(())
}
