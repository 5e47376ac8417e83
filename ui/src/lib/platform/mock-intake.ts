/** What the made-up file dialogs give. */

import type * as Ipc from "../bindings/ipc.ts";

export function madeUpSelection(id: string): Ipc.Selection {
  return {
    id,
    items: [
      { name: "harbour-dawn.jpg", kind: "file", files: 1, bytes: 4_200_000 },
      { name: "ledger.pdf", kind: "file", files: 1, bytes: 380_000 },
      { name: "interviews", kind: "directory", files: 12, bytes: 96_000_000 },
    ],
    files: 14,
    bytes: 100_580_000,
    remarks: [],
    skipped: [{ name: "interviews/latest", reason: "a symbolic link, which is not followed" }],
    refused: [{ name: "/dev/null", reason: "a device, which has no content" }],
    needs_confirmation: null,
  };
}

export function madeUpDirectory(id: string): Ipc.Selection {
  return {
    ...{ id, files: 48_210, bytes: 91_000_000_000, skipped: [], remarks: [], refused: [] },
    items: [{ name: "ada", kind: "directory", files: 48_210, bytes: 91_000_000_000 }],
    needs_confirmation: "This is your home folder. It may hold private keys, mail and passwords.",
  };
}
