/** The made-up table: what matches a question, and one pin in detail. */

import type * as Ipc from "../bindings/ipc.ts";
import { HOSTED, THIS_COMPUTER } from "./mock-accounts.ts";

export function matchingRows(rows: Ipc.Pin[], query: Ipc.PinQuery): Ipc.Pin[] {
  const search = query.search.toLowerCase();
  const direction = query.descending ? -1 : 1;
  const value = (pin: Ipc.Pin) => pin[query.sort] ?? 0;
  return rows
    .filter(
      (pin) =>
        (query.account === null || pin.account === query.account) &&
        (query.status === null || pin.status === query.status) &&
        (search === "" || pin.name.toLowerCase().includes(search) || pin.cid.includes(search)),
    )
    .sort((a, b) => direction * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
}

export function detailsOf(pin: Ipc.Pin, now: number): Ipc.PinDetails {
  return {
    pin,
    raw_status: pin.status === "pinned" ? "PINNED" : pin.status.toUpperCase(),
    message: pin.status === "failed" ? "no provider answered for this CID within 1h0m0s" : null,
    exact_name: pin.name,
    exact_metadata: { project: "harbour survey", year: "2026" },
    metadata: [],
    cid_v0: null,
    cid_v1: pin.cid,
    cid_base36: "k2jmtxrurb3cvy7pnsuh8x0c2ylb1b3o3e6hsp7uzjblk3mlrblpw8x2",
    multihash: "1220c3c4733ec8affd06cf9e9ff50ffc6bcd2ec85a6170004bb709669c31de94391a",
    gateway_link: `https://gateway.example/ipfs/${pin.cid}`,
    ipfs_link: `ipfs://${pin.cid}`,
    content: contentOf(pin),
    others:
      pin.account === HOSTED
        ? [
            {
              ...{ account: THIS_COMPUTER, id: "other", status: "pinned", proof: "verified" },
              same_login: "no",
            },
          ]
        : [],
    checks: [],
    receipts: [...(pin.status === "failed" ? [] : [receiptOf(pin, now)])],
  };
}

function contentOf({ proof }: Ipc.Pin): Ipc.ContentProof {
  return proof === "not_reproduced" || proof === "not_checked" ? proof : "verified";
}

export function copyOf({ account, name }: Ipc.Pin): Pick<Ipc.CheckedCopy, "account" | "name"> {
  return { account, name };
}

function receiptOf(pin: Ipc.Pin, now: number): Ipc.Receipt {
  return {
    at: now - 7_200_000,
    cid: pin.cid,
    proof: contentOf(pin),
    profile: contentOf(pin) === "verified" ? "unixfs-v1-2025" : null,
    reason: pin.proof === "not_reproduced" ? "the gateway took too long." : null,
    compared_at: pin.proof === "not_checked" ? null : now - 7_200_000,
    source: pin.name,
    bytes: pin.size ?? 0,
  };
}
