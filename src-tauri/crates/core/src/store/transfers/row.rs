//! A transfer as a row of its table.

use rusqlite::{Connection, Row};

use crate::{
    clock::UnixMillis,
    code::Code,
    disk::Place,
    ids::{AccountId, BatchId, FolderId, PinId, TransferId},
    queue::Lane,
    store::{
        StoreError,
        codec::{cid_from, metadata_from, metadata_text, path_bytes, path_from, signed, unsigned},
    },
    transfer::{Failure, Transfer, TransferState, Work},
};

pub(super) const COLUMNS: &str = "id, account, work, source, folder, name, metadata, state, until, code, failure, details, bytes, \
                       attempts, unanswered_since, pin, cid, verified, created_at, updated_at, failures, \
                       root, lane, sent_in_vain, batch";

pub(super) type WorkColumns = (Option<Vec<u8>>, Option<String>, Option<String>);

pub(super) fn columns_of(work: &Work) -> WorkColumns {
    match work {
        Work::Upload { place, .. } => (Some(path_bytes(&place.path())), None, None),
        Work::Pin { cid } => (None, None, Some(cid.to_string())),
        Work::Unpin { pin } => (None, Some(pin.0.clone()), None),
    }
}

pub(super) fn insert(db: &Connection, transfer: &Transfer, batch: BatchId) -> Result<(), StoreError> {
    let (source, pin, cid) = columns_of(&transfer.work);
    let (root, folder) = match &transfer.work {
        Work::Upload { place, folder } => (Some(path_bytes(&place.root)), folder.as_ref().map(|folder| &folder.0)),
        _ => (None, None),
    };
    let sql =
        "INSERT INTO transfer (id, account, work, source, folder, name, metadata, state, bytes, attempts, pin, cid,
               created_at, updated_at, root, lane, until, batch)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?14, ?8, 0, ?9, ?10, ?11, ?11, ?12, ?13, ?15, ?16)";
    db.prepare_cached(sql)?.execute((
        &transfer.id.0,
        &transfer.account.0,
        transfer.work.as_str(),
        source,
        folder,
        &transfer.name,
        metadata_text(&transfer.metadata),
        size(transfer.bytes),
        pin.or_else(|| transfer.pin.as_ref().map(|pin| pin.0.clone())),
        cid,
        transfer.created_at.0,
        root,
        lane_number(transfer.lane),
        transfer.state.as_str(),
        transfer.state.until().map(|at| at.0),
        batch.0,
    ))?;
    Ok(())
}

pub(super) fn transfer(row: &Row<'_>) -> Result<Transfer, StoreError> {
    let pin = row.get::<_, Option<String>>(15)?.map(PinId);
    let cid = row.get::<_, Option<String>>(16)?.map(|text| cid_from(&text)).transpose()?;
    let work = match (row.get::<_, String>(2)?.as_str(), row.get::<_, Option<Vec<u8>>>(3)?, &pin, &cid) {
        ("upload", Some(source), _, _) => {
            let path = path_from(source);
            let root = row.get::<_, Option<Vec<u8>>>(21)?.map(path_from);
            let place = root.and_then(|root| Place::below(&root, &path)).unwrap_or_else(|| Place::of(&path));
            Work::Upload { place, folder: row.get::<_, Option<String>>(4)?.map(FolderId) }
        }
        ("pin", _, _, Some(cid)) => Work::Pin { cid: *cid },
        ("unpin", _, Some(pin), _) => Work::Unpin { pin: pin.clone() },
        _ => return Err(StoreError::Row("a transfer's work")),
    };
    Ok(Transfer {
        id: TransferId(row.get(0)?),
        account: AccountId(row.get(1)?),
        work,
        name: row.get(5)?,
        metadata: metadata_from(&row.get::<_, String>(6)?)?,
        state: state(row)?,
        bytes: unsigned(row.get(12)?),
        attempts: row.get(13)?,
        failures: row.get(20)?,
        lane: lane_of(row.get(22)?),
        batch: row.get::<_, Option<i64>>(24)?.map(BatchId),
        sent_in_vain: unsigned(row.get(23)?),
        unanswered_since: row.get::<_, Option<i64>>(14)?.map(UnixMillis),
        pin,
        cid,
        verified: row.get(17)?,
        created_at: UnixMillis(row.get(18)?),
        updated_at: UnixMillis(row.get(19)?),
    })
}

/// How much there is to send, as it is written: sums of these are kept, and must stay numbers.
pub(super) fn size(bytes: u64) -> i64 {
    signed(bytes.min(1 << 50))
}

/// The number of a lane: those of the smaller one go first.
pub(super) const fn lane_number(lane: Lane) -> i64 {
    match lane {
        Lane::Click => 0,
        Lane::Bulk => 1,
    }
}

const fn lane_of(number: i64) -> Lane {
    if number == 0 { Lane::Click } else { Lane::Bulk }
}

fn state(row: &Row<'_>) -> Result<TransferState, StoreError> {
    let failure = || -> Result<Failure, StoreError> {
        let code = row.get::<_, Option<String>>(9)?.and_then(|name| Code::named(&name));
        Ok(Failure {
            code: code.unwrap_or(Code::Internal),
            message: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
            details: row.get(11)?,
        })
    };
    Ok(match row.get::<_, String>(7)?.as_str() {
        "queued" => TransferState::Queued,
        "running" => TransferState::Running,
        "waiting" => match (row.get::<_, Option<i64>>(8)?.map(UnixMillis), row.get::<_, Option<String>>(9)?) {
            (Some(until), None) => TransferState::Undoable { until },
            (until, _) => TransferState::Waiting { until, failure: failure()? },
        },
        "paused" => TransferState::Paused,
        "asked" => TransferState::Asked,
        "failed" => TransferState::Failed(failure()?),
        "done" => TransferState::Done,
        "cancelled" => TransferState::Cancelled,
        _ => return Err(StoreError::Row("a transfer's state")),
    })
}
