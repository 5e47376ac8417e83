import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { byTestId, openApp, requestsOf } from "../../test-app.ts";

const ONE = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
const OTHER = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n";

async function openDialog() {
  const opened = await openApp({ busy: false });
  opened.app.navigation.pinCid();
  await waitFor(() => byTestId("pin-cid-dialog"));
  return opened;
}

async function type(text: string) {
  const field = byTestId("pin-cid-dialog").querySelector<HTMLInputElement>("input[name=cid]");
  if (!field) throw new Error("no field");
  await fireEvent.input(field, { target: { value: text } });
}

test("before This computer is asked it is said that it fetches from nowhere, and another is offered", async () => {
  const { mock } = await openDialog();
  expect(byTestId("fetches-from-nowhere").textContent).toContain("can only pin what it already holds");
  await fireEvent.click(byTestId("pin-elsewhere"));
  await waitFor(() => expect(document.querySelector("[data-testid=fetches-from-nowhere]")).toBeNull());
  await type(ONE);
  await fireEvent.click(byTestId("pin-cid-submit"));
  await waitFor(() =>
    expect(requestsOf(mock, "pin_cid")).toEqual([{ account: "hosted", text: ONE, name: null }]),
  );
});

test("every CID that is pasted is asked for, and one that is pinned already is said to be", async () => {
  const { app, mock } = await openDialog();
  await type(`${ONE} ipfs://${OTHER}`);
  await fireEvent.click(byTestId("pin-cid-submit"));
  await waitFor(() => expect(requestsOf(mock, "pin_cid")).toHaveLength(2));
  for (let step = 0; step < 6; step += 1) mock.advance();
  app.navigation.pinCid();
  await waitFor(() => byTestId("pin-cid-dialog"));
  await type(ONE);
  await fireEvent.click(byTestId("pin-cid-submit"));
  await waitFor(() => expect(byTestId("pin-cid-error").textContent).toContain("has this pinned already"));
  expect(requestsOf(mock, "pin_cid")).toHaveLength(2);
});

test("what is no CID is said to be none, in one sentence", async () => {
  await openDialog();
  await type("this is none");
  await fireEvent.click(byTestId("pin-cid-submit"));
  await waitFor(() =>
    expect(byTestId("pin-cid-error").textContent).toContain("There is no CID in this text."),
  );
});
