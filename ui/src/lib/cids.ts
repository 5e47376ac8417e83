/** CIDs in pasted text, as far as telling several apart needs it: what they are is for Rust to say. */

const CID = /\b(Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{40,}|k[0-9a-z]{40,}|z[1-9A-HJ-NP-Za-km-z]{40,})\b/;

export function cidIn(text: string): string | null {
  return CID.exec(text)?.[0] ?? null;
}

/** Where several CIDs or links were pasted, each by itself; else the text as it is. */
export function cidsIn(text: string): string[] {
  const several = text.split(/[\s,;]+/).filter((part) => CID.test(part));
  return several.length > 1 ? [...new Set(several)] : [text.trim()];
}
