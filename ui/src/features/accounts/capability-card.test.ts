import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { AccountCard } from "../../lib/bindings/ipc.ts";
import { madeUpCard, madeUpNode, madeUpPinOnly } from "../../lib/platform/mock-accounts.ts";
import { allByTestId, byTestId, NOW, openApp, requestsOf } from "../../test-app.ts";
import { abilitiesOf, wordFor } from "./capability-words.ts";

const cardOf = (label: string) =>
  document.querySelector<HTMLElement>(`[data-testid=account-card][data-label="${label}"]`);

async function unfold(label: string): Promise<HTMLElement> {
  const button = cardOf(label)?.querySelector("[data-testid=account-abilities]");
  if (!button) throw new Error(`no card ${label}`);
  expect(button.getAttribute("aria-expanded")).toBe("false");
  await fireEvent.click(button);
  expect(button.getAttribute("aria-expanded")).toBe("true");
  return byTestId("abilities");
}

test("before a check it says what the check does, and nothing about the service", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  expect(allByTestId("abilities")).toHaveLength(0);
  const abilities = await unfold("Studio archive");
  expect(abilities.textContent).toContain("not checked yet");
  expect(abilities.textContent).toContain("uploads a small file of its own and removes it again");
  expect(abilities.querySelectorAll("[data-mark]")).toHaveLength(0);
  expect(requestsOf(mock, "probe_account")).toHaveLength(0);
});

test("a check fills the card", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  const abilities = await unfold("Studio archive");
  await fireEvent.click(byTestId("probe-account"));
  await waitFor(() => expect(abilities.textContent).toContain("Takes files and folders"));
  expect(requestsOf(mock, "probe_account")).toEqual(["hosted"]);
  expect(abilities.textContent).toContain("Takes no empty files");
  expect(abilities.textContent).toContain("Checked now");
  expect(abilities.querySelector("details")?.textContent).toContain("unixfs-v1-2025");
  expect(cardOf("Studio archive")?.textContent).toMatch(/3.2\u00a0GB of 5\u00a0GB used\s+\(as of now\)/);
});

test("a check that fails says why, and what was known stays", async () => {
  const { mock } = await openApp({ screen: "accounts", accounts: [madeUpPinOnly(NOW)] });
  const abilities = await unfold("Pinata");
  mock.failNext("probe_account", { code: "network", message: "timed out", retryable: true, details: null });
  await fireEvent.click(byTestId("probe-account"));
  await waitFor(() => expect(byTestId("toast").textContent).toContain("could not be checked"));
  expect(abilities.textContent).toContain("Takes no files, only CIDs");
  expect(abilities.textContent).toContain("at most 30 lists a minute");
});

test("what nobody knows is said, and so is what went wrong", () => {
  const card = madeUpCard("aioz", NOW);
  const marks = abilitiesOf({ ...card, duplicates: "unknown", deletion: "failed" }).map(({ mark }) => mark);
  expect(marks.slice(-2)).toEqual(["unknown", "wrong"]);
});

test("what is kept of a pin is what can be changed of it", () => {
  const words = (about: Partial<AccountCard>) =>
    abilitiesOf({ ...madeUpCard("psa", NOW), ...about }).map(({ words }) => words);
  expect(words({})).toEqual(
    expect.arrayContaining(["Keeps names and metadata", "Lets you change names and metadata"]),
  );
  const without = words({ metadata: false });
  expect(without).toEqual(expect.arrayContaining(["Keeps names, but no metadata", "Lets you change names"]));
});

test("a word of a newer backend is shown as it came", () => {
  expect(wordFor("paging", "by moonlight")).toBe("by moonlight");
  expect(wordFor("filter", "cid")).toBe("CID");
});

test("an account without a way for files says so and offers the node, and says through which they go then", async () => {
  const { mock } = await openApp({ screen: "accounts", accounts: [madeUpPinOnly(NOW)] });
  expect(allByTestId("needs-node")).toHaveLength(1);
  expect(cardOf("Pinata")?.textContent).toContain("This service takes no files itself.");
  await fireEvent.click(byTestId("add-node"));
  const endpoint = byTestId("account-dialog").querySelector<HTMLInputElement>("[name=endpoint]");
  expect(endpoint?.value).toBe("http://127.0.0.1:5001");
  await fireEvent.click(byTestId("save-account"));
  await waitFor(() => expect(cardOf("Pinata")?.textContent).toContain("Files go through Kubo."));
  expect(allByTestId("needs-node")).toHaveLength(0);
  expect(requestsOf(mock, "add_account")).toMatchObject([{ draft: { credentials: { form: "none" } } }]);
});

test("an account whose files go through a node names it", async () => {
  await openApp({ screen: "accounts", accounts: [madeUpPinOnly(NOW), madeUpNode(NOW)] });
  expect(byTestId("through-node").textContent).toContain("Files go through My Kubo.");
});
