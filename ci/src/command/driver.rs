//! `laconic driver`.

use driver_protocol::Connect;
use laconic_drivers::serve;
use tokio::io::BufReader;

use crate::arguments::DriverOptions;
use crate::exit::Exit;
use crate::registry;

pub(crate) async fn driver(options: DriverOptions) -> anyhow::Result<Exit> {
    let factory = registry::driver(&options.name)?;
    let connect = Connect {
        socket: super::plan::socket_path(&options.address).into(),
        namespace: options.namespace,
        rootfs: options.rootfs,
    };
    let input = BufReader::new(tokio::io::stdin());
    serve(&*factory, connect, input, tokio::io::stdout()).await?;
    Ok(Exit::Good)
}
