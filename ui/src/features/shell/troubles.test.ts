import { waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { byTestId, openApp } from "../../test-app.ts";

test("what is wrong with the program stands above every screen until it is over", async () => {
  const { app, mock } = await openApp();
  expect(document.querySelector("[data-testid=home-trouble]")).toBeNull();
  mock.troubles = [
    { type: "defect", duty: { what: "queue" }, times: 1 },
    { type: "defect", duty: { what: "account", id: "hosted" }, times: 3 },
  ];
  mock.changed("troubles");
  await waitFor(() => expect(byTestId("home-trouble").textContent).toContain("working through the queue"));
  expect(byTestId("home-trouble").textContent).toContain("asking Studio archive, 3 times in a row");
  app.navigation.go("settings");
  await waitFor(() => expect(byTestId("home-trouble").textContent).toContain("goes on by itself"));
  mock.troubles = [{ type: "disk_full" }];
  mock.changed("troubles");
  await waitFor(() =>
    expect(byTestId("home-trouble").textContent).toContain("The disk with Holdfast's data is full"),
  );
  expect(byTestId("home-trouble").textContent).not.toContain("Studio archive");
  mock.troubles = [
    { type: "damaged" },
    { type: "set_aside", copy: "/home/ada/holdfast.db.damaged-2026-11-30T12-00-00", whole: false },
  ];
  mock.changed("troubles");
  await waitFor(() =>
    expect(byTestId("home-trouble").textContent).toContain("Quit Holdfast and start it again"),
  );
  expect(byTestId("home-trouble").textContent).toContain("set aside as /home/ada/holdfast.db.damaged-2026");
  mock.troubles = [];
  mock.changed("troubles");
  await waitFor(() => expect(document.querySelector("[data-testid=home-trouble]")).toBeNull());
});
