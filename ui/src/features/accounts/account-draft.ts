/** What the form for a new account asks for, by the kind of service and the address. */

import type { CredentialKind, CredentialsDraft, ProviderKind } from "../../lib/bindings/ipc.ts";

export const KINDS: ProviderKind[] = ["aioz", "psa", "kubo", "cluster"];

/** What services of a kind take, the usual form first. A preset may know better. */
export const FORMS: Record<ProviderKind, CredentialKind[]> = {
  aioz: ["key_and_secret"],
  psa: ["token"],
  kubo: ["none", "login", "token"],
  cluster: ["none", "login", "token"],
};

/** Where such a service listens as it comes; hosted ones have no address in common. */
export const USUAL_ENDPOINT: Record<ProviderKind, string | undefined> = {
  aioz: undefined,
  psa: undefined,
  kubo: "http://127.0.0.1:5001",
  cluster: "http://127.0.0.1:9094",
};

/** Whether a form has a part that is no secret: a key's name or a user's. */
export function hasName(form: CredentialKind): form is "key_and_secret" | "login" {
  return form === "key_and_secret" || form === "login";
}

export function credentialsOf(form: CredentialKind, name: string, secret: string): CredentialsDraft {
  switch (form) {
    case "none":
      return { form };
    case "key_and_secret":
      return { form, key: name, secret };
    case "token":
      return { form, token: secret };
    case "login":
      return { form, user: name, password: secret };
  }
}

/** True for an http:// address of another machine; what is no address yet is judged when it is sent. */
export function travelsUnencrypted(address: string): boolean {
  const text = address.trim();
  if (!text.includes("://") || !URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "http:" && !isLoopback(hostname);
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}
