//! What crosses between Rust and the web view: data shapes, error, and the list of commands.
//!
//! Shapes only. They become domain types before anything is decided, and no secret has a shape that leaves Rust.

pub(crate) mod account;
pub(crate) mod batch;
#[cfg(test)]
mod bindings;
pub(crate) mod card;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod folder;
pub(crate) mod held;
pub(crate) mod limits;
pub(crate) mod pin;
pub(crate) mod pin_key;
pub(crate) mod proof;
pub(crate) mod registry;
pub(crate) mod selection;
pub(crate) mod settings;
pub(crate) mod shown;
pub(crate) mod transfer;
pub(crate) mod trouble;
pub(crate) mod unpin;

pub(crate) use account::{
    Account, AccountDraft, AccountRemoval, AddAccountRequest, EditAccountRequest, FoundService,
    ImportKuboServicesRequest, SetFetchSourcesRequest,
};
pub(crate) use batch::{Queue, QueueRequest, SendFailedRequest, SteerRequest};
pub(crate) use error::IpcError;
pub(crate) use folder::{AddFolderRequest, Folder, FolderEntry};
pub(crate) use held::HeldUp;
pub(crate) use limits::Limits;
pub(crate) use pin::{
    CopyPinsRequest, EditPinRequest, LookUpRequest, PastedCid, Pin, PinCidRequest, PinDetails, PinPage, PinQuery,
    PlacesRequest, UnpinImpact,
};
pub(crate) use pin_key::PinKey;
pub(crate) use proof::{
    CheckCopiesRequest, CheckProgress, ComparePinRequest, Comparison, ComparisonProgress, CopiesChecked,
};
pub(crate) use selection::{Selection, StartUploadRequest};
pub(crate) use settings::{Bootstrap, Settings};
pub(crate) use shown::Shown;
pub(crate) use transfer::{Accepted, Transfer};
pub(crate) use trouble::HomeTrouble;
pub(crate) use unpin::{PinSet, Undone, UnpinRequest, Unpinning};
