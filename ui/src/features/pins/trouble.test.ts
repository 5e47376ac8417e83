import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

const HOSTED = "hosted";

test("what an account told before it stopped to answer is shown as of then, with the cure", async () => {
  const { app, mock } = await openApp();
  await waitFor(() => expect(allByTestId("pin-row").length).toBeGreaterThan(0));
  expect(document.querySelector("[data-testid=trouble]")).toBeNull();
  mock.trouble(HOSTED, "unreachable", "no route to host");
  await waitFor(() => expect(byTestId("trouble").textContent).toContain("Studio archive cannot be reached."));
  expect(byTestId("trouble").textContent).toMatch(/as of .*\d/);
  expect(byTestId("accounts-dot").textContent).toContain("1 account does not answer");
  const outdated = allByTestId("pin-row").filter((row) => row.dataset["outdated"] !== undefined);
  expect(outdated.length).toBeGreaterThan(0);
  for (const row of outdated) expect(row.textContent).toMatch(/Unknown since .*\d/);
  await fireEvent.dblClick(outdated[0] as HTMLElement);
  await waitFor(() => expect(byTestId("details").textContent).toMatch(/Unknown since/));
  await fireEvent.click(byTestId("trouble-try"));
  await waitFor(() => expect(requestsOf(mock, "check_account")).toEqual([HOSTED]));
  mock.trouble(HOSTED, "ok");
  await waitFor(() => expect(document.querySelector("[data-testid=trouble]")).toBeNull());
  expect(document.querySelector("[data-outdated]")).toBeNull();
  expect(app.accounts.outdated(HOSTED)).toBeNull();
});

test("keys that are missing are not called refused, and are entered from where that is said", async () => {
  const { mock } = await openApp();
  mock.trouble(HOSTED, "no_secret", "the secret of the account is not there");
  await waitFor(() =>
    expect(byTestId("trouble").textContent).toContain("keys of Studio archive are missing"),
  );
  expect(byTestId("trouble").textContent).not.toContain("refuse");
  await fireEvent.click(byTestId("trouble-keys"));
  await waitFor(() => expect(byTestId("account-dialog").textContent).toContain("Studio archive"));
  const field = byTestId("account-dialog").querySelector<HTMLInputElement>("input[name=endpoint]");
  expect(field?.value).toBe("https://api.aiozpin.network");
});

test("files for an account that does not answer wait, and nobody is told that they were accepted", async () => {
  const { app, mock } = await openApp();
  await app.settings.setDefaultAccount(HOSTED);
  mock.trouble(HOSTED, "no_secret", "the secret of the account is not there");
  await waitFor(() => expect(app.accounts.troubled).toHaveLength(1));
  await app.intake.pickFiles();
  await waitFor(() => expect(byTestId("toast").textContent).toContain("nothing is sent"));
  expect(byTestId("toast").dataset["kind"]).toBe("warning");
  expect(byTestId("toast").textContent).toContain("keys of Studio archive are missing");
  app.navigation.go("transfers");
  await waitFor(() =>
    expect(document.body.textContent).toContain("waits for Studio archive: its keys are missing"),
  );
});
