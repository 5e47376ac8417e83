import { expect, test } from "vitest";
import { credentialsOf, FORMS, KINDS, travelsUnencrypted } from "./account-draft.ts";

test.each([
  "https://example.com",
  "http://127.0.0.1:5001",
  "http://127.8.9.1",
  "http://localhost:9094/api",
  "http://node.localhost",
  "http://[::1]:5001",
  "192.168.1.9:5001",
  "http://",
  "",
])("what is sent to %j is encrypted, stays here, or is no address yet", (address) => {
  expect(travelsUnencrypted(address)).toBe(false);
});

test.each([
  "http://192.168.1.9:5001",
  " http://example.com ",
  "HTTP://EXAMPLE.COM",
  "http://127.0.0.1.example.com",
  "http://localhost.example.com",
  "http://[fd00::1]:5001",
])("what is sent to %j can be read on the way", (address) => {
  expect(travelsUnencrypted(address)).toBe(true);
});

test("every kind of service has a usual form of credentials", () => {
  for (const kind of KINDS) expect(FORMS[kind].length).toBeGreaterThan(0);
});

test("credentials have the parts of their form and no other", () => {
  expect(credentialsOf("none", "a", "b")).toEqual({ form: "none" });
  expect(credentialsOf("token", "a", "b")).toEqual({ form: "token", token: "b" });
  expect(credentialsOf("login", "a", "b")).toEqual({ form: "login", user: "a", password: "b" });
  expect(credentialsOf("key_and_secret", "a", "b")).toEqual({
    form: "key_and_secret",
    key: "a",
    secret: "b",
  });
});
