//! Measures pages of a list of a million pins.

use anyhow::Result;
use holdfast_tests::service_bench::list;

#[tokio::main]
async fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    list::run(dir.path(), &mut std::io::stdout()).await
}
