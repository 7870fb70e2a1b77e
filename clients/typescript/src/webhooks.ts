/**
 * Whether a webhook is Andon's: `body` as it came, byte for byte, and the header `Andon-Signature`. Refuses what was
 * signed over `tolerance` seconds ago, so that nobody sends it again later.
 */
export async function verifyWebhook(
  body: string,
  signature: string | null,
  secret: string,
  tolerance = 300,
): Promise<boolean> {
  const parts = (signature ?? "").split(",").map((part) => part.trim().split("=", 2) as [string, string?]);
  const at = parts.find(([name]) => name === "t")?.[1] ?? "";
  if (!/^\d{1,12}$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > tolerance) return false;
  const text = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", text.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
  const signed = text.encode(`${at}.${body}`);
  for (const [name, hex = ""] of parts) {
    if (name !== "v1" || !/^[0-9a-f]{64}$/.test(hex)) continue;
    const bytes = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
    if (await crypto.subtle.verify("HMAC", key, bytes, signed)) return true;
  }
  return false;
}
