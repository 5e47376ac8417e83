import { fireEvent, waitFor } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

const ONE = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
const OTHER = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n";

async function openDialog() {
  const opened = await openApp({ busy: false });
  opened.app.navigation.pinCid();
  await waitFor(() => byTestId("pin-cid-dialog"));
  return opened;
}

function field(name: string): HTMLInputElement {
  const input = byTestId("pin-cid-dialog").querySelector<HTMLInputElement>(`input[name=${name}]`);
  if (!input) throw new Error(`no field ${name}`);
  return input;
}

async function type(text: string) {
  await fireEvent.input(field("cid"), { target: { value: text } });
}

async function allow() {
  await fireEvent.click(byTestId("allow-fetching"));
  await waitFor(() => byTestId("fetched-from"));
}

const submit = () => byTestId<HTMLButtonElement>("pin-cid-submit");

test("before This computer is asked it is said that it cannot fetch, and another account is offered", async () => {
  const { mock } = await openDialog();
  expect(byTestId("fetches-from-nowhere").textContent).toContain("can only pin what it already holds");
  await fireEvent.click(byTestId("pin-elsewhere"));
  await waitFor(() => expect(document.querySelector("[data-testid=fetches-from-nowhere]")).toBeNull());
  await type(ONE);
  await fireEvent.click(submit());
  await waitFor(() =>
    expect(requestsOf(mock, "pin_cid")).toEqual([
      { accounts: ["hosted"], text: ONE, name: null, metadata: {} },
    ]),
  );
});

test("one question with what it means lets This computer fetch, and it is said from where", async () => {
  const { mock } = await openDialog();
  expect(byTestId("fetch-consent").textContent).toContain("learns which CIDs you pin");
  expect(field("fetch_gateway").value).toBe("https://trustless-gateway.link");
  expect(requestsOf(mock, "set_fetch_sources")).toEqual([]);
  await allow();
  expect(requestsOf(mock, "set_fetch_sources")).toEqual([
    { gateways: ["https://trustless-gateway.link"], of_accounts: false, plain_http: false },
  ]);
  expect(byTestId("fetched-from").textContent).toContain("https://trustless-gateway.link");
  await type(ONE);
  await fireEvent.click(submit());
  await waitFor(() => expect(requestsOf(mock, "pin_cid")).toHaveLength(1));
});

test("what This computer does not hold is refused with what helps, also when it is tried all the same", async () => {
  await openDialog();
  await type(ONE);
  await fireEvent.click(submit());
  await waitFor(() => expect(byTestId("pin-cid-error").textContent).toContain("Allow a gateway"));
});

test("several CIDs are said to be several, and one that is pinned already is not asked for again", async () => {
  const { app, mock } = await openDialog();
  await allow();
  await type(`${ONE} ipfs://${OTHER}`);
  await waitFor(() => expect(byTestId("pasted-cids").textContent).toContain("2 CIDs"));
  expect(submit().textContent).toContain("Pin 2 CIDs");
  await fireEvent.click(submit());
  await waitFor(() => expect(requestsOf(mock, "pin_cid")).toHaveLength(2));
  for (let step = 0; step < 6; step += 1) mock.advance();
  app.navigation.pinCid();
  await waitFor(() => byTestId("pin-cid-dialog"));
  await type(ONE);
  await waitFor(() =>
    expect(byTestId("pasted-cids").textContent).toContain("Pinned already at This computer"),
  );
  expect(submit().disabled).toBe(true);
  await type(`${ONE} ${OTHER}`);
  await waitFor(() => expect(allByTestId("pasted-cid")).toHaveLength(2));
  expect(requestsOf(mock, "pin_cid")).toHaveLength(2);
});

test("the lines of a list that is pasted stay apart", async () => {
  await openDialog();
  const clipboardData = { getData: () => `${ONE}\n${OTHER}\n` };
  await fireEvent(
    field("cid"),
    Object.assign(new Event("paste", { bubbles: true, cancelable: true }), { clipboardData }),
  );
  await waitFor(() => expect(field("cid").value).toBe(`${ONE} ${OTHER}`));
  await waitFor(() =>
    expect(allByTestId("pasted-cid").map(({ dataset }) => dataset.cid)).toEqual([ONE, OTHER]),
  );
});

test("a link into a folder offers the whole folder", async () => {
  const { mock } = await openDialog();
  await allow();
  await type(`https://gateway.example/ipfs/${ONE}/a/b.txt`);
  await waitFor(() => expect(byTestId("pasted-cids").textContent).toContain("“a/b.txt” inside a folder"));
  expect(submit().textContent).toContain("Pin the whole folder");
  await fireEvent.click(submit());
  await waitFor(() => expect(requestsOf(mock, "pin_cid")).toMatchObject([{ text: ONE }]));
});

test("what is no CID is said to be none, at the field", async () => {
  await openDialog();
  await type("this is none");
  await fireEvent.click(submit());
  await waitFor(() => expect(byTestId("pin-cid-problem").textContent).toContain("This is no CID"));
  expect(field("cid").getAttribute("aria-invalid")).toBe("true");
  const described = field("cid").getAttribute("aria-describedby")?.split(" ") ?? [];
  expect(described.some((id) => document.getElementById(id)?.dataset.testid === "pin-cid-problem")).toBe(
    true,
  );
  expect(document.activeElement).toBe(field("cid"));
});

describe("a name and metadata", () => {
  const fields = () => byTestId<HTMLDetailsElement>("new-pin-fields");

  async function addMetadata(key: string, value: string) {
    await fireEvent.click(byTestId("add-metadata"));
    const row = allByTestId("metadata-row").at(-1) as HTMLElement;
    const [key_field, value_field] = row.querySelectorAll("input");
    await fireEvent.input(key_field as Element, { target: { value: key } });
    await fireEvent.input(value_field as Element, { target: { value } });
  }

  test("are offered folded, and go with every CID to every account", async () => {
    const { mock } = await openDialog();
    await allow();
    expect(fields().open).toBe(false);
    await type(`${ONE} ${OTHER}`);
    await fireEvent.input(field("name"), { target: { value: " survey " } });
    await addMetadata("project", "harbour");
    await waitFor(() => expect(submit().textContent).toContain("Pin 2 CIDs"));
    await fireEvent.click(submit());
    const rest = { accounts: ["this-computer"], name: "survey", metadata: { project: "harbour" } };
    await waitFor(() =>
      expect(requestsOf(mock, "pin_cid")).toEqual([
        { ...rest, text: ONE },
        { ...rest, text: OTHER },
      ]),
    );
  });

  test("are not sent as long as something is wrong with them", async () => {
    const { mock } = await openDialog();
    await allow();
    await type(ONE);
    await addMetadata("", "a value without a key");
    await waitFor(() => expect(submit().disabled).toBe(true));
    await fireEvent.submit(byTestId("pin-cid-dialog").querySelector("form") as HTMLFormElement);
    expect(requestsOf(mock, "pin_cid")).toHaveLength(0);
    await fireEvent.click(byTestId("remove-metadata"));
    await fireEvent.input(field("name"), { target: { value: "ä".repeat(200) } });
    await waitFor(() => expect(submit().disabled).toBe(true));
  });

  test("are not offered where an account keeps none, and what was typed is left out then", async () => {
    const { app, mock } = await openDialog();
    await allow();
    await type(ONE);
    await addMetadata("", "no key");
    app.accounts.list = app.accounts.list.map((account) => ({ ...account, keeps_metadata: false }));
    await waitFor(() => expect(fields().textContent).toContain("keeps metadata"));
    expect(allByTestId("metadata-row")).toHaveLength(0);
    await waitFor(() => expect(submit().disabled).toBe(false));
    await fireEvent.click(submit());
    await waitFor(() => expect(requestsOf(mock, "pin_cid")).toMatchObject([{ metadata: {} }]));
  });
});

test("a double click makes one pin", async () => {
  const { mock } = await openDialog();
  await allow();
  await type(ONE);
  mock.latency_ms = 50;
  await Promise.all([fireEvent.click(submit()), fireEvent.click(submit())]);
  await waitFor(() => expect(document.querySelector("[data-testid=pin-cid-dialog]")).toBeNull());
  expect(requestsOf(mock, "pin_cid")).toHaveLength(1);
  expect(mock.transfers).toHaveLength(1);
});
