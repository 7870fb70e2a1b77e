async function verifyWebhook(body, signature, secret, tolerance = 300) {
  const parts = (signature ?? "").split(",").map((part) => part.trim().split("=", 2));
  const at = parts.find(([name]) => name === "t")?.[1] ?? "";
  if (!/^\d{1,12}$/.test(at) || Math.abs(Date.now() / 1e3 - Number(at)) > tolerance) return false;
  const text = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", text.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "verify"
  ]);
  const signed = text.encode(`${at}.${body}`);
  for (const [name, hex = ""] of parts) {
    if (name !== "v1" || !/^[0-9a-f]{64}$/.test(hex)) continue;
    const bytes = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
    if (await crypto.subtle.verify("HMAC", key, bytes, signed)) return true;
  }
  return false;
}
export {
  verifyWebhook
};
