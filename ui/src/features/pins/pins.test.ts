import { fireEvent, screen, waitFor } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import type { CheckCopiesRequest, ComparePinRequest, PinQuery } from "../../lib/bindings/ipc.ts";
import { allByTestId, byTestId, NOW, openApp, requestsOf } from "../../test-app.ts";

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
  const [request] = requestsOf(mock, "unpin") as { confirmed: number; pins: { pins: object[] } }[];
  expect(request?.confirmed).toBe(1);
  expect(request?.pins.pins.map((key) => Object.keys(key).toSorted())).toEqual([["account", "id"]]);
});

test("what goes in a moment is told with a way to undo it, also by the keyboard", async () => {
  const { mock } = await openTable(3);
  const unpinOne = async () => {
    rows()[0]?.focus();
    await press("Delete");
    await fireEvent.click(byTestId("confirm-unpin"));
    await waitFor(() => expect(byTestId("unpinnings").textContent).toContain("1 pin will be unpinned"));
    expect(rows()).toHaveLength(3);
  };
  await unpinOne();
  await fireEvent.click(byTestId("undo-unpin"));
  await waitFor(() => expect(screen.queryByTestId("unpinnings")).toBeNull());
  await unpinOne();
  rows()[0]?.focus();
  await press("z", { ctrlKey: true });
  await waitFor(() => expect(screen.queryByTestId("unpinnings")).toBeNull());
  expect(requestsOf(mock, "undo_unpin")).toHaveLength(2);
});

test("all that match go by the question and its exceptions, and only when their number is typed", async () => {
  const { mock } = await openTable(1000);
  rows()[0]?.focus();
  await press("a", { ctrlKey: true });
  await fireEvent.click(rows()[1] as HTMLElement, { ctrlKey: true });
  const before = requestsOf(mock, "pins").length;
  await press("Delete");
  await waitFor(() => expect(byTestId("unpin-accounts").textContent).toContain("at This computer"));
  expect(byTestId("unpin-dialog").textContent).toContain("Unpin 999 pins?");
  expect(byTestId<HTMLButtonElement>("confirm-unpin").disabled).toBe(true);
  await fireEvent.input(byTestId("unpin-count"), { target: { value: "99" } });
  expect(byTestId<HTMLButtonElement>("confirm-unpin").disabled).toBe(true);
  await fireEvent.input(byTestId("unpin-count"), { target: { value: "999" } });
  mock.failNext("unpin", { code: "count_changed", message: "other", retryable: false, details: null });
  await fireEvent.click(byTestId("confirm-unpin"));
  await waitFor(() => expect(byTestId("unpin-error").textContent).toContain("Nothing was unpinned"));
  expect(byTestId<HTMLButtonElement>("confirm-unpin").disabled).toBe(true);
  await fireEvent.input(byTestId("unpin-count"), { target: { value: "999" } });
  await fireEvent.click(byTestId("confirm-unpin"));
  await waitFor(() => expect(byTestId("unpinnings").textContent).toContain("999 pins will be unpinned"));
  const requests = requestsOf(mock, "unpin") as {
    confirmed: number;
    pins: { which: string; except: object[] };
  }[];
  expect(requests.at(-1)).toMatchObject({ confirmed: 999, pins: { which: "matching" } });
  expect(requests.at(-1)?.pins.except).toHaveLength(1);
  expect(requestsOf(mock, "pins")).toHaveLength(before);
});

test("all that match are copied and verified by the question, with one request each", async () => {
  const { mock } = await openTable(4000);
  rows()[0]?.focus();
  await press("a", { ctrlKey: true });
  mock.calls.length = 0;
  await press("c", { ctrlKey: true });
  await waitFor(() => expect(document.body.textContent).toContain("4,000 CIDs copied"));
  await fireEvent.click(byTestId("verify-selection"));
  await waitFor(() => expect(byTestId("check-summary").textContent).toBe("4,000 verified"));
  const asked = mock.calls.map(({ command }) => command).filter((command) => !command.startsWith("pin"));
  expect(asked.toSorted()).toEqual(["check_copies", "copy_pins"]);
  for (const command of asked) {
    expect(requestsOf(mock, command)).toMatchObject([{ pins: { which: "matching", except: [] } }]);
  }
});

test("a range to a row far away is selected without the rows between", async () => {
  const { app, mock } = await openTable(5000);
  await fireEvent.click(rows()[2] as HTMLElement);
  rows()[2]?.focus();
  mock.calls.length = 0;
  await press("End", { shiftKey: true });
  await waitFor(() => expect(app.pins.selection.count(5000)).toBe(4998));
  await waitFor(() => expect((document.activeElement as HTMLElement).dataset["index"]).toBe("4999"));
  await waitFor(() => expect(selected()).toHaveLength(rows().length));
  expect((requestsOf(mock, "pins") as PinQuery[]).reduce((sum, { limit }) => sum + limit, 0)).toBeLessThan(
    500,
  );
  await press("Home");
  await waitFor(() => expect(app.pins.selection.count(5000)).toBe(1));
});

test("with no pins the table says what to do and what becomes public", async () => {
  await openApp({ pins: 0, busy: false });
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
    expect(words()).toBe("The bytes read on this computer have this CID.");
    expect(byTestId("copy-words").textContent).toContain("was not asked for its blocks yet");
    expect(byTestId("proof-history").textContent).toContain("unixfs-v1-2025");
  });

  test("is asked for again from the file that was sent", async () => {
    const { mock } = await openDetails("not_checked");
    expect(words()).toContain("Nothing on this computer");
    await fireEvent.click(byTestId("file-unchanged"));
    await waitFor(() => expect(result()).toContain("Unchanged: /home/ada/"));
    const [request] = requestsOf(mock, "compare_pin") as ComparePinRequest[];
    expect(request?.with).toBe("source");
    expect(Object.keys(request?.pin ?? {})).toEqual(["account", "id"]);
  });

  test("names what differs in another file, and where", async () => {
    const { mock } = await openDetails("verified");
    const difference = { what: "content", entry: "deep/b.jpg", byte: 12345 } as const;
    mock.nextComparison = { outcome: "differs", path: "/home/ada/other", known_since: null, difference };
    await fireEvent.click(byTestId("compare-other"));
    await waitFor(() => expect(result()).toBe("Differs from byte 12,345 of /home/ada/other/deep/b.jpg"));
    expect(requestsOf(mock, "compare_pin")).toMatchObject([{ with: "file" }]);
  });

  test("says why nothing can be said, and nothing when nothing was chosen", async () => {
    const { mock } = await openDetails("verified");
    mock.nextComparison = { outcome: "unknown", path: "/a", reason: "the gateway cannot be reached." };
    await fireEvent.click(byTestId("file-unchanged"));
    await waitFor(() => expect(result()).toBe("It cannot be said: the gateway cannot be reached."));
    mock.nextComparison = null;
    await fireEvent.click(byTestId("compare-other"));
    await waitFor(() => expect(allByTestId("stop-comparing")).toHaveLength(0));
    expect(result()).toBe("It cannot be said: the gateway cannot be reached.");
  });

  test("shows how far it is, and can be stopped", async () => {
    const { mock } = await openDetails("verified", 700);
    mock.failNext("compare_pin", {
      code: "cancelled",
      message: "cancelled",
      retryable: false,
      details: null,
    });
    await fireEvent.click(byTestId("file-unchanged"));
    await waitFor(() => expect(byTestId("stop-comparing")).toBeTruthy());
    await fireEvent.click(byTestId("stop-comparing"));
    expect(requestsOf(mock, "stop_comparing")).toHaveLength(1);
    await waitFor(() => expect(allByTestId("stop-comparing")).toHaveLength(0), { timeout: 3000 });
    expect(allByTestId("comparison")).toHaveLength(0);
  });

  test("verifying asks the account, says what is damaged, and keeps it", async () => {
    const { mock } = await openDetails("verified");
    const reason = "the block bafk is damaged (from byte 0 on).";
    mock.nextCheck = { ...mock.nextCheck, outcome: "damaged", reason };
    await fireEvent.click(byTestId("verify"));
    await waitFor(() => expect(byTestId("proof-history").textContent).toContain(reason));
    const [request] = requestsOf(mock, "check_copies") as CheckCopiesRequest[];
    expect(request).toMatchObject({ every_block: false });
    const [key = {}] = request?.pins.which === "named" ? request.pins.pins : [];
    expect(Object.keys(key)).toEqual(["account", "id"]);
    expect(byTestId("details").querySelector(".damaged")?.textContent).toContain("Damaged");
    expect(allByTestId("copy-words")).toHaveLength(0);
  });

  test("blocks that contradict one another are neither damaged nor missing", async () => {
    const { mock } = await openDetails("verified");
    const reason = "the blocks are what their CIDs say, and nobody can read them: a name is there twice.";
    mock.nextCheck = { ...mock.nextCheck, outcome: "contradictory", reason };
    await fireEvent.click(byTestId("verify"));
    await waitFor(() =>
      expect(byTestId("proof-history").textContent).toContain(`The blocks contradict one another: ${reason}`),
    );
    expect(byTestId("proof-history").querySelector(".bad")).not.toBeNull();
    expect(byTestId("details").querySelector(".contradictory")?.textContent).toContain("Contradictory");
    expect(byTestId("details").textContent).not.toContain("Damaged");
  });

  test("a sample is said to be one, and every block can be asked for", async () => {
    const { mock } = await openDetails("verified");
    mock.nextCheck = { ...mock.nextCheck, blocks: 300, of: 40_960 };
    await fireEvent.click(byTestId("verify"));
    await waitFor(() =>
      expect(byTestId("proof-history").textContent).toContain("A sample of 300 of 40,960 blocks"),
    );
    await fireEvent.click(byTestId("verify-every-block"));
    await waitFor(() => expect(requestsOf(mock, "check_copies")).toHaveLength(2));
    expect(requestsOf(mock, "check_copies")[1]).toMatchObject({ every_block: true });
  });

  test("a file that changed since is said so, and the pin stays what it is", async () => {
    const { mock } = await openDetails("verified");
    const known_since = NOW - 17 * 60_000;
    mock.nextComparison = { outcome: "differs", path: "/home/ada/a.jpg", known_since, difference: null };
    await fireEvent.click(byTestId("file-unchanged"));
    await waitFor(() =>
      expect(result()).toBe("Your file has changed since; pinned is the version of 17 minutes ago"),
    );
    expect(words()).toBe("The bytes read on this computer have this CID.");
  });
});

test("a selection is verified with one line of what came of it", async () => {
  const { mock } = await openTable(10);
  rows()[0]?.focus();
  await press("a", { ctrlKey: true });
  mock.latency_ms = 400;
  await fireEvent.click(byTestId("verify-selection"));
  await waitFor(() => expect(byTestId("stop-selection-check")).toBeTruthy(), { timeout: 3000 });
  await waitFor(() => expect(byTestId("check-summary").textContent).toBe("10 verified"), { timeout: 3000 });
  mock.latency_ms = 0;
  mock.nextCheck = { ...mock.nextCheck, outcome: "unknown", reason: "the account has no gateway." };
  await fireEvent.click(byTestId("verify-selection"));
  await waitFor(() => expect(byTestId("check-summary").textContent).toBe("0 verified, 10 cannot be asked"));
  expect(byTestId("check-strip").textContent).toContain("the account has no gateway.");
});

test("unpinning several says how many are last copies", async () => {
  const { mock } = await openTable(10);
  rows()[0]?.focus();
  await press("a", { ctrlKey: true });
  await fireEvent.click(byTestId("unpin"));
  await waitFor(() =>
    expect(byTestId("last-copy").textContent).toMatch(/\d+ of these (is|are) the last cop/),
  );
  expect(byTestId("last-copy").textContent).toContain("at This computer");
  expect(requestsOf(mock, "unpin_impact")).toMatchObject([{ which: "matching", except: [] }]);
});
