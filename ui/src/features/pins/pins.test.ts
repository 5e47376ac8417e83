import { fireEvent, waitFor } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import type { PinQuery, VerifyPinRequest } from "../../lib/bindings/ipc.ts";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

async function openTable(pins = 5000) {
  const opened = await openApp({ pins });
  await waitFor(() => expect(rows()[0]?.dataset["cid"]).toBeTruthy());
  return opened;
}

const rows = () => allByTestId("pin-row");
const selected = () =>
  rows().filter((row) => row.ariaSelected === "true" || row.getAttribute("aria-selected") === "true");

async function press(key: string, modifiers: KeyboardEventInit = {}) {
  await fireEvent.keyDown(document.activeElement ?? document.body, { key, ...modifiers });
}

test("of many pins only the rows in view are drawn and few are fetched", async () => {
  const { mock } = await openTable();
  expect(rows().length).toBeLessThan(20);
  expect(byTestId("pin-table").getAttribute("aria-rowcount")).toBe("5001");
  expect(rows()[0]?.getAttribute("aria-rowindex")).toBe("2");
  for (const { limit } of requestsOf(mock, "pins") as PinQuery[]) expect(limit).toBeLessThanOrEqual(100);
  expect(requestsOf(mock, "pins").length).toBeLessThanOrEqual(3);
});

test("a header sorts, and again the other way round", async () => {
  const { mock } = await openTable();
  await fireEvent.click(byTestId("sort-name"));
  const header = byTestId("sort-name").closest("[role=columnheader]");
  expect(header?.getAttribute("aria-sort")).toBe("ascending");
  await fireEvent.click(byTestId("sort-name"));
  expect(header?.getAttribute("aria-sort")).toBe("descending");
  await waitFor(() =>
    expect((requestsOf(mock, "pins") as PinQuery[]).at(-1)).toMatchObject({
      sort: "name",
      descending: true,
      offset: 0,
    }),
  );
});

test("a search is sent to Rust, and old rows stay until the answer is there", async () => {
  const { app } = await openTable();
  const name = rows()[0]?.dataset["name"] ?? "";
  await fireEvent.input(byTestId("search"), { target: { value: name } });
  expect(rows().length).toBeGreaterThan(10);
  await waitFor(() => expect(app.pins.total).toBe(1));
  await waitFor(() => expect(rows()).toHaveLength(1));
  expect(rows()[0]?.dataset["name"]).toBe(name);
});

test("a search without a match offers the way back", async () => {
  await openTable();
  await fireEvent.input(byTestId("search"), { target: { value: "no such pin" } });
  await waitFor(() => expect(byTestId("empty-state").textContent).toContain("No pin matches"));
});

test("the slash goes to the search", async () => {
  await openTable();
  await fireEvent.keyDown(document.body, { key: "/" });
  expect(document.activeElement).toBe(byTestId("search"));
});

test("a change at the other side refreshes what is shown", async () => {
  const { mock, app } = await openTable();
  const before = requestsOf(mock, "pins").length;
  for (let storm = 0; storm < 50; storm += 1) mock.changed("pins");
  await waitFor(() => expect(requestsOf(mock, "pins").length).toBeGreaterThan(before));
  await waitFor(() => expect(app.pins.revision).toBeGreaterThan(0));
  expect(requestsOf(mock, "pins").length - before).toBeLessThan(10);
});

describe("with the keyboard", () => {
  test("one row has the tab stop, and the arrows move it", async () => {
    await openTable();
    expect(rows().filter((row) => row.tabIndex === 0)).toHaveLength(1);
    rows()[0]?.focus();
    await press("ArrowDown");
    await waitFor(() => expect(document.activeElement).toBe(rows()[1]));
    expect(selected()).toEqual([rows()[1]]);
  });

  test("Shift extends, Ctrl+A takes everything that matches", async () => {
    const { app } = await openTable();
    await fireEvent.click(rows()[2] as HTMLElement);
    rows()[2]?.focus();
    await press("ArrowDown", { shiftKey: true });
    await waitFor(() => expect(selected()).toHaveLength(2));
    await press("a", { ctrlKey: true });
    expect(app.pins.selection.count(app.pins.total)).toBe(5000);
  });

  test("End reaches the last row", async () => {
    await openTable();
    rows()[0]?.focus();
    await press("End");
    await waitFor(() => expect((document.activeElement as HTMLElement).dataset["index"]).toBe("4999"));
    await waitFor(() => expect((document.activeElement as HTMLElement).dataset["cid"]).toBeTruthy());
  });

  test("Ctrl+C copies CIDs and Ctrl+Shift+C links, through Rust", async () => {
    const { mock } = await openTable();
    await fireEvent.click(rows()[0] as HTMLElement);
    rows()[0]?.focus();
    await press("c", { ctrlKey: true });
    await press("C", { ctrlKey: true, shiftKey: true });
    await waitFor(() =>
      expect(requestsOf(mock, "copy_pins")).toMatchObject([{ what: "cid" }, { what: "gateway_link" }]),
    );
  });

  test("Enter opens the details of the row", async () => {
    await openTable();
    rows()[0]?.focus();
    await press("Enter");
    await waitFor(() => expect(byTestId("details").textContent).toContain("Multihash"));
    expect(byTestId("details").textContent).toContain(rows()[0]?.dataset["name"]);
  });
});

test("unpinning asks with the name, the count and whether it is the last copy", async () => {
  const { mock } = await openTable();
  const row = rows().find((one) => one.textContent.includes("This computer")) as HTMLElement;
  await fireEvent.click(row);
  await fireEvent.click(byTestId("unpin"));
  await waitFor(() => expect(byTestId("unpin-dialog").textContent).toContain(row.dataset["name"]));
  expect(byTestId("unpin-dialog").textContent).toContain("1 pin");
  await waitFor(() => expect(byTestId("last-copy")).toBeTruthy());
  expect(requestsOf(mock, "unpin")).toHaveLength(0);
  await fireEvent.click(byTestId("confirm-unpin"));
  await waitFor(() => expect(requestsOf(mock, "unpin")).toHaveLength(1));
  const [keys] = requestsOf(mock, "unpin") as object[][];
  expect(keys?.map((key) => Object.keys(key).toSorted())).toEqual([["account", "id"]]);
});

test("a CID is found in a link; text without one is refused in words", async () => {
  const { mock } = await openTable(10);
  await fireEvent.click(byTestId("pin-cid"));
  const input = byTestId("pin-cid-dialog").querySelector("[name=cid]") as HTMLInputElement;
  await fireEvent.input(input, { target: { value: "hello" } });
  await fireEvent.click(byTestId("pin-cid-submit"));
  await waitFor(() => expect(byTestId("pin-cid-error").textContent).toContain("There is no CID"));
  await fireEvent.input(input, { target: { value: `https://x.example/ipfs/bafybei${"a".repeat(52)}` } });
  await fireEvent.click(byTestId("pin-cid-submit"));
  await waitFor(() => expect(allByTestId("pin-cid-dialog")).toHaveLength(0));
  expect(requestsOf(mock, "pin_cid")).toHaveLength(2);
});

test("with no pins the table says what to do and what becomes public", async () => {
  await openApp({ pins: 0 });
  await waitFor(() => expect(byTestId("empty-state").textContent).toContain("Drop a file here"));
  expect(byTestId("empty-state").textContent).toContain("This computer");
  expect(byTestId("empty-state").textContent).toContain("anybody who knows the CID");
});

describe("the proof of a pin", () => {
  /** Of the first pin of a status: what is pinned is mostly verified, and what is queued was never compared. */
  async function openDetails(proof: "verified" | "not_checked", latency_ms = 0) {
    const opened = await openTable();
    opened.app.pins.setFilter({ status: proof === "verified" ? "pinned" : "queued" });
    await waitFor(() => expect(opened.app.pins.outdated).toBe(false));
    const wanted = await waitFor(() => {
      const row = rows().find((row) => row.querySelector(`.column-proof .${proof}`));
      if (!row) throw new Error(`no pin is ${proof}`);
      return row;
    });
    wanted.focus();
    await fireEvent.click(wanted);
    await press("Enter");
    await waitFor(() => expect(byTestId("proof")).toBeTruthy());
    opened.mock.latency_ms = latency_ms;
    return opened;
  }
  const words = () => byTestId("proof-words").textContent;
  const result = () => byTestId("comparison").textContent?.trim();

  test("says in plain words what is known and how", async () => {
    await openDetails("verified");
    expect(words()).toBe("Verified: same CID computed here (unixfs-v1-2025)");
  });

  test("is asked for again from the file that was sent", async () => {
    const { mock } = await openDetails("not_checked");
    expect(words()).toContain("Nothing on this computer");
    await fireEvent.click(byTestId("verify"));
    await waitFor(() => expect(result()).toBe("Verified: proven block by block"));
    const [request] = requestsOf(mock, "verify_pin") as VerifyPinRequest[];
    expect(request?.with).toBe("source");
    expect(Object.keys(request?.pin ?? {})).toEqual(["account", "id"]);
  });

  test("names what differs in another file, and where", async () => {
    const { mock } = await openDetails("verified");
    const difference = { what: "content", entry: "deep/b.jpg", byte: 12345 } as const;
    mock.nextComparison = { outcome: "differs", path: "/home/ada/other", difference };
    await fireEvent.click(byTestId("verify-other"));
    await waitFor(() => expect(result()).toBe("Differs from byte 12,345 of /home/ada/other/deep/b.jpg"));
    expect(requestsOf(mock, "verify_pin")).toMatchObject([{ with: "file" }]);
  });

  test("says why nothing can be said, and nothing when nothing was chosen", async () => {
    const { mock } = await openDetails("verified");
    mock.nextComparison = { outcome: "unknown", path: "/a", reason: "the gateway cannot be reached." };
    await fireEvent.click(byTestId("verify"));
    await waitFor(() => expect(result()).toBe("It cannot be said: the gateway cannot be reached."));
    mock.nextComparison = null;
    await fireEvent.click(byTestId("verify-other"));
    await waitFor(() => expect(allByTestId("stop-verifying")).toHaveLength(0));
    expect(result()).toBe("It cannot be said: the gateway cannot be reached.");
  });

  test("shows how far it is, and can be stopped", async () => {
    const { mock } = await openDetails("verified", 700);
    mock.failNext("verify_pin", {
      code: "cancelled",
      message: "cancelled",
      retryable: false,
      details: null,
    });
    await fireEvent.click(byTestId("verify"));
    await waitFor(() => expect(byTestId("stop-verifying")).toBeTruthy());
    await fireEvent.click(byTestId("stop-verifying"));
    expect(requestsOf(mock, "stop_verifying")).toHaveLength(1);
    await waitFor(() => expect(allByTestId("stop-verifying")).toHaveLength(0), { timeout: 3000 });
    expect(allByTestId("comparison")).toHaveLength(0);
  });
});
