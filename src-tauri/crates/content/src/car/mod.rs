//! CAR v1 archives (<https://ipld.io/specs/transport/car/carv1/>): a header with the roots, then blocks, each with its CID.

mod header;
mod index;
mod reader;
mod stream;
mod writer;

pub use index::CarIndex;
pub use reader::{CarError, CarReader};
pub use stream::{car_header, push_car_block};
pub use writer::CarWriter;
